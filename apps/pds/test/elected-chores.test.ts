import { holdOffice, openDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, test } from 'vitest'

import { SILENT } from '../src/logger.ts'
import { startElectedChores } from '../src/operations/elected-chores.ts'

const server = await startPostgres()
afterAll(() => server?.close())
const CLOCK = { last: () => null, believe: () => Promise.resolve() }

// Not skipped in silence: `startPostgres` has said that there is none.
describe.skipIf(server === null)('chores of several processes', () => {
  test('are done by one, and at once by the other when the connection of the first is cut', async () => {
    const rounds = [0, 0]
    const sides = [0, 1].map((side) => {
      const db = openDatabase({ url: server!.url, poolSize: 2 })
      const chore = async (): Promise<void> => void rounds[side]!++
      const started = startElectedChores(
        (work) => holdOffice(db, 'chores', work, { retryMs: 40, checkMs: 40 }),
        { byAge: [chore], others: [] },
        CLOCK,
        SILENT,
      )
      return { db, started }
    })
    const total = (): number => rounds[0]! + rounds[1]!
    await expect.poll(total).toBe(1)
    for (let cut = 1; cut <= 3; cut++) {
      // oxlint-disable-next-line no-await-in-loop -- one cut after the other
      await sides[0]!.db.query(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'",
      )
      // oxlint-disable-next-line no-await-in-loop
      await expect.poll(total).toBe(1 + cut)
    }
    for (const { db, started } of sides) {
      // oxlint-disable-next-line no-await-in-loop
      await (await started)[Symbol.asyncDispose]()
      // oxlint-disable-next-line no-await-in-loop
      await db.close()
    }
    expect(total()).toBeLessThanOrEqual(5)
  })
})
