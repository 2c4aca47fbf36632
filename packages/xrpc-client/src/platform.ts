/** The contract of `#platform`: one module for Node, one for everything else. */

/** Bytes that may wait to be sent: a service that reads none of them is left. */
export const maxUnsentBytes: number = 1024 * 1024

/** An incremental hash. */
export interface Digest {
  update(bytes: Uint8Array): void
  digest(): Uint8Array
}

/** What is heard from a socket. After `closed` nothing more is. */
export interface SocketEvents {
  /** It is open; `protocol` is the subprotocol agreed on, empty for none. */
  opened(protocol: string): void
  /** A message as it came: text only where {@link SocketOptions.text} lets it in. */
  message(data: Uint8Array | string): void
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
  /** Sends a text message. False when the socket is not open: nothing was sent. */
  send(text: string): boolean
  /** Ends the socket at once. */
  close(): void
}

/** Bounds of a socket. */
export interface SocketOptions {
  readonly maxFrameBytes: number
  readonly connectMs: number
  readonly headers: Headers
  /** Subprotocols to offer, none by default: a server that picks none of them is left. */
  readonly protocols?: readonly string[]
  /** Whether messages may be text; default false: text ends the socket (1003). */
  readonly text?: boolean
}

/** Opens a socket; its events tell whether that worked. */
export type OpenSocket = (url: string, events: SocketEvents, options: SocketOptions) => Promise<Socket>
