// The status of an account as its own host says it.
// Spec: https://atproto.com/specs/account#hosting-status

import type { Did } from '@avocet/syntax'
import { newRepo, type RepoPolicy } from './facts.ts'
import type { IdentityResult } from './identities.ts'
import type { ResyncGate } from './item.ts'
import type { Bench } from './judge.ts'
import { next } from './machine.ts'
import type { HostStatus } from './options.ts'
import { dropped } from './outcome.ts'
import type { RepoState } from './state.ts'
import type { Store } from './store.ts'

/** What asking and telling need. */
export type AccountStatusOptions = {
  readonly bench: Bench
  readonly store: Store
  readonly resync: ResyncGate
  readonly policy: RepoPolicy
  /** Asks the account's own host; null: nobody can be asked. */
  readonly hostStatus: HostStatus | null
}

/** Only inside the account's lane. */
export type AccountStatus = {
  /** What the account's own host says: `active` or another word; null: it does not say. */
  ask(did: Did): Promise<string | null>
  /** Tells the app what no event told, and stores what it makes of the repo. Null: the app refused it. */
  tell(did: Did, repo: RepoState | null, status: string, source: string): Promise<RepoState | null>
  /** Asks, and tells what is not known. */
  renew(did: Did, source: string): Promise<void>
}

/** Makes the two functions. */
export function createAccountStatus(options: AccountStatusOptions): AccountStatus {
  const { bench, store, resync, policy, hostStatus } = options
  const { identities, now, signal } = bench

  /** The host that the identity names may be the one before; then the identity is asked for anew. */
  const ask = async (did: Did): Promise<string | null> => {
    if (hostStatus === null) return null
    const found = identities.get(did)
    let result: IdentityResult | null = found instanceof Promise ? await bench.aside(did, found) : found
    for (let tries = 0; result?.ok === true && tries < 2; tries++) {
      const answer = await bench.aside(
        did,
        hostStatus({ did, identity: result.identity, signal }).catch(() => null),
      )
      if (answer !== null) return answer
      const refreshing = identities.refresh(did, 'check')
      result = refreshing === null ? null : await bench.aside(did, refreshing)
    }
    return null
  }

  const tell: AccountStatus['tell'] = async (did, repo, status, source) => {
    const active = status === 'active'
    const before = repo ?? newRepo(did, policy.filter)
    const { state, effects } = next(before, { kind: 'account', status }, policy, now())
    const time = new Date(now()).toISOString()
    const said = { active, status: active ? null : status }
    const event = { kind: 'account', source, seq: null, did, ...said, time } as const
    const result = await store.save({ repo: state, ...dropped(did, effects) }, event)
    if (!result.ok) return null
    resync.react(did, effects)
    return state
  }

  const renew = async (did: Did, source: string): Promise<void> => {
    const said = await ask(did)
    const repo = await store.load(did)
    if (said !== null && said !== repo?.upstreamStatus) await tell(did, repo, said, source)
  }

  return { ask, tell, renew }
}
