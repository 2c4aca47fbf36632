import type { Issue } from '@avocet/lexicon'

/** What kind of failure it was. */
export type XrpcClientErrorCode =
  /** The service answered with an error: see `status`, `error` and `headers`. */
  | 'response'
  /** No answer: refused, reset, no such host, TLS. */
  | 'network'
  /** The time given was up. */
  | 'timeout'
  /** The caller's signal was aborted. */
  | 'aborted'
  /** Parameters or input are not what the method takes; nothing was sent. */
  | 'invalid-request'
  /** The answer is not what the method gives. */
  | 'invalid-response'
  /** The answer is larger than allowed. */
  | 'too-large'
  /** The method is in no lexicon the client was given. */
  | 'unknown-method'
  /** A download's hash is not the one asked for. */
  | 'wrong-hash'
  /** A stream sent what is no frame. */
  | 'invalid-frame'
  /** A stream sent an error frame: see `error`. */
  | 'stream'
  /** A stream's reader was too slow for the bytes it allowed to wait. */
  | 'overflow'

/** Names that any method may give, declared or not; empty where no service spoke. */
export type CommonErrorName =
  | ''
  | 'AccountDeactivated'
  | 'AccountSuspended'
  | 'AccountTakedown'
  | 'AuthenticationRequired'
  | 'AuthMissing'
  | 'ExpiredToken'
  | 'Forbidden'
  | 'InternalServerError'
  | 'InvalidRequest'
  | 'InvalidToken'
  | 'MethodNotImplemented'
  | 'NotEnoughResources'
  | 'PayloadTooLarge'
  | 'RateLimitExceeded'
  | 'RepoNotFound'
  | 'RequestTimeout'
  | 'UnsupportedMediaType'
  | 'UpstreamFailure'
  | 'UpstreamTimeout'
  | 'XRPCNotSupported'

/**
 * Any other name: a service says what it likes. Typed as a text that no name is, so that a comparison narrows to the name compared with. To
 * compare with one that is not declared, take it as a `string` first.
 */
export type OtherErrorName = `${string}?`

/**
 * The error of a method whose lexicon declares the names `E`: `if (error.error === 'RecordNotFound')` is completed and narrows, and a name that is
 * misspelt does not compile.
 */
export type MethodError<E extends string> = XrpcClientError & {
  readonly error: string extends E ? string : E | CommonErrorName | OtherErrorName
}

/** What a failure knows besides its code and message. */
export interface XrpcClientErrorData {
  readonly status?: number
  readonly error?: string
  readonly headers?: Headers
  readonly issues?: readonly Issue[]
  readonly cause?: unknown
}

/** The one error of this package. */
export class XrpcClientError extends Error {
  override readonly name = 'XrpcClientError'
  readonly code: XrpcClientErrorCode
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /**
   * The error's name as the service gave it, such as `RecordNotFound`; where it gave none, the one customary for the status (empty from
   * `createLiteClient`). Empty where no service refused anything.
   */
  readonly error: string
  /** Headers of the answer; empty when there was none. */
  readonly headers: Headers
  /** What a schema had to say, for `invalid-request` and `invalid-response`. */
  readonly issues: readonly Issue[]

  constructor(code: XrpcClientErrorCode, message: string, data: XrpcClientErrorData = {}) {
    super(message, data.cause === undefined ? undefined : { cause: data.cause })
    this.code = code
    this.status = data.status ?? 0
    this.error = data.error ?? ''
    this.headers = data.headers ?? new Headers()
    this.issues = data.issues ?? []
  }
}

/** Makes an error of validation issues. */
export function issuesError(
  code: 'invalid-request' | 'invalid-response',
  nsid: string,
  what: string,
  issues: readonly Issue[],
  data: XrpcClientErrorData = {},
): XrpcClientError {
  const first = issues[0]
  const message = `invalid ${what}: ${first?.message ?? 'refused'}; nsid=${nsid} path=${first?.path || '/'}`
  return new XrpcClientError(code, message, { ...data, issues })
}
