// What steps 4 to 8 establish.

import type { CID } from '@avocet/data'
import type { VerifiedOp } from './events.ts'

/** What the tree proves. */
export type ProvedOps = {
  readonly ops: readonly VerifiedOp[]
  /** The commit does not say what was before it (no `prevData`, or `prev` missing): not inverted. */
  readonly legacy: boolean
}

/** What is proved of a commit: it is the account's, and leads from `prevData` to `data` by exactly these operations. */
export type CommitProof = ProvedOps & { readonly data: CID }

/** What is proved of a `#sync`: the account signed this head. */
export type SyncProof = { readonly commit: CID; readonly data: CID }
