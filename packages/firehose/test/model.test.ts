// The model checker, a few seconds of it: each named sequence, and some hundred interleavings. The long run is a command:
// npx pnpm --filter @avocet/firehose model -- --interleavings 1000000

import { describe, expect, it } from 'vitest'
import type { Action } from '../model/actions.ts'
import { MODEL_CASES } from '../model/cases.ts'
import { actionsOf, search, shrink, sizeOf } from '../model/search.ts'
import { simulate } from '../model/simulate.ts'

const size = { accounts: 2, hosts: 2, relays: 1, mirror: false }

describe('model', () => {
  it.each(MODEL_CASES)('$name: $about', async ({ size: change, actions }) => {
    for (let seed = 1; seed <= 5; seed++) {
      expect(await simulate(seed, { ...size, ...change }, actions)).toBe(null)
    }
  })

  it('300 interleavings: what is said is true, and in the end all is equal', async () => {
    expect(await search(1, 300)).toBe(null)
  })

  it('is played the same way each time', async () => {
    const play = async (): Promise<string[]> => {
      const lines: string[] = []
      await simulate(10, sizeOf(10), actionsOf(10), (at, did, what) => lines.push(`${at} ${did} ${what}`))
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
    const found = await simulate(10, size, actions)
    expect(found).toMatchObject({ when: 'at-rest' })
    const { actions: few } = await shrink(10, size, actions, found!)
    expect(few.length).toBeLessThanOrEqual(3)
    expect(few.at(-1)).toEqual({ do: 'lose-row', account: 0 })
  })
})
