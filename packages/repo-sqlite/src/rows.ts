import { type CID, cidFromBytes } from '@avocet/data'
import type { RepoStatus, StoredHead } from '@avocet/repo'

/** A head from its row. */
export function toHead(row: Record<string, unknown>): StoredHead {
  return {
    did: row['did'] as StoredHead['did'],
    rev: row['rev'] as string,
    data: cidFromBytes(row['data'] as Uint8Array),
    commit: cidFromBytes(row['head'] as Uint8Array),
    status: row['status'] as RepoStatus,
  }
}

/** What names a block in the table. A copy: a view would give so short an array memory outside of the heap. */
export function digestOf(cid: CID): Uint8Array {
  return cid.bytes.slice(4)
}

/** `alongside` shares a synchronous transaction: what it would do after an `await` could not be part of it. */
export function refuseAsync(result: void | Promise<void>): void {
  if (result === undefined) return
  // Whatever becomes of it: what counts is the error thrown here.
  result.catch(() => {})
  throw new TypeError('alongside must be synchronous on SQLite, it returned a promise')
}
