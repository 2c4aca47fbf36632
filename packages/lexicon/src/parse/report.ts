import { escapePointer } from '../check/context.ts'
import { isPlainObject } from '../check/container.ts'

/** One thing wrong with a lexicon document. */
export type LexiconIssue = {
  /** Where, as a JSON pointer: `/defs/main/record/properties/text/maxLength`. */
  readonly path: string
  readonly message: string
}

/** A JSON object whose fields are not known yet. */
export type Fields = { readonly [key: string]: unknown }

/** Collects what is wrong with a document. */
export class Report {
  readonly issues: LexiconIssue[] = []

  /** Notes an issue; the document is refused. */
  add(path: string, message: string): void {
    // A hostile document could have a million of them.
    if (this.issues.length < 100) this.issues.push({ path, message })
  }

  /** The value as an object, or null with an issue. */
  object(value: unknown, path: string): Fields | null {
    if (isPlainObject(value)) return value
    this.add(path, 'must be an object')
    return null
  }

  /** Tests a field that may be absent unless `required`. */
  field(
    fields: Fields,
    path: string,
    key: string,
    test: (value: unknown) => boolean,
    expected: string,
    required = false,
  ): boolean {
    const value = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (value === undefined) {
      if (required) this.add(step(path, key), `is required: ${expected}`)
      return false
    }
    if (test(value)) return true
    this.add(step(path, key), `must be ${expected}`)
    return false
  }

  /** Tests each value of an optional map of strings to objects; the keys must be names. */
  entries(value: unknown, path: string, visit: (value: unknown, path: string, key: string) => void): void {
    const map = this.object(value, path)
    if (map === null) return
    for (const key of Object.keys(map)) {
      if (key === '' || key === '__proto__' || key.length > 256) {
        this.add(step(path, key.slice(0, 256)), 'has an unusable name')
      } else {
        visit(map[key], step(path, key), key)
      }
    }
  }
}

/** A JSON pointer one step further. */
export function step(path: string, key: string | number): string {
  return `${path}/${typeof key === 'number' ? key : escapePointer(key)}`
}

/** Tests of JSON values, as `Report.field` takes them. */
export const isString = (value: unknown): value is string => typeof value === 'string'
export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
export const isInteger = (value: unknown): value is number => Number.isSafeInteger(value)
export const isLength = (value: unknown): value is number => isInteger(value) && value >= 0
export const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString)
export const isIntegers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every(isInteger)
