// One event, judged: pure, synchronous, nothing skipped.
// Spec: https://atproto.com/specs/sync

import { type PublicKey, type VerifySignature, verifySignature } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { chainCommit, chainSync, checkAuthority, checkOrder, type Speaker } from './chain.ts'
import type { CommitEvent, InfoEvent, SyncEvent } from './events.ts'
import { type Failure, parseEvent, type ParsedCommit, type ParsedEvent, type ParsedSync } from './parse.ts'
import { DEFAULT_POLICY, type VerifyPolicy } from './policy.ts'
import type { CommitProof, SyncProof } from './proof.ts'
import { proveEvent } from './prove.ts'
import { type FailureReason, REASONS } from './reasons.ts'
import type { RepoState } from './state.ts'

/** An `#identity` or `#account` event as the envelope says it: to be confirmed by resolving the DID. */
export type UnconfirmedEvent = Extract<ParsedEvent, { kind: 'identity' | 'account' }>

/**
 * - `accepted`: proved, and it follows what is known. `head` is what to store.
 * - `desynchronized`: the repo is not, or no longer, what is stored here; it must be read again.
 * - `refused`: not proved; nothing changes.
 * - `ignored`: nothing wrong with it, but nothing to do (a duplicate, an inactive account).
 */
export type Verdict =
  | {
      readonly outcome: 'accepted'
      readonly event: CommitEvent | SyncEvent
      readonly head: { readonly did: Did; readonly rev: Tid; readonly data: CID }
    }
  | { readonly outcome: 'accepted'; readonly event: UnconfirmedEvent | InfoEvent; readonly head: null }
  | {
      readonly outcome: 'desynchronized' | 'refused' | 'ignored'
      readonly reason: FailureReason
      readonly message: string
      readonly did: Did | null
      readonly seq: number | null
      /** What was proved all the same: an authentic `#sync`, or a commit that does not follow the stored head. */
      readonly event: CommitEvent | SyncEvent | null
    }

/** All that a verdict depends on. */
export type VerifyInput = {
  /** One whole WebSocket message, or what `parseEvent` made of it. */
  readonly frame: Uint8Array | ParsedEvent
  /** The DID's current `#atproto` key; null when its document has none. */
  readonly key: PublicKey | null
  /** What is stored of the repo; null when it was never seen. */
  readonly repo: RepoState | null
  /** Clock, ms since the epoch. */
  readonly now: number
  /** Name of the source, for the event. */
  readonly source?: string
  /** Who sent it. Default: a relay. */
  readonly speaker?: Speaker
  /** The PDS the DID document names; compared with a speaker that is a PDS. */
  readonly pds?: string | null
  readonly policy?: Partial<VerifyPolicy>
  /** Default: `verifySignature` of `@avocet/crypto`. */
  readonly verify?: VerifySignature
}

/**
 * Judges one event. Never throws for what a stranger sent: every fault is a verdict with its reason.
 * The event's byte strings are views into the frame.
 */
export function verifyEvent(input: VerifyInput): Verdict {
  const policy = { ...DEFAULT_POLICY, ...input.policy }
  let event: ParsedEvent
  if (input.frame instanceof Uint8Array) {
    const parsed = parseEvent(input.frame, policy)
    if (!parsed.ok) return failed(parsed.error)
    event = parsed.value
  } else {
    event = input.frame
  }
  const source = input.source ?? ''
  if (event.kind === 'info') {
    return { outcome: 'accepted', event: { source, seq: null, ...event }, head: null }
  }
  const authority = checkAuthority(input.speaker ?? { kind: 'relay' }, input.pds ?? null)
  if (!authority.ok) return failed(authority.error, event)
  if (event.kind === 'identity' || event.kind === 'account') {
    return { outcome: 'accepted', event, head: null }
  }
  const order = checkOrder(event, input.repo, input.now, policy)
  if (!order.ok) return failed(order.error, event)
  const verify = input.verify ?? verifySignature
  if (event.kind === 'commit') {
    const proof = proveEvent(event, input.key, policy, verify)
    return proof.ok
      ? concludeCommit(event, proof.value, input.repo, policy, source)
      : failed(proof.error, event)
  }
  const proof = proveEvent(event, input.key, policy, verify)
  return proof.ok ? concludeSync(event, proof.value, input.repo, source) : failed(proof.error, event)
}

/** The verdict on a proved commit. */
export function concludeCommit(
  event: ParsedCommit,
  proof: CommitProof,
  repo: RepoState | null,
  policy: VerifyPolicy,
  source: string,
): Verdict {
  const { did, seq, rev, since, commit, time, prevData } = event
  const { data, ops } = proof
  const head = { source, seq, did, rev, since, commit, data, prevData: prevData ?? null, time, ops }
  const chained = chainCommit(event, proof, repo, policy)
  if (chained.ok) {
    return {
      outcome: 'accepted',
      event: { kind: 'commit', ...head, flags: chained.value.flags },
      head: { did, rev, data },
    }
  }
  const verdict = failed(chained.error, event)
  if (chained.error.reason !== 'legacy-commit') {
    return { ...verdict, event: { kind: 'commit', ...head, flags: [] } }
  }
  return policy.legacy === 'reject' ? { ...verdict, outcome: 'refused' } : verdict
}

/** The verdict on a proved `#sync`. */
export function concludeSync(
  event: ParsedSync,
  proof: SyncProof,
  repo: RepoState | null,
  source: string,
): Verdict {
  const { unchanged, head } = chainSync(event, proof, repo)
  const { did, seq, rev, time } = event
  const { commit, data } = proof
  const accepted: SyncEvent = { kind: 'sync', source, seq, did, rev, commit, data, time, unchanged }
  if (unchanged) return { outcome: 'accepted', event: accepted, head: { did, rev: head.rev, data } }
  return {
    outcome: 'desynchronized',
    reason: 'sync-diverged',
    message: repo?.data ? 'sync asserts another tree than the stored one' : 'sync of a repo not known yet',
    did,
    seq,
    event: accepted,
  }
}

/** The verdict a failed step leads to. */
export function failed(
  failure: Failure,
  event?: { readonly did: Did; readonly seq: number },
): Exclude<Verdict, { outcome: 'accepted' }> {
  return {
    outcome: REASONS[failure.reason].effect,
    reason: failure.reason,
    message: failure.message,
    did: failure.did ?? event?.did ?? null,
    seq: failure.seq ?? event?.seq ?? null,
    event: null,
  }
}
