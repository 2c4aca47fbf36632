// The steps of the verification, one list for `verifyEvent` and for `consume`.
// Spec: https://atproto.com/specs/sync ("Commit validation")

import type { PublicKey } from '@avocet/crypto'
import { checkAuthority, checkFuture, checkOrder, type Speaker } from './chain.ts'
import { concludeCommit, concludeSync, failed, type Verdict } from './conclude.ts'
import type { Prover } from './options.ts'
import type { Checked, ParsedCommit, ParsedSync } from './parse.ts'
import type { VerifyPolicy } from './policy.ts'
import type { CommitProof, SyncProof } from './proof.ts'
import type { RepoState } from './state.ts'

/** What the steps need beside the event. */
export type StepInput = {
  /** What the event was parsed from. */
  readonly frame: Uint8Array
  readonly speaker: Speaker
  /** The PDS and the `#atproto` key of the account's DID document, null where it has none. */
  readonly pds: string | null
  readonly key: PublicKey | null
  readonly repo: RepoState | null
  /** Clock, ms since the epoch. */
  readonly now: number
  readonly policy: VerifyPolicy
  readonly prover: Prover
  /** Name of the source, for the event. */
  readonly source: string
}

/**
 * Judges a parsed commit or sync: who says it, its place in the order, its proof, its time, its place in the chain. Answers at
 * once when the prover does.
 *
 * A rev from the future comes after the proof: whoever signed it has something newer than what is stored.
 */
export function runSteps(event: ParsedCommit | ParsedSync, input: StepInput): Verdict | Promise<Verdict> {
  const { policy, prover, key, frame } = input
  const authority = checkAuthority(input.speaker, input.pds)
  if (!authority.ok) return failed(authority.error, event)
  const order = checkOrder(event, input.repo)
  if (!order.ok) return failed(order.error, event)
  if (event.kind === 'commit') {
    return then(prover.prove(event, key, policy, frame), (proof) =>
      concluded(event, proof, input, concludeCommit),
    )
  }
  return then(prover.proveSync(event, key, policy, frame), (proof) =>
    concluded(event, proof, input, concludeSync),
  )
}

function concluded<E extends ParsedCommit | ParsedSync, P extends CommitProof | SyncProof>(
  event: E,
  proof: Checked<P>,
  { repo, policy, source, now }: StepInput,
  conclude: (event: E, proof: P, repo: RepoState | null, policy: VerifyPolicy, source: string) => Verdict,
): Verdict {
  if (!proof.ok) return failed(proof.error, event)
  const future = checkFuture(event, now, policy)
  if (!future.ok) return failed(future.error, event)
  return conclude(event, proof.value, repo, policy, source)
}

function then<A, B>(value: A | Promise<A>, work: (value: A) => B): B | Promise<B> {
  return value instanceof Promise ? value.then(work) : work(value)
}
