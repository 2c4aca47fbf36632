// Steps 4 to 8: what can be proved from the event and the key alone, whatever is known of the repo.

import type { PublicKey, VerifySignature } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import { readCommitBlocks } from './blocks.ts'
import type { VerifyPolicy } from './options.ts'
import { type ProvedOps, proveOperations } from './operations.ts'
import { type Checked, fail, type ParsedCommit, type ParsedSync } from './parse.ts'

/** What is proved of a commit: it is the account's, and leads from `prevData` to `data` by exactly these operations. */
export type CommitProof = ProvedOps & { readonly data: CID }

/** What is proved of a `#sync`: the account signed this head. */
export type SyncProof = { readonly commit: CID; readonly data: CID }

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
