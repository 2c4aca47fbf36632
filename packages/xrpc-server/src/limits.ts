/** Bounds of what a router takes. All are checked before anything is parsed. */
export interface Limits {
  /** JSON and text bodies, bytes after decompression. Default 150 KiB, as the reference server has it. */
  readonly jsonBytes: number
  /** Other bodies, bytes after decompression. Default 100 MiB. */
  readonly blobBytes: number
  /** Query string, characters. Default 16 KiB. */
  readonly queryLength: number
  /** Time for a whole JSON body to arrive, and between two chunks of another. Default 30 000. */
  readonly bodyMs: number
  /** Time for a handler without a streamed body to answer; 0 for none. Default 60 000. */
  readonly handlerMs: number
  /** Unsent bytes of one subscriber above which its iterator is not pulled. Default 1 MiB. */
  readonly bufferedBytes: number
  /** Time for those bytes to be taken before the subscriber is cut off as too slow; 0 cuts it off at once. Default 30 000. */
  readonly drainMs: number
  /**
   * Open subscriptions of one method from one address (an IPv6 /64). Callers that no rate limit holds for count in the
   * total alone. Default 0: no limit.
   */
  readonly subscribersPerAddress: number
  /** Open subscriptions of one method from everywhere. Default 0: no limit. */
  readonly subscribers: number
}

/** The bounds used unless told. */
export const defaultLimits: Limits = {
  jsonBytes: 150 * 1024,
  blobBytes: 100 * 1024 * 1024,
  queryLength: 16 * 1024,
  bodyMs: 30_000,
  handlerMs: 60_000,
  bufferedBytes: 1024 * 1024,
  drainMs: 30_000,
  subscribersPerAddress: 0,
  subscribers: 0,
}
