// Interleavings by the thousand.

import type { Action, Size } from './actions.ts'
import { MODEL_CASES } from './cases.ts'
import type { ModelCase } from './case.ts'
import { USUAL_SIZE } from './actions.ts'
import { randomActions, randomSize } from './generate.ts'
import { createRandom } from './random.ts'
import { type Finding, shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

/** What a seed stands for. */
export function interleavingOf(seed: number): { readonly size: Size; readonly actions: readonly Action[] } {
  const random = createRandom(seed)
  const size = randomSize(random)
  return { size, actions: randomActions(random, size) }
}

/** What a search came to: how many interleavings were played, of how many actions, and the first that shows a difference. */
export type SearchResult = {
  readonly played: number
  readonly actions: number
  readonly finding: Finding | null
}

/** Plays the interleavings of `count` seeds from `first` on; stops at the first difference, which is then cut short. */
export async function search(first: number, count: number): Promise<SearchResult> {
  let total = 0
  for (let played = 1; played <= count; played++) {
    const seed = first + played - 1
    const { size, actions } = interleavingOf(seed)
    total += actions.length
    const difference = await simulate(seed, size, actions)
    if (difference === null) continue
    return { played, actions: total, finding: await shrink({ seed, size, actions, difference }) }
  }
  return { played: count, actions: total, finding: null }
}

/** Each named case is played with so many seeds: they decide how long answers take. */
const SEEDS_OF_A_CASE = 5

/** The seeds of a named case, with one of its own where it has one. */
export function seedsOf({ seed }: ModelCase): number[] {
  const usual = Array.from({ length: SEEDS_OF_A_CASE }, (_, i) => i + 1)
  return seed === undefined ? usual : [...usual, seed]
}

/** Plays the named cases whose name holds this text. `runs`: how often one of them was played, over all their seeds. */
export async function playCases(
  name = '',
): Promise<{ readonly played: number; readonly runs: number; readonly finding: Finding | null }> {
  let played = 0
  let runs = 0
  for (const item of MODEL_CASES) {
    if (!item.name.includes(name)) continue
    played++
    const { actions } = item
    const size = { ...USUAL_SIZE, ...item.size }
    for (const seed of seedsOf(item)) {
      runs++
      const difference = await simulate(seed, size, actions)
      if (difference !== null) return { played, runs, finding: { seed, size, actions, difference } }
    }
  }
  return { played, runs, finding: null }
}
