// What an #account leads to. Of several sources one may be behind: then the account's own host has the last word.
// Spec: https://atproto.com/specs/account#hosting-status

import type { AccountStatus } from './account-status.ts'
import type { Buckets } from './buckets.ts'
import type { VerifiedEvent } from './events.ts'
import type { Item } from './item.ts'
import { type Bench, judgeHost } from './judge.ts'
import type { Outcomes } from './outcome.ts'
import type { FailureReason } from './reasons.ts'
import type { RepoState } from './state.ts'

/** What these events need. */
export type AccountEventsOptions = {
  readonly bench: Bench
  readonly outcomes: Outcomes
  readonly statuses: AccountStatus
  /** How many accounts never seen each source may have looked up. */
  readonly unknowns: Buckets<string>
  /** There is more than one source, so that one may be behind another. */
  readonly several: boolean
  readonly count: (reason: FailureReason | 'accepted') => void
}

/** Makes the handler of `#account`. */
export function createAccountEvents(
  options: AccountEventsOptions,
): (item: Item, repo: RepoState | null) => Promise<void> {
  const { bench, outcomes, statuses, unknowns, count } = options
  const { save, ignore, refuse } = outcomes
  const { identities } = bench

  const handleAccount = async (item: Item, repo: RepoState | null): Promise<void> => {
    const account = item.event
    if (account.kind !== 'account') return
    const { did, seq, time, active, status } = account
    if (repo === null) {
      if (!unknowns.take(item.source.id)) {
        return ignore(item, 'account-unknown', 'too many accounts that nothing is known of')
      }
      const found = identities.get(did, item.source.id)
      const result = found instanceof Promise ? await bench.aside(did, found) : found
      if (!result.ok && result.gone) return ignore(item, 'account-unknown', result.message)
    }
    // A PDS speaks only for the accounts it hosts, also about their status.
    const foreign = await judgeHost(account, item.source, bench)
    if (foreign !== null) return refuse(item, foreign)
    const upstreamStatus = active ? 'active' : (status ?? 'inactive')
    if (await isOverruled(item, repo, upstreamStatus)) {
      return ignore(item, 'status-overruled', `the account's own host says otherwise; said=${upstreamStatus}`)
    }
    count('accepted')
    const event: VerifiedEvent = { kind: 'account', source: item.source.id, seq, did, active, status, time }
    return save(item, repo, { kind: 'account', status: upstreamStatus }, event)
  }

  /** Sources are not in order with each other: what a relay says of a change is asked of the account's own host. */
  const isOverruled = async (item: Item, repo: RepoState | null, said: string): Promise<boolean> => {
    if (!options.several || item.source.speaker.kind === 'pds' || said === (repo?.upstreamStatus ?? 'active'))
      return false
    const answer = await statuses.ask(item.event.did)
    return answer !== null && (answer === 'active') !== (said === 'active')
  }

  return handleAccount
}
