import type { DataObject } from '@avocet/data'
import type { ComAtprotoRepoDescribeRepo } from '@avocet/lexicons/com.atproto'
import type { MethodHandler } from '@avocet/xrpc-server'
import type { Identities } from '../identity/identities.ts'
import type { RecordReader } from '../queries/records.ts'
import type { FindAccount } from '../identity/handles.ts'
import { requireActive } from './account.ts'

/** The handle of an account whose handle does not verify. https://atproto.com/specs/handle */
const INVALID_HANDLE = 'handle.invalid'

/** Collections told; nobody has so many. */
const MAX_COLLECTIONS = 1000

/** com.atproto.repo.describeRepo: an account's handle, DID document and the collections indexed of it. */
export function describeRepo(
  records: RecordReader,
  findAccount: FindAccount,
  identities: Identities,
): MethodHandler<typeof ComAtprotoRepoDescribeRepo.main> {
  return async ({ params, signal }) => {
    const account = requireActive(await findAccount(params.repo), params.repo)
    const identity = await identities.describe(account.did, signal)
    // What could not be looked up now is as it was; what is refuted is not.
    const handle = identity?.handle === undefined ? account.handle : identity.handle
    return {
      handle: (handle ?? INVALID_HANDLE) as `${string}.${string}`,
      did: account.did as `did:${string}:${string}`,
      // When the directory cannot be reached now, the DID is all that can be said of the document.
      didDoc: (identity?.document ?? { id: account.did }) as DataObject,
      collections: records.collections(account.did, MAX_COLLECTIONS) as `${string}.${string}.${string}`[],
      handleIsCorrect: handle !== null,
    }
  }
}
