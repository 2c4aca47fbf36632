// A commit or sync on its way through the steps, with the identity fetched, and refreshed once when it does not fit.

import type { Did } from '@avocet/syntax'
import { checkAuthority, checkOrder, type Speaker } from './chain.ts'
import type { Identities, IdentityResult } from './identities.ts'
import type { Prover, ResolvedIdentity } from './options.ts'
import type { Failure, ParsedCommit, ParsedSync } from './parse.ts'
import type { VerifyPolicy } from './policy.ts'
import { concludeCommit, concludeSync, failed, type Verdict } from './verify.ts'
import type { RepoState } from './state.ts'

/** What judging needs beside the event. */
export type Bench = {
  readonly identities: Identities
  readonly prover: Prover
  readonly policy: VerifyPolicy
  readonly now: () => number
  /** Waits for the network without holding up other accounts. */
  readonly aside: <T>(work: Promise<T>) => Promise<T>
}

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
): Promise<Verdict> {
  const cached = bench.identities.get(event.did)
  let result: IdentityResult = cached instanceof Promise ? await bench.aside(cached) : cached
  for (let tries = 0; ; tries++) {
    if (!result.ok) return failed(unresolved(result), event)
    const verdict = await judgeWith(event, frame, repo, source, result.identity, bench)
    if (verdict.outcome === 'accepted' || tries > 0 || !STALE.has(verdict.reason)) return verdict
    const refreshing = bench.identities.refresh(event.did)
    if (refreshing === null) return verdict
    result = await bench.aside(refreshing)
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
  let result: IdentityResult = cached instanceof Promise ? await bench.aside(cached) : cached
  for (let tries = 0; ; tries++) {
    if (!result.ok) return { ...failed(unresolved(result), event), outcome: 'refused' }
    const authority = checkAuthority(source.speaker, result.identity.pds)
    if (authority.ok) return null
    const refreshing = tries > 0 ? null : bench.identities.refresh(event.did)
    if (refreshing === null) return failed(authority.error, event)
    result = await bench.aside(refreshing)
  }
}

type Rejection = Exclude<Verdict, { outcome: 'accepted' }>

const STALE: ReadonlySet<string> = new Set(['wrong-host', 'key-missing', 'signature-invalid'])

async function judgeWith(
  event: ParsedCommit | ParsedSync,
  frame: Uint8Array,
  repo: RepoState | null,
  source: { readonly id: string; readonly speaker: Speaker },
  identity: ResolvedIdentity,
  bench: Bench,
): Promise<Verdict> {
  const { policy, prover } = bench
  const authority = checkAuthority(source.speaker, identity.pds)
  if (!authority.ok) return failed(authority.error, event)
  const order = checkOrder(event, repo, bench.now(), policy)
  if (!order.ok) return failed(order.error, event)
  if (event.kind === 'commit') {
    const proving = prover.prove(event, identity.key, policy, frame)
    const proof = proving instanceof Promise ? await proving : proving
    return proof.ok ? concludeCommit(event, proof.value, repo, policy, source.id) : failed(proof.error, event)
  }
  const proving = prover.proveSync(event, identity.key, policy, frame)
  const proof = proving instanceof Promise ? await proving : proving
  return proof.ok ? concludeSync(event, proof.value, repo, source.id) : failed(proof.error, event)
}

function unresolved(result: Extract<IdentityResult, { ok: false }>): Failure {
  return { reason: 'identity-unresolved', message: result.message, did: null, seq: null }
}
