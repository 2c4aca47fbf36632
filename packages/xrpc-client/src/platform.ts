/** The contract of `#platform`: one module for Node, one for everything else. */

/** An incremental hash. */
export interface Digest {
  update(bytes: Uint8Array): void
  digest(): Uint8Array
}

/** What is heard from a socket. After `closed` nothing more is. */
export interface SocketEvents {
  opened(): void
  message(bytes: Uint8Array): void
  /** A sign of life without content. */
  pong(): void
  closed(end: SocketEnd): void
}

/** How a socket ended. */
export interface SocketEnd {
  /** WebSocket close code; 1006 without a closing handshake. */
  readonly code: number
  readonly reason: string
  /** The HTTP answer to a request that was refused an upgrade, where the platform tells. */
  readonly refusal?: { readonly status: number; readonly body: string; readonly headers: Headers }
  readonly cause?: unknown
}

/** A socket being opened, or open. */
export interface Socket {
  /** Stops reading from the network. False where the platform cannot. */
  pause(): boolean
  resume(): void
  /** Asks for a sign of life. False where the platform cannot. */
  ping(): boolean
  /** Ends the socket at once. */
  close(): void
}

/** Bounds of a socket. */
export interface SocketOptions {
  readonly maxFrameBytes: number
  readonly connectMs: number
  readonly headers: Headers
}

/** Opens a socket; its events tell whether that worked. */
export type OpenSocket = (url: string, events: SocketEvents, options: SocketOptions) => Promise<Socket>
