// https://atproto.com/specs/blob
import type { CID } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import type { ByteRange } from './range.ts'

/** A blob whose bytes are stored. */
export interface StoredBlob {
  readonly cid: CID
  /** Bytes. */
  readonly size: number
  /** The first bytes (`SNIFF_BYTES` at most), for sniffing. */
  readonly head: Uint8Array
}

/** A blob as a store lists it. */
export interface BlobEntry {
  readonly cid: string
  /** Bytes. */
  readonly size: number
  /** When it was stored last, ms since 1970. */
  readonly writtenAt: number
}

/** The part of a store that changes nothing. */
export interface BlobReader {
  /**
   * The bytes of a blob, or those of a range, which has to lie within it; null if there is no such blob. Nothing is held until
   * the first byte is asked for, and nothing after the iteration ended, whatever ended it.
   * @throws BlobError from a store that asks a service
   */
  open(did: Did, cid: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array> | null>
  /** The blobs of an account, some at a time, in no order. What comes or goes meanwhile may be listed or not. */
  list(did: Did): AsyncIterable<BlobEntry[]>
}

/** Where the bytes of blobs live, by account. Which of them may be served, and to whom, is not its concern. */
export interface BlobStore extends BlobReader {
  /**
   * Stores the bytes of `source` under their CID while hashing them, none before `source` has ended. They are durable when this
   * resolves; when it rejects, nothing is left of them. A blob that is there already is stored again, and then counts as written now.
   * @param limit the most bytes to take
   * @throws BlobError `too-large` past `limit` bytes; what `source` throws
   */
  put(did: Did, source: AsyncIterable<Uint8Array>, limit: number): Promise<StoredBlob>
  /** Removes a blob; one that is not there is removed already. */
  remove(did: Did, cid: string): Promise<void>
  /** Removes all blobs of an account. When this resolves, none can be opened. */
  removeAll(did: Did): Promise<void>
}

/** What a store needs done for it from time to time. */
export interface BlobUpkeep {
  /** Removes what uploads and removals left that an earlier process did not end. */
  clean(): Promise<void>
  /**
   * Removes what belongs to none of these accounts and was written before `before` (ms since 1970).
   * @returns how many accounts had something removed
   */
  keepOnly(dids: Iterable<Did>, before: number): Promise<number>
}
