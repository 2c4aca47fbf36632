// The status of an account as its own host says it.
// Spec: https://atproto.com/specs/account#hosting-status

import type { Did } from '@avocet/syntax'
import { ResyncError } from './errors.ts'
import { newRepo, type RepoFact, type RepoPolicy } from './facts.ts'
import type { IdentityResult } from './identities.ts'
import type { ResyncGate } from './item.ts'
import type { Bench } from './judge.ts'
import { createLru } from './lru.ts'
import { backoff } from './machine-rules.ts'
import { next } from './machine.ts'
import type { HostStatus, Timers } from './options.ts'
import { dropped } from './outcome.ts'
import { pause } from './pause.ts'
import type { RepoState } from './state.ts'
import type { Store } from './store.ts'

/** What asking and telling need. */
export type AccountStatusOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly resync: ResyncGate
  readonly policy: RepoPolicy
  /** Asks the account's own host; null: nobody can be asked. */
  readonly askStatus: HostStatus | null
  readonly timers: Timers
  /** From 0 to 1: spreads what would come back at the same moment. */
  readonly random: () => number
}

/** What came of a question to the account's own host. */
export type Answer =
  /**
   * `status`: `active` or another word; null: it has no such account, and no other host is named. `at`: when it was asked, ms since
   * the epoch.
   */
  { readonly heard: true; readonly status: string | null; readonly at: number } | Silence

/** No answer. `gone`: there is no such DID. `busy`: it was not asked; `host` names who had no time for it. */
export type Silence = {
  readonly heard: false
  readonly gone: boolean
  readonly busy: boolean
  readonly host: string | null
  readonly retryAfterMs: number
}

/** Only inside the account's lane. */
export type AccountStatus = {
  /** Somebody can be asked. */
  readonly canAsk: boolean
  /**
   * Asks the account's own host, for so long as a lane may wait. `said`: what it is asked about; anything but that the account is
   * active is believed only of the host that a fresh identity names. `patient`: waits while others ask that host.
   */
  ask(did: Did, said: string, patient: boolean): Promise<Answer>
  /**
   * Tells the app what no event told, and stores what it makes of the repo. `at`: when its host said so, ms since the epoch. Null:
   * the app refused it.
   */
  tell(
    did: Did,
    repo: RepoState | null,
    status: string,
    source: string,
    at: number,
  ): Promise<RepoState | null>
  /** Asks, and tells what is not known. */
  renew(did: Did, source: string): Promise<void>
  /** When to ask again after no answer, ms since the epoch. */
  askAgainAt(answer: Silence): number
  /** Keeps a word as hearsay, so that it is asked about again. `silence`: what came of asking; null: that may be at once. */
  leaveOpen(repo: RepoState, said: string, silence: Silence | null): Promise<RepoState>
  /** Asks about what only a relay or a list said, if that is due, and follows the answer; without one it is asked again later. */
  hear(did: Did): Promise<void>
}

/** How long a lane waits for an answer, ms: its events wait behind it. */
const MAX_WAIT_MS = 10_000
/** A directory that does not find a DID may be wrong for a while: so many tries in a row, over hours, until it counts as deleted. */
const MIN_TRIES_UNTIL_GONE = 10
/** Questions to one host that had no time come back so far apart, ms. */
const TURN_MS = 100
/** The source named in what a host was asked about. */
const HOST_SOURCE = 'host'

const SILENT: Silence = {
  heard: false,
  gone: false,
  busy: false,
  host: null,
  retryAfterMs: 0,
}

/**
 * The status that an answer leaves. A host forgets accounts that are deleted: where it has none, the account is that, if anybody says that it
 * is not active (so does a repo that is not found), or if the host knew the account when it was asked for the repo.
 */
export function wordOf(
  { status }: { readonly status: string | null },
  said: string,
  repo: RepoState | null,
): string {
  if (status !== null) return status
  if (said !== 'active' || (repo !== null && isRefused(repo))) return 'deleted'
  return repo?.upstreamStatus ?? 'active'
}

/** Its own host has the account, and does not give the repo. */
const isRefused = ({ status, reason }: RepoState): boolean =>
  status === 'terminal' &&
  (reason === 'repo-takendown' || reason === 'repo-suspended' || reason === 'repo-deactivated')

/** Makes the functions. */
export function createAccountStatus(options: AccountStatusOptions): AccountStatus {
  const { bench, store, resync, policy, askStatus, timers } = options
  const { identities, now, signal } = bench
  /** When the last question that a host had no time for comes back. */
  const turns = createLru<string, number>(10_000)

  /** @throws DOMException `AbortError` when the consumer stops: nothing is known then, and nothing must be concluded from that. */
  const ask = async (did: Did, said: string, patient: boolean): Promise<Answer> => {
    if (askStatus === null) return SILENT
    const stop = new AbortController()
    const either = AbortSignal.any([signal, stop.signal])
    const late = pause(MAX_WAIT_MS, either, timers).then(() => SILENT)
    try {
      return await bench.aside(did, Promise.race([lookUp(did, said, askStatus, patient, either), late]))
    } finally {
      stop.abort()
      signal.throwIfAborted()
    }
  }

  /** The host that a known identity names may be the one before: only that the account is active is believed of it. */
  const lookUp = async (
    did: Did,
    said: string,
    hostStatus: HostStatus,
    patient: boolean,
    either: AbortSignal,
  ): Promise<Answer> => {
    const askAt = async (found: IdentityResult): Promise<Answer> => {
      if (!found.ok) return { ...SILENT, gone: found.gone }
      const at = now()
      const asking = hostStatus({ did, identity: found.identity, patient, signal: either })
      return asking.then((status) => ({ heard: true, status, at }), silence)
    }
    if (said === 'active') {
      const answer = await askAt(await identities.get(did))
      if (answer.heard && answer.status === 'active') return answer
    }
    const refreshing = identities.refresh(did, 'status')
    if (refreshing !== null) return askAt(await refreshing)
    // Until that is known there is nobody to ask.
    const again = identities.refreshableAt(did, 'status') ?? now()
    return { ...SILENT, busy: true, retryAfterMs: Math.max(0, again - now()) }
  }

  const tell: AccountStatus['tell'] = async (did, repo, status, source, at) => {
    const active = status === 'active'
    const before = repo ?? newRepo(did, policy.filter)
    const { state, effects } = next(before, { kind: 'account', status, at }, policy, now())
    const time = new Date(now()).toISOString()
    const said = { active, status: active ? null : status }
    const event = { kind: 'account', source, seq: null, did, ...said, time } as const
    const isNews = status !== before.upstreamStatus
    const result = await store.save({ repo: state, ...dropped(did, effects) }, isNews ? event : null)
    if (!result.ok) return null
    resync.react(did, effects)
    return state
  }

  const askAgainAt = ({ busy, retryAfterMs }: Silence): number =>
    now() + (busy ? retryAfterMs : backoff({ attempts: 1, retryAfterMs, jitter: options.random() }, policy))

  const leaveOpen: AccountStatus['leaveOpen'] = async (repo, said, nothing) => {
    const askAt = nothing === null ? now() : askAgainAt(nothing)
    const { state } = next(repo, { kind: 'hearsay', status: said, askAt }, policy, now())
    await store.save({ repo: state }, null)
    return state
  }

  const renew = async (did: Did, source: string): Promise<void> => {
    const repo = await store.load(did)
    if (repo === null) return
    // What is open already decides: a host that has no such account agrees with it.
    const said = repo.hearsay?.status ?? 'active'
    const answer = await ask(did, said, true)
    if (answer.heard) {
      const word = wordOf(answer, said, repo)
      if (word === repo.upstreamStatus) {
        if (repo.hearsay !== null) {
          await store.save({ repo: next(repo, { kind: 'known' }, policy, now()).state }, null)
        }
        return
      }
      if ((await tell(did, repo, word, source, answer.at)) !== null) return
    }
    // The host is silent, or the app refused it: both are tried again.
    if (askStatus !== null) await leaveOpen(repo, said, answer.heard ? null : answer)
  }

  const hear = async (did: Did): Promise<void> => {
    const before = await store.load(did)
    // Its host may have spoken by itself meanwhile.
    if (before === null || before.hearsay === null) return
    const { status: said, gone } = before.hearsay
    const answer = await ask(did, said, false)
    const isNowhere = !answer.heard && answer.gone && gone + 1 >= MIN_TRIES_UNTIL_GONE
    if (answer.heard || isNowhere) {
      const { status, at } = answer.heard ? answer : { status: null, at: now() }
      const told = await tell(did, before, wordOf({ status }, said, before), HOST_SOURCE, at)
      if (told !== null) return
    }
    const { state } = next(before, unheard(answer), policy, now())
    await store.save({ repo: state }, null)
  }

  const unheard = (answer: Answer): RepoFact => {
    const { gone, busy, host, retryAfterMs } = answer.heard ? SILENT : answer
    if (!busy) return { kind: 'unheard', gone, retryAfterMs, jitter: options.random() }
    const until = now() + retryAfterMs
    if (host === null) return { kind: 'unasked', until }
    const turn = Math.max(until, (turns.get(host) ?? 0) + TURN_MS)
    turns.set(host, turn)
    return { kind: 'unasked', until: turn }
  }

  return { canAsk: askStatus !== null, ask, tell, renew, askAgainAt, leaveOpen, hear }
}

/** Why there was no answer, as far as it says when there may be one. */
function silence(error: unknown): Answer {
  if (!(error instanceof ResyncError)) return SILENT
  const { code, host, retryAfterMs } = error
  return { ...SILENT, busy: code === 'host-busy', host, retryAfterMs: retryAfterMs ?? 0 }
}
