import { expect, test } from 'vitest'

import { SILENT } from '../src/logger.ts'
import { startChores } from '../src/operations/chores.ts'

const HOUR = 60 * 60 * 1000
const YEAR = 365 * 24 * HOUR

/** Which chores ran, a word a round, while the clocks went as told: [wall, steady] at each round. */
async function rounds(
  clocks: readonly (readonly [number, number])[],
): Promise<{ ran: string[]; errors: string[] }> {
  const ran: string[] = []
  const errors: string[] = []
  let [now, steady] = clocks[0]!
  const chore = (name: string) => (): Promise<void> => {
    ran[ran.length - 1] += name
    return Promise.resolve()
  }
  let round = 0
  const step = (): number => {
    // Each round reads the wall clock once, first.
    ran.push('')
    ;[now, steady] = clocks[Math.min(round++, clocks.length - 1)]!
    return now
  }
  let started = false
  const chores = startChores(
    { byAge: [chore('old ')], others: [chore('other')] },
    { ...SILENT, error: (_data, message) => void errors.push(message) },
    {
      everyMs: 1,
      // The first look is that of the start itself.
      now: () => (started ? step() : ((started = true), now)),
      steady: () => steady,
    },
  )
  while (round < clocks.length) await new Promise((resolve) => setTimeout(resolve, 1))
  await chores[Symbol.asyncDispose]()
  return { ran: ran.slice(0, clocks.length), errors }
}

test('what is old goes, also when the clock is put right by less than an hour', async () => {
  const { ran, errors } = await rounds([
    [YEAR, 0],
    [YEAR + HOUR, HOUR],
    [YEAR + 3 * HOUR, 2 * HOUR],
  ])
  expect([ran, errors]).toEqual([['old other', 'old other', 'old other'], []])
})

test.each([
  ['ahead', YEAR],
  ['back', -YEAR],
  ['ahead by an hour and a bit', HOUR + 1],
])(
  'a clock that jumps %s: nothing is removed for its age until a restart, said once',
  async (_name, jump) => {
    const { ran, errors } = await rounds([
      [2 * YEAR, 0],
      [2 * YEAR + HOUR + jump, HOUR],
      [2 * YEAR + 2 * HOUR + jump, 2 * HOUR],
      [2 * YEAR + 3 * HOUR, 3 * HOUR],
    ])
    expect(ran).toEqual(['old other', 'other', 'other', 'other'])
    expect(errors).toEqual(['the clock jumped: nothing is removed for its age until the server is restarted'])
  },
)
