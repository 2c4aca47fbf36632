// Writers of one repository in several processes: who lost a race takes a ticket, and nobody commits before the holder of the lowest.

import { setTimeout as sleep } from 'node:timers/promises'

import type { PostgresDatabase } from '@avocet/postgres'
import type { Did } from '@avocet/syntax'

import type { WriteTurn } from '../store.ts'
import { applyInTurn } from './apply.ts'
import type { Tables } from './tables.ts'

/** A ticket that nobody renewed for so long counts no more: its process is gone, or was too slow. */
const TICKET_SECONDS = 3
/** How long a writer waits for its turn at most. */
const WAIT_MS = 10_000
/** Looks whether it has come; a part is random, so that those who wait do not look all at once. */
const LOOK_MS = 5

/** Waits for a turn; null when it does not come. */
export async function takeTurn(db: PostgresDatabase, tables: Tables, did: Did): Promise<WriteTurn | null> {
  const [row] = await db.query(
    `WITH former AS (DELETE FROM write_turn WHERE did = $1 AND until < clock_timestamp() - interval '1 minute')
     INSERT INTO write_turn (did, until) VALUES ($1, clock_timestamp() + interval '${TICKET_SECONDS} s') RETURNING ticket`,
    [did],
  )
  const ticket = row!['ticket'] as string
  const end = async (): Promise<void> => {
    await db.query('DELETE FROM write_turn WHERE ticket = $1', [ticket])
  }
  const started = performance.now()
  for (let looks = 0; ; looks++) {
    const [state] = await db.query(
      `WITH renewed AS (UPDATE write_turn SET until = clock_timestamp() + interval '${TICKET_SECONDS} s' WHERE ticket = $2)
       SELECT EXISTS (SELECT 1 FROM write_turn WHERE did = $1 AND ticket < $2 AND until > clock_timestamp()) AS waits`,
      [did, ticket],
    )
    if (state!['waits'] === false) break
    if (performance.now() - started > WAIT_MS) {
      await end()
      return null
    }
    await sleep(LOOK_MS * (1 + Math.random() + Math.min(looks, 8) / 2))
  }
  let isOver = false
  return {
    apply: async (change) => {
      const outcome = await applyInTurn(db, tables, change, ticket)
      isOver = outcome.status === 'applied'
      return outcome
    },
    [Symbol.asyncDispose]: async () => {
      if (!isOver) await end()
    },
  }
}
