import { DatabaseSync } from 'node:sqlite'

import type { Database } from '../src/index.ts'

/** A write that waits for a copy of the log to end. */
export type HeldWrite = { readonly done: Promise<unknown>; readonly body: string }

/**
 * Fills the log until a write is held: the row it adds is the only one with its `body`.
 *
 * @throws when none was held, as on a machine that never lets the thread come too late
 */
export async function holdWrite(db: Database): Promise<HeldWrite> {
  db.raw.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL)')
  // While it reads, the log does not start over.
  using reader = new DatabaseSync(db.raw.location()!)
  reader.exec('BEGIN; SELECT count(*) FROM item')
  const insert = db.prepare('INSERT INTO item (body) VALUES (zeroblob(3900))')
  const grow = (): void => {
    for (let i = 0; i < 4100; i++) insert.run()
  }
  for (let i = 0; i < 800; i++) {
    if (i % 100 === 0) db.transaction(grow)
    const body = `write ${i}`
    let ran = false
    const done = db.write(() => {
      ran = true
      db.raw.exec(`INSERT INTO item (body) VALUES ('${body}')`)
    })
    done.catch(() => {})
    // Two turns, in which a write that is not held runs.
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve))
    if (!ran) return { done, body }
    await done
  }
  throw new Error('no write was held')
}
