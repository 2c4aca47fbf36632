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
  readonly nullable: boolean
  /** The name is one that every object inherits (`constructor`): only an own property counts. */
  readonly inherited: boolean
}

/** `object`. A property that is `undefined` is absent; `$type` is never an unknown field. */
export function objectCheck(properties: readonly PropertyCheck[]): Check {
  const count = properties.length
  const known = new Set(properties.map((property) => property.key)).add('$type')
  return (value, context) => {
    if (!isPlainObject(value)) {
      return fail(context, 'invalid-type', `must be an object, is ${describe(value)}`)
    }
    let ok = true
    let mark = context.issues.length
    for (let i = 0; i < count; i++) {
      const property = properties[i]!
      const field =
        property.inherited && !Object.hasOwn(value, property.key) ? undefined : value[property.key]
      if (field === undefined) {
        if (!property.required) continue
        fail(context, 'required', 'is required')
      } else if (field === null && property.nullable) {
        continue
      } else if (property.check(field, context)) {
        continue
      }
      ok = false
      mark = prefix(context, mark, property.key)
      if (mark >= context.max) return false
    }
    if (context.rejectUnknown && !rejectUnknown(value, known, context)) return false
    return ok
  }
}

function rejectUnknown(
  value: { readonly [key: string]: unknown },
  known: ReadonlySet<string>,
  context: Context,
): boolean {
  let ok = true
  for (const key of Object.keys(value)) {
    if (known.has(key) || value[key] === undefined) continue
    const mark = context.issues.length
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
    let mark = context.issues.length
    for (let i = 0; i < length; i++) {
      if (item(value[i], context)) continue
      ok = false
      mark = prefix(context, mark, i)
      if (mark >= context.max) return false
    }
    return ok
  }
}

/** `union`: `variants` by `$type`. A known variant must not carry the suffix `#main`. */
export function unionCheck(variants: ReadonlyMap<string, Check>, closed: boolean): Check {
  return (value, context) => {
    if (!isPlainObject(value)) {
      return fail(context, 'invalid-type', `must be an object with a $type, is ${describe(value)}`)
    }
    const type = Object.hasOwn(value, '$type') ? value['$type'] : undefined
    if (typeof type !== 'string' || type === '') {
      return fail(context, 'missing-type', 'must have a $type')
    }
    const variant = variants.get(type)
    if (variant !== undefined) return variant(value, context)
    if (type.endsWith('#main') && variants.has(type.slice(0, -5))) {
      return fail(context, 'wrong-type', `$type must be ${quote(type.slice(0, -5))}, without #main`)
    }
    if (closed) {
      return fail(
        context,
        'unknown-variant',
        `$type must be one of ${[...variants.keys()].map(quote).join(', ')}, is ${quote(type)}`,
      )
    }
    return type === 'blob' ? fail(context, 'invalid-type', 'must be no blob') : true
  }
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
  return (value, context) => {
    if (!isPlainObject(value)) return object(value, context)
    const type = value['$type']
    let typed = true
    if (type !== nsid) {
      const mark = context.issues.length
      typed =
        type === undefined
          ? fail(context, 'missing-type', `must be ${quote(nsid)}, is absent`)
          : fail(
              context,
              'wrong-type',
              `must be ${quote(nsid)}, is ${typeof type === 'string' ? quote(type) : describe(type)}`,
            )
      prefix(context, mark, '$type')
      if (context.issues.length >= context.max) return false
    }
    return object(value, context) && typed
  }
}

/** A definition that contains itself: found when first used, and bounded in depth. */
export function recursiveCheck(find: () => Check): Check {
  let found: Check | undefined
  return (value, context) => {
    found ??= find()
    if (context.depth >= MAX_DEPTH) {
      return fail(context, 'too-deep', `must nest at most ${MAX_DEPTH} levels`)
    }
    context.depth += 1
    const ok = found(value, context)
    context.depth -= 1
    return ok
  }
}
