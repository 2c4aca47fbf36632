// A commit or sync on its way through the steps, with the identity fetched, and refreshed once when it does not fit.

import type { Did } from '@avocet/syntax'
import { checkAuthority, type Speaker } from './chain.ts'
import { failed, type Verdict } from './conclude.ts'
import type { Identities, IdentityResult } from './identities.ts'
import type { Prover } from './options.ts'
import type { Failure, ParsedCommit, ParsedSync } from './parse.ts'
import type { VerifyPolicy } from './policy.ts'
import { runSteps } from './steps.ts'
import type { RepoState } from './state.ts'

/** What judging needs beside the event. */
export type Bench = {
  readonly identities: Identities
  readonly prover: Prover
  readonly policy: VerifyPolicy
  readonly now: () => number
  readonly signal: AbortSignal
  /** Waits for the network without holding up other accounts. */
  readonly aside: <T>(did: Did, work: Promise<T>) => Promise<T>
  /** Whether the event under way may keep its bytes while it waits for the network. */
  readonly mayKeep: (did: Did) => boolean
}

/** A verdict, and when it may turn out otherwise: the identity may be asked for anew then (ms since the epoch). */
export type Judgement = { readonly verdict: Verdict; readonly retryAt: number | null }

/**
 * Judges with the account's current key. A source that is not the account's PDS, a missing key or a signature that does
 * not fit may mean that the cached identity is old: it is refreshed once, as often as the rate limit allows.
 */
export async function judge(
  event: ParsedCommit | ParsedSync,
  frame: Uint8Array,
  repo: RepoState | null,
  source: { readonly id: string; readonly speaker: Speaker },
  bench: Bench,
): Promise<Judgement> {
  const { identities, policy, prover } = bench
  const newIn = repo === null ? source.id : null
  const cached = identities.get(event.did, newIn)
  let result: IdentityResult = cached instanceof Promise ? await bench.aside(event.did, cached) : cached
  for (let tries = 0; ; tries++) {
    if (!result.ok) return { verdict: failed(unresolved(result), event), retryAt: null }
    const { key, pds } = result.identity
    const { id, speaker } = source
    const running = runSteps(event, {
      frame,
      speaker,
      pds,
      key,
      repo,
      now: bench.now(),
      policy,
      prover,
      source: id,
    })
    const verdict = running instanceof Promise ? await running : running
    if (verdict.outcome === 'accepted' || tries > 0 || !STALE.has(verdict.reason))
      return { verdict, retryAt: null }
    // A host that speaks for others must not use up what a new key needs.
    const why = verdict.reason === 'wrong-host' ? 'host' : 'key'
    const refreshing = identities.refresh(event.did, why, newIn)
    if (refreshing === null) return { verdict, retryAt: identities.refreshableAt(event.did, why) }
    result = await bench.aside(event.did, refreshing)
  }
}

/** Whether the source may speak about this account: null when it may. The identity is refreshed once if it seems not. */
export async function judgeHost(
  event: { readonly did: Did; readonly seq: number },
  source: { readonly speaker: Speaker },
  bench: Bench,
): Promise<Rejection | null> {
  if (source.speaker.kind === 'relay') return null
  const cached = bench.identities.get(event.did)
  let result: IdentityResult = cached instanceof Promise ? await bench.aside(event.did, cached) : cached
  for (let tries = 0; ; tries++) {
    if (!result.ok) return failed(unresolved(result), event)
    const authority = checkAuthority(source.speaker, result.identity.pds)
    if (authority.ok) return null
    const refreshing = tries > 0 ? null : bench.identities.refresh(event.did, 'host')
    if (refreshing === null) return failed(authority.error, event)
    result = await bench.aside(event.did, refreshing)
  }
}

/** A verdict that is not `accepted`. */
export type Rejection = Exclude<Verdict, { outcome: 'accepted' }>

const STALE: ReadonlySet<string> = new Set(['wrong-host', 'key-missing', 'signature-invalid'])

function unresolved(result: Extract<IdentityResult, { ok: false }>): Failure {
  return { reason: 'identity-unresolved', message: result.message, did: null, seq: null }
}
