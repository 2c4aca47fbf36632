// Steps 2, 3 and 9: what only the consumer's own knowledge can decide.

import { type CID, cidEquals } from '@avocet/data'
import { type Tid, tidToMicros } from '@avocet/syntax'
import type { CommitFlag } from './events.ts'
import type { VerifyPolicy } from './policy.ts'
import { fail, type Checked, type ParsedCommit, type ParsedSync } from './parse.ts'
import type { CommitProof, SyncProof } from './proof.ts'
import type { RepoState } from './state.ts'

/** Who speaks: a relay may speak for all, a PDS only for the accounts whose DID document names it. */
export type Speaker = { readonly kind: 'relay' } | { readonly kind: 'pds'; readonly host: string }

/** Step 2: may this source speak for this account? `pds`: what the DID document says. */
export function checkAuthority(speaker: Speaker, pds: string | null): Checked<null> {
  if (speaker.kind === 'relay') return OK
  if (pds !== null && sameOrigin(speaker.host, pds)) return OK
  return fail('wrong-host', `source is not the account's PDS; source=${speaker.host} pds=${pds ?? 'none'}`)
}

const OK: Checked<null> = { ok: true, value: null }

/** Compares scheme, host and port; a bare host means https. */
function sameOrigin(a: string, b: string): boolean {
  const origin = originOf(a)
  return origin !== null && origin === originOf(b)
}

function originOf(address: string): string | null {
  const text = address.includes('://') ? address : `https://${address}`
  // A stream is served on the same origin as the methods: wss is https, ws is http.
  const url = URL.parse(text.replace(/^ws(s?):/i, 'http$1:'))
  return url === null ? null : url.origin
}

/** Steps 2 and 3 as far as the stored state goes: account active, rev newer than the stored one. */
export function checkOrder(event: ParsedCommit | ParsedSync, repo: RepoState | null): Checked<null> {
  if (repo === null) return OK
  if (repo.upstreamStatus !== 'active' || repo.localStatus !== 'active') {
    const who =
      repo.upstreamStatus === 'active' ? `local=${repo.localStatus}` : `upstream=${repo.upstreamStatus}`
    return fail('account-inactive', `account is not active; ${who}`)
  }
  if (repo.rev === null) return OK
  const old = event.kind === 'commit' ? event.rev <= repo.rev : event.rev < repo.rev
  if (old)
    return fail('duplicate', `rev is not newer than the stored one; rev=${event.rev} stored=${repo.rev}`)
  return OK
}

/** A rev is not from the future. `now`: ms since the epoch. */
export function checkFuture(
  event: ParsedCommit | ParsedSync,
  now: number,
  policy: VerifyPolicy,
): Checked<null> {
  if (tidToMicros(event.rev) <= (now + policy.maxFutureMs) * 1000) return OK
  return fail('rev-future', `rev lies in the future; rev=${event.rev}`)
}

/** A head a repo can move to. */
export type Head = { readonly rev: Tid; readonly data: CID; readonly flags: readonly CommitFlag[] }

/** Step 9: does the commit follow the stored head? */
export function chainCommit(
  event: ParsedCommit,
  proof: CommitProof,
  repo: RepoState | null,
  policy: VerifyPolicy,
): Checked<Head> {
  const flags: CommitFlag[] = []
  if (proof.legacy) {
    if (policy.legacy !== 'accept-flagged') {
      return fail('legacy-commit', 'commit does not say what was before it (no prevData or prev)')
    }
    flags.push('legacy')
  }
  const head: Head = { rev: event.rev, data: proof.data, flags }
  if (repo === null || repo.rev === null || repo.data === null) {
    // Only a repo's very first commit shows all of it.
    if (event.since !== null || event.prevData !== undefined) flags.push('first-sighting')
    return { ok: true, value: head }
  }
  if (event.since !== repo.rev) {
    return fail('chain-since', `since is not the stored rev; since=${event.since} stored=${repo.rev}`)
  }
  if (!proof.legacy && (event.prevData === undefined || !cidEquals(event.prevData, repo.data))) {
    return fail('chain-data', 'prevData is not the stored data')
  }
  return { ok: true, value: head }
}

/** A `#sync` asserts a head: unchanged, new to us, or other than ours. */
export function chainSync(
  event: ParsedSync,
  proof: SyncProof,
  repo: RepoState | null,
): { readonly unchanged: boolean; readonly head: Head } {
  const unchanged = repo !== null && repo.data !== null && cidEquals(repo.data, proof.data)
  return { unchanged, head: { rev: event.rev, data: proof.data, flags: [] } }
}
