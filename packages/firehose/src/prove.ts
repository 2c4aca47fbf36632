// Steps 4 to 8: what can be proved from the event and the key alone, whatever is known of the repo.

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { readCommitBlocks } from './blocks.ts'
import type { VerifyPolicy } from './policy.ts'
import type { Prover } from './options.ts'
import { proveOperations } from './operations.ts'
import type { CommitProof, SyncProof } from './proof.ts'
import { type Checked, fail, type ParsedCommit, type ParsedSync } from './parse.ts'

type Proof<E> = E extends ParsedCommit ? CommitProof : SyncProof

/** Proves a commit or a sync. Failures carry no did or seq: the caller has them. */
export function proveEvent<E extends ParsedCommit | ParsedSync>(
  event: E,
  key: PublicKey | null,
  policy: VerifyPolicy,
  verify: VerifySignature,
): Checked<Proof<E>> {
  const claimed = event.kind === 'commit' ? event.commit : undefined
  const content = readCommitBlocks(event.blocks, { did: event.did, rev: event.rev, commit: claimed }, policy)
  if (!content.ok) return content
  const { commit, root } = content.value
  if (key === null) return fail('key-missing', 'DID document has no #atproto key')
  if (!verify(key, commit.unsigned, commit.sig)) {
    return fail('signature-invalid', `signature is not of the account's ${key.curve} key`)
  }
  if (event.kind === 'sync') {
    return { ok: true, value: { commit: root, data: commit.data } as Proof<E> }
  }
  const proved = proveOperations(event, content.value, policy)
  if (!proved.ok) return proved
  return { ok: true, value: { ...proved.value, data: commit.data } as Proof<E> }
}

/** Proves on this thread, at once. */
export function inlineProver(verify: VerifySignature): Prover {
  return {
    prove: (event, key, policy) => proveEvent(event, key, policy, verify),
    proveSync: (event, key, policy) => proveEvent(event, key, policy, verify),
  }
}
