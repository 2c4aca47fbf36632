import type { RepoStatus } from '@avocet/repo'
import type { Did } from '@avocet/syntax'

import type { BlobClaim, Outcome } from './change.ts'
import type { RepoServerErrorCode } from './error.ts'
import type { BlobRow } from './store.ts'

/** Why a change does not happen. Every store says it in the same words. */
export type Refusal = Extract<Outcome, { status: 'refused' }>

const refused = (code: RepoServerErrorCode, message: string): Refusal => ({
  status: 'refused',
  code,
  message,
})

/** Why a repository takes no change in its status; null if it does. */
export function refuseStatus(
  status: RepoStatus,
  did: Did,
  allowed: readonly RepoStatus[] = ['active'],
): Refusal | null {
  if (allowed.includes(status)) return null
  if (status === 'active') {
    return refused('invalid-request', 'A repository can only be imported into a deactivated account')
  }
  if (status === 'takendown' || status === 'suspended') {
    return refused('account-takendown', 'Account has been taken down')
  }
  if (status === 'deactivated') return refused('account-deactivated', 'Account is deactivated')
  return refused('repo-not-found', `Could not find repo for DID: ${did}`)
}

/** Why a record may not refer to a blob; null if it may. */
export function refuseClaim({ cid, mimeType, size }: BlobClaim, row: BlobRow | null): Refusal | null {
  if (row === null || row.takedownRef !== null) {
    return refused('blob-not-found', `Could not find blob: ${cid}`)
  }
  if (row.mimeType !== mimeType) {
    return refused(
      'mime-mismatch',
      `Referenced media type does not match stored blob; expected=${row.mimeType} got=${mimeType}`,
    )
  }
  if (row.size !== size) {
    return refused(
      'invalid-size',
      `Referenced size does not match stored blob; expected=${row.size} got=${size}`,
    )
  }
  return null
}

/** An account without room for another blob. */
export const refuseBytes = (maxBytes: number): Refusal =>
  refused('quota-exceeded', `The account has no room for more blobs; max=${maxBytes} bytes`)
