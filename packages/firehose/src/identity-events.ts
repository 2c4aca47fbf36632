// What an #identity leads to: the DID is resolved anew, as often as the limits allow.
// Spec: https://atproto.com/specs/sync, https://atproto.com/specs/account

import type { Did } from '@avocet/syntax'
import type { Buckets } from './buckets.ts'
import type { Ticket } from './cursor-tracker.ts'
import type { IdentityEvent } from './events.ts'
import type { RepoFact } from './facts.ts'
import type { IdentityResult } from './identities.ts'
import type { Item } from './item.ts'
import { type Bench, judgeHost } from './judge.ts'
import { refusalOf, type Outcomes } from './outcome.ts'
import type { FailureReason } from './reasons.ts'
import type { RepoState } from './state.ts'
import type { Store } from './store.ts'

/** What these events need. */
export type IdentityEventsOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly outcomes: Outcomes
  /** How many accounts never seen each source may have looked up. */
  readonly unknowns: Buckets<string>
  /** Runs something in a DID's lane, later. */
  readonly after: (ms: number, did: Did, work: () => Promise<void>) => void
  readonly count: (reason: FailureReason | 'accepted') => void
}

/** Makes the handler of `#identity`. */
export function createIdentityEvents(
  options: IdentityEventsOptions,
): (item: Item, repo: RepoState | null) => Promise<void> {
  const { bench, store, outcomes, unknowns, count } = options
  const { save, ignore, refuse } = outcomes
  const { now, identities } = bench

  // Changes of identities that come faster than they are followed, the last one of each account.
  const later = new Map<Did, { item: Item; readonly tickets: Ticket[] }>()

  /** More of them than are followed at once become one: what counts is what the directory says in the end. */
  const handleIdentity = async (item: Item, repo: RepoState | null): Promise<void> => {
    const { did } = item.event
    const pending = later.get(did)
    if (pending !== undefined) {
      if (pending.item.ticket !== null) pending.tickets.push(pending.item.ticket)
      pending.item = item
      return
    }
    if (repo === null && !unknowns.take(item.source.id)) {
      return ignore(item, 'account-unknown', 'too many accounts that nothing is known of')
    }
    const renewing = identities.renew(did, repo === null ? item.source.id : null)
    if (renewing === null) {
      later.set(did, { item, tickets: [] })
      options.after((identities.renewableAt(did) ?? now()) - now(), did, async () => {
        const { item: last, tickets } = later.get(did)!
        later.delete(did)
        await handleIdentity(last, await store.load(did))
        for (const ticket of tickets) last.source.tracker.finish(ticket)
      })
      return
    }
    return changeIdentity(item, repo, await bench.aside(did, renewing))
  }

  const changeIdentity = async (
    item: Item,
    repo: RepoState | null,
    result: IdentityResult,
  ): Promise<void> => {
    if (item.event.kind !== 'identity') return
    const { did, seq, time } = item.event
    if (!result.ok && result.gone && repo === null) {
      return ignore(item, 'account-unknown', result.message)
    }
    if (!result.ok && !result.gone) {
      count('identity-unresolved')
      const message = `identity could not be resolved; ${result.message}`
      return save(item, repo, null, refusalOf(item, 'identity-unresolved', message))
    }
    const foreign = await judgeHost(item.event, item.source, bench)
    if (foreign !== null && result.ok) return refuse(item, repo, foreign)
    const handle = result.ok ? (result.identity.handle ?? null) : null
    // A directory that does not know the DID at this moment refutes no handle.
    const uncertain = !result.ok || result.identity.handle === undefined
    const about = { kind: 'identity', source: item.source.id, seq, did, handle, time } as const
    const event: IdentityEvent = uncertain ? { ...about, uncertain } : about
    count('accepted')
    const fact: RepoFact = result.ok
      ? { kind: 'identity' }
      : { kind: 'doubted', reason: 'identity-gone', claimed: null, retryAt: null }
    return save(item, repo, fact, event)
  }

  return handleIdentity
}
