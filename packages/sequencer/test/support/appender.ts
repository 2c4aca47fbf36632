// A process that appends for as long as it lives and says what was acknowledged. Killed by the test.
import { openDatabase } from '@avocet/sqlite'
import { openEventLog } from '../../src/sqlite.ts'

const db = openDatabase({ path: process.argv[2]! })
const log = openEventLog(db)
const append = async (n: number): Promise<void> => {
  for (;;) {
    const body = { did: `did:a:${n}`, text: 'x'.repeat(Math.floor(Math.random() * 2_000)) }
    const seq = await db.write(() => log.append(db, { did: `did:a:${n}`, type: '#commit', body }))
    process.stdout.write(`${seq}\n`)
  }
}
await Promise.all([1, 2, 3, 4].map(append))
