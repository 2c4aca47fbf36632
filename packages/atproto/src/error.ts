import type { Issue } from '@avocet/lexicon'

/** Whose word a failure is. */
export type Speaker =
  | '@avocet/atproto'
  | '@avocet/did'
  | '@avocet/firehose'
  | '@avocet/repo'
  | '@avocet/xrpc-client'

/** The one error that comes out of this package. What was said in the package underneath is its `cause`. */
export class AtprotoError extends Error {
  override readonly name = 'AtprotoError'
  /** The package that found the fault. */
  readonly speaker: Speaker
  /** The code of that package's error: `not-found`, `bad-signature`, `response`, … */
  readonly code: string
  /** The name that a service gave, such as `RecordNotFound`; the empty string where no service spoke. */
  readonly error: string
  /** What a schema had to say of a record. */
  readonly issues: readonly Issue[]

  constructor(speaker: Speaker, code: string, message: string, cause?: unknown) {
    super(`${message} (${speaker})`, cause === undefined ? undefined : { cause })
    const { error, issues } = (cause ?? {}) as { error?: unknown; issues?: unknown }
    this.speaker = speaker
    this.code = code
    this.error = typeof error === 'string' ? error : ''
    this.issues = Array.isArray(issues) ? (issues as Issue[]) : []
  }
}

/** An error of a package underneath, as this package's; one that comes from here already as it is. */
export function spoken(speaker: Speaker, cause: unknown): unknown {
  if (cause instanceof AtprotoError || !(cause instanceof Error)) return cause
  const { code } = cause as { code?: unknown }
  // Faults of a program, and the reason of a caller's own signal, are nobody's word.
  return typeof code === 'string' ? new AtprotoError(speaker, code, cause.message, cause) : cause
}

/** The value of a result. @throws {AtprotoError} its error */
export function valueOf<T>(
  speaker: Speaker,
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (result.ok) return result.value
  throw spoken(speaker, result.error)
}
