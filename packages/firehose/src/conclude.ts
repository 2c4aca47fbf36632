// What a proof comes to: does it follow what is stored?

import type { CID } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { chainCommit, chainSync } from './chain.ts'
import type { CommitEvent, InfoEvent, SyncEvent } from './events.ts'
import type { Failure, ParsedCommit, ParsedEvent, ParsedSync } from './parse.ts'
import type { VerifyPolicy } from './policy.ts'
import type { CommitProof, SyncProof } from './proof.ts'
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
  _policy: VerifyPolicy,
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
