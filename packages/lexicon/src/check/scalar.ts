// https://atproto.com/specs/lexicon#field-type-definitions
import { isBlobRef, isCid, isLegacyBlobRef } from '@avocet/data'
import type { LexiconBlob, LexiconBoolean, LexiconBytes, LexiconInteger, LexiconString } from '../document.ts'
import { describe, fail, quote, type Check, type Context } from './context.ts'
import { FORMATS } from './format.ts'
import { countGraphemes, utf8Length } from './text.ts'

/** `boolean` */
export function booleanCheck(def: LexiconBoolean): Check {
  const expected = def.const
  return (value, context) => {
    if (typeof value !== 'boolean') {
      return fail(context, 'invalid-type', `must be a boolean, is ${describe(value)}`)
    }
    if (expected !== undefined && value !== expected) {
      return fail(context, 'invalid-const', `must be ${expected}`)
    }
    return true
  }
}

/** `integer` */
export function integerCheck(def: LexiconInteger): Check {
  const low = def.const ?? def.minimum ?? Number.MIN_SAFE_INTEGER
  const high = def.const ?? def.maximum ?? Number.MAX_SAFE_INTEGER
  const allowed = def.enum === undefined ? null : new Set(def.enum)
  return (value, context) =>
    (Number.isSafeInteger(value) &&
      (value as number) >= low &&
      (value as number) <= high &&
      (allowed === null || allowed.has(value as number))) ||
    failInteger(def, value, context)
}

function failInteger(def: LexiconInteger, value: unknown, context: Context): boolean {
  if (!Number.isSafeInteger(value)) {
    return fail(context, 'invalid-type', `must be an integer, is ${describe(value)}`)
  }
  const number = value as number
  if (def.const !== undefined && number !== def.const) {
    return fail(context, 'invalid-const', `must be ${def.const}, is ${number}`)
  }
  if (def.enum?.includes(number) === false) {
    return fail(context, 'invalid-enum', `must be one of ${def.enum.join(', ')}, is ${number}`)
  }
  if (def.minimum !== undefined && number < def.minimum) {
    return fail(context, 'too-small', `must be at least ${def.minimum}, is ${number}`)
  }
  return fail(context, 'too-large', `must be at most ${def.maximum}, is ${number}`)
}

const anyString: Check = (value, context) =>
  typeof value === 'string' || fail(context, 'invalid-type', `must be a string, is ${describe(value)}`)

/** `string`: the closure holds only the tests that its definition asks for. */
export function stringCheck(def: LexiconString): Check {
  const tests: ((value: string, context: Context) => boolean)[] = []
  const { const: expected, format } = def
  if (expected !== undefined) {
    tests.push(
      (value, context) =>
        value === expected ||
        fail(context, 'invalid-const', `must be ${quote(expected)}, is ${quote(value)}`),
    )
  }
  if (def.enum !== undefined) {
    const allowed = new Set(def.enum)
    tests.push(
      (value, context) =>
        allowed.has(value) ||
        fail(
          context,
          'invalid-enum',
          `must be one of ${[...allowed].map(quote).join(', ')}, is ${quote(value)}`,
        ),
    )
  }
  const bounds = lengthTest(def)
  if (bounds !== undefined) tests.push(bounds)
  if (format !== undefined) {
    const test = FORMATS[format]
    tests.push(
      (value, context) =>
        test(value) || fail(context, 'invalid-format', `must be a valid ${format}, is ${quote(value)}`),
    )
  }
  const [first, second] = tests
  if (first === undefined) return anyString
  if (second !== undefined) {
    return (value, context) => {
      if (typeof value !== 'string') return anyString(value, context)
      for (const test of tests) if (!test(value, context)) return false
      return true
    }
  }
  if (format !== undefined) {
    const test = FORMATS[format]
    return (value, context) =>
      typeof value === 'string' ? test(value) || first(value, context) : anyString(value, context)
  }
  return (value, context) => (typeof value === 'string' ? first(value, context) : anyString(value, context))
}

/** Lengths. UTF-8 bytes lie between 1 and 3 times the UTF-16 units; graphemes are no more than the units. */
function lengthTest(def: LexiconString): ((value: string, context: Context) => boolean) | undefined {
  const { minLength = 0, maxLength = Infinity, minGraphemes = 0, maxGraphemes = Infinity } = def
  if (minLength <= 0 && maxLength === Infinity && minGraphemes <= 0 && maxGraphemes === Infinity) {
    return undefined
  }
  return (value, context) => {
    const units = value.length
    if (units > maxLength || units * 3 > maxLength || units < minLength) {
      const bytes = utf8Length(value)
      if (bytes > maxLength) {
        return fail(context, 'too-long', `must have at most ${maxLength} bytes of UTF-8, has ${bytes}`)
      }
      if (bytes < minLength) {
        return fail(context, 'too-short', `must have at least ${minLength} bytes of UTF-8, has ${bytes}`)
      }
    }
    if (units > maxGraphemes && countGraphemes(value, maxGraphemes) > maxGraphemes) {
      return fail(context, 'too-many-graphemes', `must have at most ${maxGraphemes} graphemes`)
    }
    if (minGraphemes > 0 && (units < minGraphemes || countGraphemes(value, minGraphemes) < minGraphemes)) {
      return fail(context, 'too-few-graphemes', `must have at least ${minGraphemes} graphemes`)
    }
    return true
  }
}

/** `bytes` */
export function bytesCheck(def: LexiconBytes): Check {
  const { minLength = 0, maxLength = Infinity } = def
  return (value, context) => {
    const { forms } = context
    const length = forms ? forms.byteLength(value) : value instanceof Uint8Array ? value.length : -1
    if (length < 0) return fail(context, 'invalid-type', `must be bytes, is ${describe(value)}`)
    if (length < minLength) {
      return fail(context, 'too-short', `must have at least ${minLength} bytes, has ${length}`)
    }
    if (length > maxLength) {
      return fail(context, 'too-long', `must have at most ${maxLength} bytes, has ${length}`)
    }
    return true
  }
}

/** `cid-link` */
export const cidLinkCheck: Check = (value, context) =>
  (context.forms ? context.forms.isLink(value) : isCid(value)) ||
  fail(context, 'invalid-type', `must be a CID link, is ${describe(value)}`)

/** `blob`. A legacy blob has no size, so `maxSize` says nothing about it. */
export function blobCheck(def: LexiconBlob): Check {
  const { maxSize = Infinity } = def
  const accepts = mimeTest(def.accept)
  return (value, context) => {
    const isBlob = context.forms?.isBlob ?? isBlobRef
    if (!isBlob(value)) {
      if (!isLegacyBlobRef(value)) {
        return fail(context, 'invalid-type', `must be a blob, is ${describe(value)}`)
      }
      if (!context.legacyBlobs) {
        return fail(context, 'invalid-type', 'must be a blob, is one of the legacy form')
      }
    } else if (value.size > maxSize) {
      return fail(context, 'blob-too-large', `must have at most ${maxSize} bytes, has ${value.size}`)
    }
    if (!accepts(value.mimeType)) {
      return fail(
        context,
        'blob-mime-type',
        `must be of type ${def.accept!.join(' or ')}, is ${quote(value.mimeType)}`,
      )
    }
    return true
  }
}

/** Whether a MIME type is among `accept` (types, `image/*` patterns, or `*` + `/*`). Parameters and case do not count. */
function mimeTest(accept: readonly string[] | undefined): (mimeType: string) => boolean {
  if (accept === undefined || accept.includes('*/*')) return () => true
  const whole = new Set<string>()
  const heads: string[] = []
  for (const pattern of accept) {
    const lower = pattern.toLowerCase()
    if (lower.endsWith('/*')) heads.push(lower.slice(0, -1))
    else whole.add(lower)
  }
  const fits = (type: string): boolean =>
    whole.has(type) || heads.some((head) => type.length > head.length && type.startsWith(head))
  // Nearly all blobs of a kind have one and the same type.
  let last: string | undefined
  return (mimeType) => {
    if (mimeType === last) return true
    const end = mimeType.indexOf(';')
    const type = (end < 0 ? mimeType : mimeType.slice(0, end)).trim().toLowerCase()
    if (!fits(type)) return false
    last = mimeType.length < 128 ? mimeType : undefined
    return true
  }
}
