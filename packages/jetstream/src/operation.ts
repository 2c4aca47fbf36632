// The part of a commit event that both wires share.
import type { JsonObject } from '@avocet/data'
import {
  isCidString,
  isNsid,
  isRecordKey,
  isTid,
  type CidString,
  type Did,
  type Nsid,
  type RecordKey,
  type Tid,
} from '@avocet/syntax'
import { isObject } from './invalid.ts'

/** A record written. */
export interface PutOperation {
  /** Revision of the commit that it is part of. */
  readonly rev: Tid
  readonly operation: 'create' | 'update'
  readonly collection: Nsid
  readonly rkey: RecordKey
  /** The record as JSON: links as `{ $link }`, bytes as `{ $bytes }` (`fromJsonObject` of the data package reads them). */
  readonly record: JsonObject
  readonly cid: CidString
}

/** A record deleted. */
export interface DeleteOperation {
  readonly rev: Tid
  readonly operation: 'delete'
  readonly collection: Nsid
  readonly rkey: RecordKey
}

/** One operation of a commit. */
export type Operation = PutOperation | DeleteOperation

/** One operation on one record, whichever wire it came over. */
export type Change = Operation & { readonly did: Did }

/** The name of the member that is missing or wrong; null for none. */
export function operationFault(op: JsonObject): string | null {
  if (!isTid(op['rev'])) return 'rev'
  if (!isNsid(op['collection'])) return 'collection'
  if (!isRecordKey(op['rkey'])) return 'rkey'
  switch (op['operation']) {
    case 'delete':
      return null
    case 'create':
    case 'update':
      if (!isObject(op['record'])) return 'record'
      return isCidString(op['cid']) ? null : 'cid'
    default:
      return 'operation'
  }
}
