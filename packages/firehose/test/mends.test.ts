// What a named sequence shows: with the mend taken out of a copy of the sources, the checker finds a difference in it.

import { join } from 'node:path'
import { expect, it } from 'vitest'
import { MODEL_CASES } from '../model/cases.ts'
import { copyWithout } from '../model/copy-without.ts'
import { MENDS } from '../model/mends.ts'

it('every sequence has a mend', () => {
  const sequences = new Set(MODEL_CASES.flatMap(({ sequence = [] }) => sequence))
  expect(MENDS.map(({ sequence }) => sequence)).toEqual([...sequences])
})

it.each(MENDS)('$sequence is noticed without its mend: $mend', async (mend) => {
  using copy = copyWithout(mend)
  const { playCases } = (await import(
    join(copy.folder, 'model/search.ts')
  )) as typeof import('../model/search.ts')
  const names = MODEL_CASES.filter(({ sequence }) => sequence === mend.sequence).map(({ name }) => name)
  for (const name of names) {
    const { finding } = await playCases(name)
    expect([name, finding === null ? 'not noticed' : 'noticed']).toEqual([name, 'noticed'])
  }
})
