// Interleavings by the thousand, and what is left of one that shows a difference.

import { type Action, randomActions, type Size } from './actions.ts'
import { createRandom } from './random.ts'
import { type Difference, simulate } from './simulate.ts'

/** An interleaving that shows a difference, as short as it could be made. */
export type Finding = {
  readonly seed: number
  readonly size: Size
  readonly actions: readonly Action[]
  readonly difference: Difference
}

/** The network of a seed: one relay or two, with and without a mirror. */
export function sizeOf(seed: number): Size {
  return { accounts: 2, hosts: 2, relays: 1 + (seed & 1), mirror: (seed & 2) !== 0 }
}

/** What happens in the interleaving of a seed: most are short, so that many are played. */
export function actionsOf(seed: number): Action[] {
  return randomActions(createRandom(seed), seed % 5 === 0 ? 40 : 12, sizeOf(seed))
}

/** Plays `count` interleavings from `first` on; stops at the first difference. `onProgress` is told after each. */
export async function search(
  first: number,
  count: number,
  onProgress?: (done: number) => void,
): Promise<Finding | null> {
  for (let done = 0; done < count; done++) {
    const seed = first + done
    const size = sizeOf(seed)
    const actions = actionsOf(seed)
    const difference = await simulate(seed, size, actions)
    if (difference !== null) return shrink(seed, size, actions, difference)
    onProgress?.(done + 1)
  }
  return null
}

/** Leaves out what is not needed: halves, quarters, at last single actions. */
export async function shrink(
  seed: number,
  size: Size,
  actions: readonly Action[],
  difference: Difference,
): Promise<Finding> {
  let best = { actions, difference }
  for (let length = actions.length >> 1; length >= 1; length >>= 1) {
    for (let at = 0; at + length <= best.actions.length;) {
      const fewer = best.actions.toSpliced(at, length)
      const found = await simulate(seed, size, fewer)
      if (found === null) at += length
      else best = { actions: fewer, difference: found }
    }
  }
  return { seed, size, ...best }
}
