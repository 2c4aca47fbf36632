import type { DataObject } from '@avocet/data'
import type { ParamValue } from '@avocet/xrpc'

import type { HeaderFields } from './header-fields.ts'

/** One message of a stream. */
export interface StreamMessage<B = DataObject> {
  /** Short name, `#commit`. */
  readonly type: string
  /** The payload. With a schema it carries its full `$type`, so that a union narrows on it. */
  readonly body: B
  /** The service that sent it. */
  readonly service: string
}

/** A connection attempt. */
export interface ConnectInfo {
  /** The service it is made to. */
  readonly service: string
  /** Attempts since the last message, this one included. */
  readonly attempt: number
}

/** The end of a connection that the iterator outlives. */
export interface DisconnectInfo extends ConnectInfo {
  /** WebSocket close code, 1006 for none. */
  readonly code: number
  readonly reason: string
  /** HTTP status, when the upgrade was refused. */
  readonly status: number | undefined
  /** Milliseconds until the next attempt. */
  readonly delayMs: number
}

/** How connections are made, bounded and made again: settings that any kind of stream has. */
export interface FollowOptions {
  /**
   * The service, or several: when one fails before it sent anything, the next is tried. `http(s)` and `ws(s)` URLs.
   */
  readonly service: string | URL | readonly (string | URL)[]
  /** Ends the iteration. */
  readonly signal?: AbortSignal
  /** Request headers. Node only: browsers cannot set any. */
  readonly headers?: HeaderFields
  /** Largest frame in bytes. Default 5 MiB. */
  readonly maxFrameBytes?: number
  /** Bytes that may wait for a slow reader. Default 16 MiB. */
  readonly maxBufferedBytes?: number
  /**
   * What to do past that: `pause` stops reading from the network (where the platform cannot, the connection is closed
   * and taken up again at the cursor once the reader has caught up); `error` throws `overflow`. Default `pause`.
   */
  readonly overflow?: 'pause' | 'error'
  /** Milliseconds without a sign of life before a connection is given up; 0 for never. Default 60 000 (browsers: 0). */
  readonly livenessMs?: number
  /**
   * Milliseconds without a message before a connection is given up, and the next service tried: for streams that are
   * never quiet, where a service may answer pings and send nothing. Default 0: never.
   */
  readonly idleMs?: number
  /** Milliseconds for a connection to be made. Default 15 000. */
  readonly connectMs?: number
  /** Whether to connect again after a connection ends. Default true. */
  readonly reconnect?: boolean
  /** First and longest wait between attempts; doubles each time, with jitter. Default 500 and 30 000. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number }
  /** Told of every connection that is open. */
  readonly onConnect?: (info: ConnectInfo) => void
  /** Told of every connection that ended and will be followed by another. */
  readonly onDisconnect?: (info: DisconnectInfo) => void
}

/** Settings of {@link subscribe} that do not depend on what it yields. */
export interface StreamOptions<P = Readonly<Record<string, ParamValue>>> extends FollowOptions {
  /** Asked on every connect, when all earlier messages have been taken by the reader: give the newest cursor. */
  readonly params?: (info: ConnectInfo) => P | Promise<P>
}

/** A stream being read. Ends its connection when the iteration ends. */
export interface StreamIterator<T> extends AsyncIterableIterator<T>, AsyncDisposable {
  next(): Promise<IteratorResult<T, undefined>>
  return(): Promise<IteratorResult<T, undefined>>
  [Symbol.asyncIterator](): StreamIterator<T>
}
