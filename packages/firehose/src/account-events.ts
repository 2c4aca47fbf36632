// What an #account leads to. Nobody signs it: what a relay says of a change is asked of the account's own host, and changes
// nothing before that has answered.
// Spec: https://atproto.com/specs/account#hosting-status

import { type AccountStatus, wordOf } from './account-status.ts'
import { type Buckets, createBuckets } from './buckets.ts'
import type { VerifiedEvent } from './events.ts'
import type { RepoPolicy } from './facts.ts'
import type { Item } from './item.ts'
import { checkAuthority } from './chain.ts'
import { failed } from './conclude.ts'
import { type Bench, judgeHost } from './judge.ts'
import { type Outcomes, statusOf } from './outcome.ts'
import type { FailureReason } from './reasons.ts'
import type { RepoState } from './state.ts'

/** What these events need. */
export type AccountEventsOptions = {
  readonly bench: Bench
  readonly outcomes: Outcomes
  readonly statuses: AccountStatus
  readonly policy: RepoPolicy
  /** Relays are believed unasked: the application said so. */
  readonly trustsRelays: boolean
  /** How many accounts never seen each source may have looked up. */
  readonly unknowns: Buckets<string>
  readonly count: (reason: FailureReason | 'accepted') => void
}

/** Changes of one account in a row that its host is asked about at once; then one each interval of the policy. */
const ASKS_IN_A_ROW = 4
/** Lanes that wait for such an answer, of each source. What comes beyond that is hearsay at once, and asked about in its turn. */
const MAX_WAITING = 64
const MAX_ACCOUNTS = 100_000

/** Makes the handler of `#account`. */
export function createAccountEvents(
  options: AccountEventsOptions,
): (item: Item, repo: RepoState | null) => Promise<void> {
  const { bench, outcomes, statuses, policy, unknowns, count } = options
  const { save, ignore, refuse, pass } = outcomes
  const { identities, now } = bench
  const asks = createBuckets<string>(ASKS_IN_A_ROW, policy.intervalMs, MAX_ACCOUNTS, now)
  const waiting = new Map<string, number>()

  const handleAccount = async (item: Item, repo: RepoState | null): Promise<void> => {
    const account = item.event
    if (account.kind !== 'account') return
    const { did } = account
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
    if (foreign !== null) return refuse(item, repo, foreign)
    const said = statusOf(account)
    if (item.source.speaker.kind === 'pds') return hearHost(item, repo, said)
    if (options.trustsRelays) return accept(item, repo, said, item.ticket?.at ?? null)
    // A question that is open already decides for this word too: which of them came last is for the host to say.
    if (repo !== null && repo.hearsay !== null) return leaveOpen(item, repo, said, repo.hearsay.askAt)
    if (said === (repo?.upstreamStatus ?? 'active')) return accept(item, repo, said, null)
    return askHost(item, repo, said)
  }

  /**
   * The host that a known identity names may be the one before, which tells of accounts that moved away: that one is not active is believed
   * of the host that a fresh identity names.
   */
  const hearHost = async (item: Item, repo: RepoState | null, said: string): Promise<void> => {
    const { did } = item.event
    const at = item.ticket?.at ?? null
    const isKnown = said === (repo?.upstreamStatus ?? 'active')
    if (said === 'active' || isKnown) return accept(item, repo, said, at)
    const refreshing = identities.refresh(did, 'status')
    const result = refreshing === null ? null : await bench.aside(did, refreshing)
    if (result?.ok === true) {
      const authority = checkAuthority(item.source.speaker, result.identity.pds)
      return authority.ok
        ? accept(item, repo, said, at)
        : refuse(item, repo, failed(authority.error, item.event))
    }
    // Nobody could be asked later: what is known has to do.
    if (!statuses.canAsk) return accept(item, repo, said, at)
    return leaveOpen(item, repo, said, identities.refreshableAt(did, 'status') ?? now())
  }

  const askHost = async (item: Item, repo: RepoState | null, said: string): Promise<void> => {
    const { did } = item.event
    const { id } = item.source
    const others = waiting.get(id) ?? 0
    if (others >= MAX_WAITING || !statuses.canAsk) return leaveOpen(item, repo, said, now())
    if (!asks.take(did)) return leaveOpen(item, repo, said, asks.readyAt(did) ?? now())
    waiting.set(id, others + 1)
    const answer = await statuses.ask(did, said, true).finally(() => waiting.set(id, waiting.get(id)! - 1))
    if (!answer.heard) return leaveOpen(item, repo, said, statuses.askAgainAt(answer))
    const known = repo?.upstreamStatus ?? 'active'
    const word = wordOf(answer, said, repo)
    if (word !== known) return accept(item, repo, word, answer.at)
    return ignore(item, 'status-overruled', `the account's own host says otherwise; said=${said} is=${known}`)
  }

  const accept = (item: Item, repo: RepoState | null, word: string, at: number | null): Promise<void> => {
    if (item.event.kind !== 'account') return Promise.resolve()
    const { did, seq, time } = item.event
    const active = word === 'active'
    const isAsSaid = active === item.event.active && (active || word === (item.event.status ?? 'inactive'))
    const status = isAsSaid ? item.event.status : active ? null : word
    count('accepted')
    const event: VerifiedEvent = { kind: 'account', source: item.source.id, seq, did, active, status, time }
    return save(item, repo, { kind: 'account', status: word, at }, event)
  }

  /** Nobody who knows has said it: it is kept as hearsay, durably, and its host is asked later. */
  const leaveOpen = (item: Item, repo: RepoState | null, said: string, askAt: number): Promise<void> => {
    const message = `the account's own host has not said so yet; said=${said}`
    return pass(item, repo, { kind: 'hearsay', status: said, askAt }, 'status-unconfirmed', message)
  }

  return handleAccount
}
