// https://atproto.com/specs/lexicon#field-type-definitions
import { isCid } from '@avocet/data'
import { describe, fail, MAX_DEPTH, prefix, quote, type Check, type Context } from './context.ts'

/** Whether a value is a map of the data model: neither an array, nor bytes, nor a CID, nor some class's instance. */
export function isPlainObject(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return true
  // An object literal of another realm: its prototype is a root too.
  return !Array.isArray(value) && Object.getPrototypeOf(prototype) === null && !isCid(value)
}

/** One property of a compiled object. */
export type PropertyCheck = {
  readonly key: string
  readonly check: Check
  readonly required: boolean
}

/** A property that may be null. */
export function nullableCheck(check: Check): Check {
  return (value, context) => value === null || check(value, context)
}

/** `object`. A property that is `undefined` is absent; `$type` is never an unknown field. */
export function objectCheck(properties: readonly PropertyCheck[]): Check {
  // The hot loop of all validation: plain arrays, one keyed load and one call for each property.
  const count = properties.length
  const keys = properties.map((property) => property.key)
  const checks = properties.map((property) => property.check)
  const required = properties.map((property) => property.required)
  const known = new Set(keys).add('$type')
  // Names that every object inherits, such as `constructor`: only own properties count.
  const inherited = keys.some((key) => key in Object.prototype)
  const checkFields = (value: Fields, context: Context): boolean => {
    const fields = inherited ? ownFields(value, keys) : value
    let ok = true
    let mark = context.count
    for (let i = 0; i < count; i++) {
      const field = fields[keys[i]!]
      if (field === undefined) {
        if (!required[i]!) continue
        fail(context, 'required', 'is required')
      } else if (checks[i]!(field, context)) {
        continue
      }
      ok = false
      mark = prefix(context, mark, keys[i]!)
      if (mark >= context.max) return false
    }
    if (context.rejectUnknown && !rejectUnknown(value, known, context)) return false
    return ok
  }
  const check: Check = (value, context) =>
    isPlainObject(value)
      ? checkFields(value, context)
      : fail(context, 'invalid-type', `must be an object, is ${describe(value)}`)
  fieldChecks.set(check, checkFields)
  return check
}

type Fields = { readonly [key: string]: unknown }

/** What an object's check does with a value that is known to be an object: records and unions have looked already. */
const fieldChecks = new WeakMap<Check, (value: Fields, context: Context) => boolean>()

function ownFields(
  value: { readonly [key: string]: unknown },
  keys: readonly string[],
): { readonly [key: string]: unknown } {
  const own: { [key: string]: unknown } = Object.create(null) as { [key: string]: unknown }
  for (const key of keys) if (Object.hasOwn(value, key)) own[key] = value[key]
  return own
}

function rejectUnknown(
  value: { readonly [key: string]: unknown },
  known: ReadonlySet<string>,
  context: Context,
): boolean {
  let ok = true
  for (const key of Object.keys(value)) {
    if (known.has(key) || value[key] === undefined) continue
    const mark = context.count
    if (mark >= context.max) return false
    fail(context, 'unknown-field', 'is not a field of the schema')
    prefix(context, mark, key)
    ok = false
  }
  return ok
}

/** `array` */
export function arrayCheck(
  item: Check,
  minLength: number = 0,
  maxLength: number = Number.MAX_SAFE_INTEGER,
): Check {
  return (value, context) => {
    if (!Array.isArray(value)) {
      return fail(context, 'invalid-type', `must be an array, is ${describe(value)}`)
    }
    const { length } = value
    if (length > maxLength) {
      // The items are left unread: nobody asked for so many.
      return fail(context, 'too-long', `must have at most ${maxLength} items, has ${length}`)
    }
    let ok = true
    if (length < minLength) {
      ok = fail(context, 'too-short', `must have at least ${minLength} items, has ${length}`)
    }
    let mark = context.count
    for (let i = 0; i < length; i++) {
      if (item(value[i], context)) continue
      ok = false
      mark = prefix(context, mark, i)
      if (mark >= context.max) return false
    }
    return ok
  }
}

/** A variant of a union: found when first met, since a post's embeds would otherwise compile half of a namespace. */
export type Variant = {
  readonly find: () => Check
  check: ((value: Fields, context: Context) => boolean) | null
}

function fieldsOf(check: Check): (value: Fields, context: Context) => boolean {
  return fieldChecks.get(check) ?? check
}

/** `union`: `variants` by `$type`. A known variant must not carry the suffix `#main`. */
export function unionCheck(variants: ReadonlyMap<string, Variant>, closed: boolean): Check {
  return (value, context) => {
    if (!isPlainObject(value)) {
      return fail(context, 'invalid-type', `must be an object with a $type, is ${describe(value)}`)
    }
    const type = value['$type']
    if (typeof type !== 'string' || type === '') {
      return fail(context, 'missing-type', 'must have a $type')
    }
    const variant = variants.get(type)
    if (variant !== undefined) {
      variant.check ??= fieldsOf(variant.find())
      return descend(variant.check, value, context)
    }
    return unknownVariant(type, variants, closed, context)
  }
}

function unknownVariant(
  type: string,
  variants: ReadonlyMap<string, unknown>,
  closed: boolean,
  context: Context,
): boolean {
  if (type.endsWith('#main') && variants.has(type.slice(0, -5))) {
    return fail(context, 'wrong-type', `$type must be ${quote(type.slice(0, -5))}, without #main`)
  }
  if (closed) {
    const names = [...variants.keys()].map(quote).join(', ')
    return fail(context, 'unknown-variant', `$type must be one of ${names}, is ${quote(type)}`)
  }
  return type === 'blob' ? fail(context, 'invalid-type', 'must be no blob') : true
}

/** `unknown`: a map, and not the shape of a blob, link or bytes. What it holds was checked when it was decoded. */
export const unknownCheck: Check = (value, context) => {
  if (!isPlainObject(value)) {
    return fail(context, 'invalid-type', `must be an object, is ${describe(value)}`)
  }
  if (value['$type'] === 'blob' || value['$link'] !== undefined || value['$bytes'] !== undefined) {
    return fail(context, 'invalid-type', 'must be a plain object, is a blob, link or bytes')
  }
  return true
}

/** A record: an object whose `$type` is its NSID. */
export function recordCheck(nsid: string, object: Check): Check {
  const checkFields = fieldsOf(object)
  return (value, context) => {
    if (!isPlainObject(value)) return object(value, context)
    const type = value['$type']
    let typed = true
    if (type !== nsid) {
      const mark = context.count
      typed =
        type === undefined
          ? fail(context, 'missing-type', `must be ${quote(nsid)}, is absent`)
          : fail(
              context,
              'wrong-type',
              `must be ${quote(nsid)}, is ${typeof type === 'string' ? quote(type) : describe(type)}`,
            )
      prefix(context, mark, '$type')
      if (context.count >= context.max) return false
    }
    return checkFields(value, context) && typed
  }
}

/** A definition that contains itself: found when first used, and bounded in depth. */
export function recursiveCheck(find: () => Check): Check {
  let found: Check | undefined
  return (value, context) => {
    found ??= find()
    return descend(found, value, context)
  }
}

/** One level deeper, if the bound allows it. */
function descend<T>(check: (value: T, context: Context) => boolean, value: T, context: Context): boolean {
  if (context.depth >= MAX_DEPTH) {
    return fail(context, 'too-deep', `must nest at most ${MAX_DEPTH} levels`)
  }
  context.depth += 1
  const ok = check(value, context)
  context.depth -= 1
  return ok
}
