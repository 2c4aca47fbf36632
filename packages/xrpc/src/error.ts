/**
 * Errors as XRPC carries them.
 * @see https://atproto.com/specs/xrpc#error-responses
 */

/** What may accompany an error besides its status, name and message. */
export interface XrpcErrorOptions {
  /** Extra response headers (`WWW-Authenticate`, `Retry-After`, …). */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The underlying failure. It never reaches the wire. */
  readonly cause?: unknown
}

/** The JSON body of every unsuccessful response. */
export interface XrpcErrorBody {
  /** Name of the error: ASCII, no whitespace; clients key on it. */
  readonly error: string
  /** Words for a person. */
  readonly message?: string
}

/**
 * An expected failure of a method, thrown by handlers and auth functions: its status, name and message reach the caller
 * as they are. Everything else that is thrown becomes a 500 without its message.
 */
export class XrpcError extends Error {
  override readonly name = 'XrpcError'
  /** HTTP status, 400–599. */
  readonly status: number
  /** The error's name on the wire, such as `InvalidRequest`. */
  readonly error: string
  /** Extra response headers. */
  readonly headers: Readonly<Record<string, string>>

  /**
   * @param status HTTP status, 400–599
   * @param error the name on the wire; {@link statusErrorName} of the status when undefined
   * @param message words for a person; the name when undefined
   */
  constructor(status: number, error?: string, message?: string, options: XrpcErrorOptions = {}) {
    const name = error ?? statusErrorName(status)
    super(message ?? name, options.cause === undefined ? undefined : { cause: options.cause })
    this.status = status
    this.error = name
    this.headers = options.headers ?? {}
  }
}

const names: ReadonlyMap<number, string> = new Map([
  [400, 'InvalidRequest'],
  [401, 'AuthenticationRequired'],
  [403, 'Forbidden'],
  [404, 'XRPCNotSupported'],
  [405, 'InvalidRequest'],
  [406, 'NotAcceptable'],
  [408, 'RequestTimeout'],
  [413, 'PayloadTooLarge'],
  [415, 'UnsupportedMediaType'],
  [426, 'UpgradeRequired'],
  [429, 'RateLimitExceeded'],
  [431, 'RequestHeaderFieldsTooLarge'],
  [500, 'InternalServerError'],
  [501, 'MethodNotImplemented'],
  [502, 'UpstreamFailure'],
  [503, 'NotEnoughResources'],
  [504, 'UpstreamTimeout'],
])

/** The customary error name of a status, for a failure that came without one. */
export function statusErrorName(status: number): string {
  return names.get(status) ?? (status >= 500 ? 'InternalServerError' : 'InvalidRequest')
}

/** The JSON body of an error. */
export function errorBody(error: XrpcError): XrpcErrorBody {
  return { error: error.error, message: error.message }
}

const maxNameLength = 256
const maxMessageLength = 10_000

/**
 * Reads the body of an unsuccessful response. A body of any other form (a load balancer's page, say) yields the name
 * customary for the status. Lengths are bounded, so a hostile server cannot fill a log.
 *
 * @param body the parsed JSON, or anything else
 */
export function parseErrorBody(status: number, body: unknown): { error: string; message: string } {
  const fields: { error?: unknown; message?: unknown } = typeof body === 'object' && body !== null ? body : {}
  const error =
    typeof fields.error === 'string' && fields.error !== '' && fields.error.length <= maxNameLength
      ? fields.error
      : statusErrorName(status)
  const message =
    typeof fields.message === 'string'
      ? fields.message.slice(0, maxMessageLength)
      : `${error}; status=${status}`
  return { error, message }
}
