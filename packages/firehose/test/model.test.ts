// The model checker, a few seconds of it: each named sequence, and some hundred interleavings. The long run is a command:
// npx pnpm --filter @avocet/firehose model --count 1000000 --jobs 2

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Action, USUAL_SIZE } from '../model/actions.ts'
import { MODEL_CASES } from '../model/cases.ts'
import { MENDS } from '../model/mends.ts'
import { interleavingOf, search, SEEDS_OF_A_CASE } from '../model/search.ts'
import { shrink } from '../model/shrink.ts'
import { simulate } from '../model/simulate.ts'

describe('model', () => {
  it.each(MODEL_CASES)('$name: $about', async ({ size: change, actions }) => {
    for (let seed = 1; seed <= SEEDS_OF_A_CASE; seed++) {
      expect(await simulate(seed, { ...USUAL_SIZE, ...change }, actions)).toBe(null)
    }
  })

  it('every sequence has a case, and every case a name of its own', () => {
    const sequences = new Set(MODEL_CASES.flatMap(({ sequence = [] }) => sequence))
    expect([...sequences].toSorted()).toEqual(Array.from({ length: 18 }, (_, i) => `C${i + 1}`).toSorted())
    expect(new Set(MODEL_CASES.map(({ name }) => name)).size).toBe(MODEL_CASES.length)
  })

  it.each(MENDS)('the mend of $sequence can be taken out: $mend', ({ edits }) => {
    for (const { file, find, replace } of edits) {
      const source = readFileSync(join(import.meta.dirname, '..', file), 'utf8')
      expect([find, source.split(find).length - 1]).toEqual([find, 1])
      expect(replace).not.toBe(find)
    }
  })

  it('500 interleavings: what is said is true, and in the end all is equal', async () => {
    expect(await search(1, 500)).toMatchObject({ played: 500, finding: null })
  })

  it('is played the same way each time', async () => {
    const play = async (): Promise<string[]> => {
      const lines: string[] = []
      for (let seed = 1; seed <= 5; seed++) {
        const { size, actions } = interleavingOf(seed)
        await simulate(seed, size, actions, (at, did, what) => lines.push(`${at} ${did} ${what}`))
      }
      return lines
    }
    const first = await play()
    expect(first.length).toBeGreaterThan(20)
    expect(await play()).toEqual(first)
  })

  it('notices a record that is lost without a word, and shows what it takes', async () => {
    const actions: readonly Action[] = [
      ...[0, 1, 2].flatMap((record) => [
        { do: 'write', account: 0, record } as const,
        { do: 'write', account: 1, record } as const,
        { do: 'cut', relay: 0 } as const,
      ]),
      { do: 'lose-row', account: 0 },
    ]
    const found = await simulate(10, USUAL_SIZE, actions)
    expect(found).toMatchObject({ when: 'at-rest' })
    const { actions: few } = await shrink({
      seed: 10,
      size: USUAL_SIZE,
      actions,
      difference: found!,
    })
    expect(few.length).toBeLessThanOrEqual(3)
    expect(few.at(-1)).toEqual({ do: 'lose-row', account: 0 })
  })
})
