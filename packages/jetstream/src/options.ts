// Options of a subscription, for both wires.
import type { FollowOptions, StreamIterator } from '@avocet/xrpc-client/stream'
import { JetstreamError } from './error.ts'
import { MAX_COLLECTIONS, MAX_DIDS, type Filter } from './filter.ts'
import type { InvalidEvent } from './invalid.ts'
import type { CursorStore, Position } from './position.ts'
import type { CreateDecompress } from './zstd.ts'

/** The first event after a connection was made with a cursor. */
export interface ResumeInfo {
  readonly service: string
  /** What was asked for. */
  readonly cursor: number
  /** When the server saw the first event that it sent, unix microseconds. */
  readonly firstUs: number
  /**
   * Milliseconds between what was asked for and that event; null where that cannot be told. A server that no longer has the events in
   * between begins with the oldest it has, without a word (v1): a long time says so, unless the filter is one that matches little.
   */
  readonly gapMs: number | null
}

/** Options of {@link subscribeV1} and {@link subscribeV2}. */
export interface JetstreamOptions extends Filter, Omit<FollowOptions, 'maxFrameBytes'> {
  /**
   * Where to begin. A number goes to the server as it is, and is inclusive: a seq, or unix microseconds (from 10^15 on). A position,
   * or a store of one, goes on after the event that it names, on whatever service. Without one: with the next event.
   */
  readonly cursor?: number | Position | CursorStore
  /** Milliseconds between saves to the store. Default 1000. It is also saved when the iteration ends. */
  readonly saveMs?: number
  /** Milliseconds to go back by when the service changes; what was seen already is left out. Default 10 000. */
  readonly rewindMs?: number
  /** Largest message in bytes of JSON, unpacked: a larger one is an `invalid` event. Default 5 MiB. */
  readonly maxMessageBytes?: number
  /** Told of the first event of every connection that was made with a cursor. */
  readonly onResume?: (info: ResumeInfo) => void
}

/** Where to get an unpacker that the platform does not have. */
export interface ZstdOptions {
  /** Default: Node's own; there is none in browsers. */
  readonly createDecompress?: CreateDecompress
}

/** What became of the messages so far. */
export interface JetstreamStats {
  /** Messages that arrived and were looked at. */
  readonly received: number
  /** Events that came again. */
  readonly duplicates: number
  /** Events that the filter leaves out, sent nevertheless. */
  readonly filtered: number
  readonly invalid: number
}

/** A subscription being read. Ends when the iteration ends. */
export interface Subscription<E> extends StreamIterator<E | InvalidEvent> {
  [Symbol.asyncIterator](): Subscription<E>
  /** How far the reader got: the last event that it asked for another after; null before that. */
  readonly position: Position | null
  readonly stats: JetstreamStats
  /** Replaces the filter, from now on. @throws JetstreamError `invalid-options` */
  update(filter: Filter): void
}

/** @throws JetstreamError `invalid-options` for a filter that a server would refuse, or take for another */
export function checkFilter(filter: Filter, isPattern: (pattern: string) => boolean): void {
  const refuse = (message: string): never => {
    throw new JetstreamError('invalid-options', message)
  }
  for (const name of ['kinds', 'collections', 'dids'] as const) {
    // On the wire an empty list is none, which would be everything.
    if (filter[name]?.length === 0)
      refuse(`an empty list would match everything: leave it out; option=${name}`)
  }
  const { kinds, collections = [], dids = [], maxMessageSizeBytes = 0 } = filter
  if (collections.length > MAX_COLLECTIONS)
    refuse(`too many collections; max=${MAX_COLLECTIONS} got=${collections.length}`)
  const odd = collections.find((pattern) => !isPattern(pattern))
  if (odd !== undefined) refuse(`not an NSID or a prefix with .*; collection=${odd.slice(0, 320)}`)
  if (collections.length > 0 && kinds?.includes('commit') === false)
    refuse('collections ask for commits, which kinds leave out')
  if (dids.length > MAX_DIDS) refuse(`too many dids; max=${MAX_DIDS} got=${dids.length}`)
  if (
    !Number.isSafeInteger(maxMessageSizeBytes) ||
    maxMessageSizeBytes < 0 ||
    maxMessageSizeBytes > 0xffff_ffff
  )
    refuse(`not a size; maxMessageSizeBytes=${maxMessageSizeBytes}`)
}
