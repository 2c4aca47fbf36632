import { expect, test } from 'vitest'

import { sortInTurns } from '../src/sorting.ts'

test.each([0, 1, 10_000, 10_001, 45_678])('%i texts are sorted as by their characters', async (count) => {
  const texts = Array.from({ length: count }, (_, i) => `${(i * 7919) % 10_007}/${i % 13}`)
  expect(await sortInTurns(texts)).toEqual(texts.toSorted())
})

test('others get their turn while many are sorted', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await sortInTurns(Array.from({ length: 200_000 }, (_, i) => `${(i * 7919) % 100_003}`))
  clearInterval(timer)
  expect(turns).toBeGreaterThan(10)
})
