// A labeler that says and retracts until it is killed. Prints each number with what it stands for, once that is acknowledged: `7 v3:neg`.
import { createKeypair } from '@avocet/crypto'
import { openDatabase } from '@avocet/sqlite'

import { createLabeler } from '../src/server/index.ts'
import { openLabelStore } from '../src/sqlite/index.ts'

const [path, round] = process.argv.slice(2)
const did = 'did:web:labels.example.com'
const store = openLabelStore(openDatabase({ path: path! }))
// Another key each time: statements of the one before are signed anew meanwhile.
const labeler = createLabeler({ did, signer: createKeypair(), store })
const uri = 'did:web:alice.example.com'

const reader = async (): Promise<void> => {
  for await (const _ of labeler.events(0)) if (Number(round) < 0) return
}
void reader()
const writers = Array.from({ length: 4 }, async (_, writer) => {
  for (let i = 0; ; i++) {
    const val = `v${writer}-${i % 5}`
    const made = [
      ...(await labeler.negate({ uri, val })).map(({ seq }) => `${seq} ${val}:neg`),
      ...(await labeler.create({ uri, val })).map(({ seq }) => `${seq} ${val}:pos`),
    ]
    process.stdout.write(`${made.join('\n')}\n`)
  }
})
await Promise.all(writers)
