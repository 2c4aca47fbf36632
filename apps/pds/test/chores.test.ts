import { expect, test } from 'vitest'

import { SILENT } from '../src/logger.ts'
import { startChores } from '../src/operations/chores.ts'

const HOUR = 60 * 60 * 1000
const YEAR = 365 * 24 * HOUR

/** Which chores ran, a word a round, while the clocks went as told: [wall, steady] at each round. */
async function rounds(
  clocks: readonly (readonly [number, number])[],
  last: number | null = null,
): Promise<{ ran: string[]; errors: string[]; believed: number | null }> {
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
  let believed = last
  const chores = await startChores(
    { byAge: [chore('old ')], others: [chore('other')] },
    {
      last: () => believed,
      believe: (time) => {
        believed = time
        return Promise.resolve()
      },
    },
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
  return { ran: ran.slice(0, clocks.length), errors, believed }
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

test.each([
  ['an hour before', -HOUR, true],
  ['more than an hour before', -HOUR - 1, false],
  ['a week after', 7 * 24 * HOUR, true],
  ['more than a week after', 7 * 24 * HOUR + 1, false],
])('a start %s the time that was believed last', async (_name, offset, isBelieved) => {
  const last = 2 * YEAR
  const { ran, errors, believed } = await rounds([[last + offset, 0]], last)
  expect([ran, believed]).toEqual(isBelieved ? [['old other'], last + offset] : [['other'], last])
  expect(errors).toEqual(
    isBelieved
      ? []
      : ['the clock is far from when this server ran last: nothing is removed for its age for a day'],
  )
})

test('a clock in doubt is believed after it went on for a day', async () => {
  const start = 3 * YEAR
  const { ran, believed } = await rounds(
    [
      [start, 0],
      [start + 24 * HOUR - 1, 24 * HOUR - 1],
      [start + 24 * HOUR, 24 * HOUR],
    ],
    2 * YEAR,
  )
  expect([ran, believed]).toEqual([['other', 'other', 'old other'], start + 24 * HOUR])
})
