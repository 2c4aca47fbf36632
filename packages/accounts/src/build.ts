import type { AccountChange, Outcome, Refusal } from './change.ts'
import { AccountError } from './error.ts'
import type { AccountStore, Awaitable } from './store.ts'

/** What was built, and what to give back once it is applied; without changes, once what was read is durable. */
export interface Built<T> {
  readonly changes: readonly AccountChange[]
  readonly value: T
}

/** How often changes are built before the store counts as busy. */
const ATTEMPTS = 5

/**
 * Builds changes from what is read, and applies them; where another request was quicker, reads and builds again, five times at
 * most. That many losses in a row mean a storm of requests on one row.
 *
 * @param store the store, or what applies the changes with those of other stores
 * @param again refusals that also mean that another request was quicker, such as `session-rotated`
 * @throws AccountError the refusal, or `busy`
 */
export async function buildAndApply<T>(
  store: Pick<AccountStore, 'apply'>,
  build: () => Awaitable<Built<T>>,
  again: readonly Refusal[] = [],
): Promise<T> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    // Each attempt is built on what the one before found.
    const { changes, value } = await build()
    // Also without changes: what was read may not be on the disk yet.
    const outcome = await store.apply(changes)
    if (outcome.status === 'applied') return value
    if (outcome.status === 'refused' && !again.includes(outcome.reason)) {
      throw new AccountError(outcome.reason)
    }
  }
  throw new AccountError('busy')
}

/** For who composes a transaction of several stores, where a throw undoes it. @throws AccountError `stale`, or the refusal */
export function requireApplied(outcome: Outcome): void {
  if (outcome.status === 'applied') return
  throw new AccountError(outcome.status === 'stale' ? 'stale' : outcome.reason)
}
