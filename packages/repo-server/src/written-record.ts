import type { Did } from '@avocet/syntax'

import { recordUri, type CheckedRecord, type ValidationStatus } from './plan.ts'

/** What the methods that write a record tell of it. */
export function writtenRecord(
  did: Did,
  { collection, rkey, record }: { collection: string; rkey: string; record: CheckedRecord },
  cid: string,
): { uri: `at://${string}`; cid: string; validationStatus?: Exclude<ValidationStatus, undefined> } {
  const { status } = record
  return {
    uri: recordUri(did, collection, rkey),
    cid,
    ...(status === undefined ? {} : { validationStatus: status }),
  }
}
