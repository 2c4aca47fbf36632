import { setImmediate } from 'node:timers/promises'

import { holdOffice, openDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, test } from 'vitest'

import { SILENT } from '../src/logger.ts'
import { startElectedChores } from '../src/operations/elected-chores.ts'

const server = await startPostgres()
afterAll(() => server?.close())
const CLOCK = { last: () => null, believe: () => Promise.resolve() }

/** An office that the test gives and takes. `over` resolves when its holder gives it back. */
function createOffice() {
  const lost = new AbortController()
  const work = Promise.withResolvers<void>()
  const elect = (begin: (signal: AbortSignal) => Promise<void>): AsyncDisposable => {
    work.resolve(begin(lost.signal))
    return { [Symbol.asyncDispose]: async () => {} }
  }
  return { elect, lose: () => lost.abort(), over: work.promise }
}

test('an office is given back when the chores under way are over, not before', async () => {
  const gate = Promise.withResolvers<void>()
  const steps: string[] = []
  const { elect, lose, over } = createOffice()
  const chore = async (): Promise<void> => {
    steps.push('began')
    await gate.promise
    steps.push('ended')
  }
  await startElectedChores(elect, { byAge: [], others: [chore] }, CLOCK, SILENT)
  await expect.poll(() => steps).toEqual(['began'])
  lose()
  const givenBack = over.then(() => steps.push('given back'))
  await setImmediate()
  gate.resolve()
  await givenBack
  expect(steps).toEqual(['began', 'ended', 'given back'])
})

test('an office that is lost before its chores began is given back', async () => {
  const asked = Promise.withResolvers<void>()
  const { elect, lose, over } = createOffice()
  const clock = { ...CLOCK, last: () => asked.promise.then(() => null) }
  await startElectedChores(elect, { byAge: [], others: [] }, clock, SILENT)
  lose()
  asked.resolve()
  await expect(over).resolves.toBe(undefined)
})

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
      await sides[0]!.db.query(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'",
      )
      await expect.poll(total).toBe(1 + cut)
    }
    for (const { db, started } of sides) {
      await (await started)[Symbol.asyncDispose]()
      await db.close()
    }
    expect(total()).toBeLessThanOrEqual(5)
  })
})
