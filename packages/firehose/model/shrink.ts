// What is left of an interleaving that shows a difference when all that it does not take is left out.

import type { Action, Size } from './actions.ts'
import type { Difference } from './compare.ts'
import { simulate } from './simulate.ts'

/** An interleaving that shows a difference. */
export type Finding = {
  readonly seed: number
  readonly size: Size
  readonly actions: readonly Action[]
  readonly difference: Difference
}

/** Runs until it is good enough. */
const MAX_RUNS = 1500

/** Leaves out halves, quarters, at last single actions, until none can go; then what the network does not need. */
export async function shrink(found: Finding): Promise<Finding> {
  const { seed } = found
  let best = found
  let runs = 0
  const attempt = async (size: Size, actions: readonly Action[]): Promise<boolean> => {
    if (runs++ >= MAX_RUNS) return false
    const difference = await simulate(seed, size, actions)
    if (difference === null) return false
    best = { seed, size, actions, difference }
    return true
  }
  for (let before = -1; before !== best.actions.length;) {
    before = best.actions.length
    for (let length = Math.max(1, before >> 1); length >= 1; length >>= 1) {
      for (let at = 0; at + length <= best.actions.length;) {
        if (!(await attempt(best.size, best.actions.toSpliced(at, length)))) at += length
      }
    }
    for (const size of simpler(best)) await attempt(size, best.actions)
  }
  return best
}

/** Smaller networks that the same actions fit. */
function simpler({ size, actions }: Finding): Size[] {
  const most = (name: 'account' | 'relay'): number =>
    Math.max(0, ...actions.map((action) => (action as Partial<Record<typeof name, number>>)[name] ?? 0)) + 1
  const changes: readonly Partial<Size>[] = [
    { accounts: most('account') },
    ...(size.direct ? [] : [{ relays: most('relay') }]),
    ...(most('relay') > size.relays ? [] : [{ direct: false }]),
    { mirror: false },
    { archives: false },
    { live: false },
    { slots: 2 },
    { check: true },
    { backfill: true },
  ]
  return changes.map((change) => ({ ...size, ...change })).filter((other) => !isSame(size, other))
}

const isSame = (a: Size, b: Size): boolean => JSON.stringify(a) === JSON.stringify(b)
