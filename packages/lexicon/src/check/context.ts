import type { IssueCode, ValidateOptions, ValueForms } from '../validation.ts'

/** An issue under construction: the path grows at its head as the failure goes up. */
export type OpenIssue = { path: string; code: IssueCode; message: string }

/** What one validation carries through the closures. */
export interface Context {
  /** Made with the first issue: most values have none. */
  issues: OpenIssue[] | null
  /** How many there are. */
  count: number
  /** Stop when so many issues are found. */
  readonly max: number
  readonly legacyBlobs: boolean
  readonly rejectUnknown: boolean
  /** Undefined: those of the data model. */
  readonly forms: ValueForms | undefined
  /** Levels of recursive definitions entered. */
  depth: number
}

/** A compiled definition: whether the value fits; if not, the issues are in the context. */
export type Check = (value: unknown, context: Context) => boolean

const MAX_ISSUES = 100
const NO_OPTIONS: ValidateOptions = {}

/** The same bound as the data model's decoders have. */
export const MAX_DEPTH = 256

/** A context for one validation. */
export function createContext(options: ValidateOptions = NO_OPTIONS): Context {
  const { maxIssues = MAX_ISSUES, legacyBlobs = false, unknownFields, forms } = options
  return {
    issues: null,
    count: 0,
    max: Math.max(1, maxIssues),
    legacyBlobs,
    rejectUnknown: unknownFields === 'reject',
    forms,
    depth: 0,
  }
}

/** Notes an issue at the value itself; the callers above add the path. */
export function fail(context: Context, code: IssueCode, message: string): false {
  if (context.count < context.max) {
    context.issues ??= []
    context.count = context.issues.push({ path: '', code, message })
  }
  return false
}

/** Puts `key` before the paths of the issues from `mark` on. Returns the new mark. */
export function prefix(context: Context, mark: number, key: string | number): number {
  const issues = context.issues ?? []
  const head = typeof key === 'number' ? `/${key}` : `/${escapePointer(key)}`
  for (let i = mark; i < issues.length; i++) issues[i]!.path = head + issues[i]!.path
  return issues.length
}

/** A key as one step of a JSON pointer (RFC 6901). */
export function escapePointer(key: string): string {
  return /[~/]/.test(key) ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key
}

/** What a value is, for messages. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Uint8Array) return 'bytes'
  switch (typeof value) {
    case 'undefined':
      return 'nothing'
    case 'object':
      return 'an object'
    case 'number':
      return Number.isSafeInteger(value) ? 'an integer' : 'a number that is no safe integer'
    default:
      return `a ${typeof value}`
  }
}

/** A value in a message: short whatever it holds. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
}
