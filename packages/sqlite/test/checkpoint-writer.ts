// A process whose thread copies a long log back. Says `ready`, fills the log when told to, then writes on until a write fails,
// and says with what code.
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import { openDatabase, SqliteError } from '../src/index.ts'

const [path, synchronous] = process.argv.slice(2) as [string, 'full' | 'normal']
const db = openDatabase({ path, synchronous })
db.raw.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)')
const insert = db.prepare('INSERT INTO item (body) VALUES (zeroblob(3900))')
console.log('ready')
await once(process.stdin, 'data')
await db.write(() => {
  for (let i = 0; i < 4100; i++) insert.run()
})
const end = performance.now() + 10_000
for (;;) {
  await delay(10)
  const failure = await db
    .write(() => void insert.run())
    .then(
      () => null,
      (error: unknown) => error,
    )
  if (failure === null && performance.now() < end) continue
  console.log(failure instanceof SqliteError ? failure.code : String(failure))
  break
}
process.exit()
