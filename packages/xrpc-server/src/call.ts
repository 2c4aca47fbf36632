/**
 * The seam between the router and what carries requests: an adapter (Fetch, node:http) makes a {@link Call} and writes
 * the {@link Answer}. The router never touches a socket; an adapter never decides anything.
 */

/** One incoming request, as cheap to make as its carrier allows: what costs is behind a getter or a method. */
export interface Call {
  /** Upper case. */
  readonly method: string
  /** The path alone, still percent-encoded: `/xrpc/com.example.count`. */
  readonly path: string
  /** What follows the `?`, undecoded; empty when there is none. */
  readonly query: string
  /** The caller's address as the server trusts it; null when unknown. */
  readonly address: string | null
  /** The same request for handlers, made when first asked for. Its body is the one {@link body} would give. */
  readonly request: Request
  /** Aborted when the caller goes away before the answer is complete. */
  readonly signal: AbortSignal
  /** A request header by its lower-case name; null when absent. */
  header(name: string): string | null
  /** The body in chunks as they arrive; null when the request has none. Taken at most once. */
  body(): AsyncIterable<Uint8Array> | null
  /**
   * The whole body, where all of it has arrived already, instead of iterating what {@link body} gave: a small body comes
   * with the headers, and waiting for its chunks costs more than reading them. Null otherwise.
   */
  arrived?(): Uint8Array | null
}

/** Anything that can be sent as a body. */
export type BodyBytes = string | Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** Response headers by lower-case name. */
export type HeaderRecord = Record<string, string | string[]>

/** What goes back. */
export interface Answer {
  readonly status: number
  readonly headers: HeaderRecord
  readonly body: BodyBytes | null
}

/** Whether a value is a body that arrives in pieces. */
export function isStream(value: unknown): value is ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

/** Length of an answer's body in bytes, of text in characters; null for one that arrives in pieces. */
export function lengthOf({ body }: Answer): number | null {
  if (body === null) return 0
  return typeof body === 'string' || body instanceof Uint8Array ? body.length : null
}
