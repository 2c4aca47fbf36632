import type { PostgresDatabase } from '@avocet/postgres'
import type { PostgresEventLog } from '../../src/postgres/index.ts'
import { event } from '../log-conformance.ts'

/** A transaction that has its number and stays open until `end` is called. */
export async function held(
  db: PostgresDatabase,
  log: PostgresEventLog,
  n: number,
): Promise<{ seq: number; end: (commit: boolean) => Promise<void> }> {
  const numbered = Promise.withResolvers<number>()
  const ended = Promise.withResolvers<boolean>()
  const done = db
    .transaction(async (tx) => {
      numbered.resolve(await log.append(tx, event('did:a:held', n)))
      if (!(await ended.promise)) throw new Error('rolled back')
    })
    .catch(() => {})
  return { seq: await numbered.promise, end: (commit) => (ended.resolve(commit), done) }
}
