/** The grammars of this package. */
export type SyntaxKind =
  | 'did'
  | 'handle'
  | 'nsid'
  | 'at-uri'
  | 'at-identifier'
  | 'record-key'
  | 'tid'
  | 'datetime'
  | 'language'
  | 'uri'
  | 'cid'

/** The code of a failure: which grammar was missed. */
export type SyntaxErrorCode = `invalid-${SyntaxKind}`

/** Why a text does not match. */
export type SyntaxFailure = { readonly code: SyntaxErrorCode; readonly message: string }

/** An outcome: a value, or why there is none. */
export type Result<T, E = SyntaxFailure> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E }

/** The one error this package throws: an `assertX` that does not hold, or a TID out of range or too far in the future. */
export class SyntaxFault extends Error {
  override readonly name = 'SyntaxFault'
  /** Which grammar was missed; `tid-ahead` for a TID that no clock should go on from. */
  readonly code: SyntaxErrorCode | 'tid-ahead'

  constructor(code: SyntaxErrorCode | 'tid-ahead', message: string) {
    super(message)
    this.code = code
  }
}

/** What is wrong with a text, in a few words, or null where it matches. Must read at most a bounded number of characters. */
export type Problem = (text: string) => string | null

/** Characters of an offending text shown in a message. */
const SHOWN = 80

/** The failure of a value that does not match. */
export function failure(kind: SyntaxKind, problem: string, value: unknown): SyntaxFailure {
  const shown = typeof value === 'string' ? ` text=${JSON.stringify(value.slice(0, SHOWN))}` : ''
  return { code: `invalid-${kind}`, message: `not a valid ${kind}: ${problem};${shown}` }
}

const problemOf = (value: unknown, problem: Problem): string | null =>
  typeof value === 'string' ? problem(value) : 'not a string'

// The functions of a grammar whose value is its text are made apart, so that a bundle has those that it uses; `isX` is a regular
// expression each, for the same reason. Calls of these at the top of a module are marked as pure: bundlers keep them otherwise.

/** `parseX`, from what can be wrong with a text. */
export function createParse<T extends string>(
  kind: SyntaxKind,
  problem: Problem,
): (value: unknown) => Result<T> {
  return (value) => {
    const found = problemOf(value, problem)
    return found === null
      ? { ok: true, value: value as T }
      : { ok: false, error: failure(kind, found, value) }
  }
}

/** `assertX`, likewise. */
// oxlint-disable-next-line no-unnecessary-type-parameters -- what is found out about the caller's value
export function createAssert<T extends string>(
  kind: SyntaxKind,
  problem: Problem,
): (value: unknown) => asserts value is T {
  return (value) => {
    const found = problemOf(value, problem)
    if (found === null) return
    const { code, message } = failure(kind, found, value)
    throw new SyntaxFault(code, message)
  }
}
