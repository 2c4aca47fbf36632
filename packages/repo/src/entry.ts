import type { CID, DataObject } from '@avocet/data'
import type { Nsid, RecordKey } from '@avocet/syntax'
import { decodeRecord } from './record.ts'

/** A record, encoded, at its path. */
export interface EncodedEntry {
  /** `collection/rkey`. */
  readonly path: string
  readonly cid: CID
  /** The encoded record, hash checked. A view: copy it to keep it for long. */
  readonly bytes: Uint8Array
  /** The record stood at an earlier path, and its block did not come again for this one: it took no bytes of the CAR. */
  readonly isRepeat?: boolean
}

/** A record of a repository. */
export interface RepoEntry extends EncodedEntry {
  readonly collection: Nsid
  readonly rkey: RecordKey
  /**
   * The record itself, decoded each time it is asked for: who counts or copies records pays nothing for it.
   * @throws {RepoError} `malformed-repo` unless it is an object of the data model
   */
  readonly record: DataObject
}

/** An entry whose parts are made when they are asked for. */
export class Entry implements RepoEntry {
  readonly path: string
  readonly cid: CID
  readonly bytes: Uint8Array
  readonly isRepeat: boolean

  constructor(path: string, cid: CID, bytes: Uint8Array, isRepeat: boolean) {
    this.path = path
    this.cid = cid
    this.bytes = bytes
    this.isRepeat = isRepeat
  }

  // The keys of a tree were checked when its nodes were read: each is a collection and a record key.
  get collection(): Nsid {
    return this.path.slice(0, this.path.indexOf('/')) as Nsid
  }

  get rkey(): RecordKey {
    return this.path.slice(this.path.indexOf('/') + 1)
  }

  get record(): DataObject {
    return decodeRecord(this.bytes, this.path)
  }
}
