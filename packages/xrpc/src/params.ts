/**
 * Parameters of a method as a query string.
 * @see https://atproto.com/specs/xrpc#lexicon-http-endpoints
 */
import type { Issue, ParamsSchema } from '@avocet/lexicon'

/** Why a query string is not what the method takes. */
export interface ParamsError {
  readonly code: 'malformed-query' | 'unknown-param' | 'repeated-param' | 'invalid-param'
  /** Readable; names the parameter. */
  readonly message: string
  /** The parameter at fault, where there is one. */
  readonly param?: string | undefined
  /** What the schema had to say, for `invalid-param`. */
  readonly issues?: readonly Issue[] | undefined
}

/** Switches of {@link decodeParams}. */
export interface DecodeParamsOptions {
  /** What to do with a parameter that the schema does not have: refuse the request (default) or pass over it. */
  readonly unknown?: 'refuse' | 'ignore'
  /** What a parameter without a value (`cursor=`) is: an empty string (default), or absent. */
  readonly empty?: 'keep' | 'ignore'
}

/** Values a parameter may have before it is encoded; null and undefined leave it out. */
export type ParamValue = string | number | boolean | null | undefined | readonly (string | number | boolean)[]

type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ParamsError }
type Kind = 'boolean' | 'integer' | 'string'
interface Plan {
  readonly kind: Kind
  readonly array: boolean
}

// A schema's table of parameters is made once. Keyed by the schema itself, so that it goes when the schema goes.
const plans = new WeakMap<object, ReadonlyMap<string, Plan>>()
const noPlans: ReadonlyMap<string, Plan> = new Map()

/**
 * Reads and validates a query string by a method's schema: arrays from repeated names, `true` and `false`, decimal
 * integers, defaults filled in. A scalar given twice, a name that the schema does not have (see `options.unknown`),
 * malformed percent encoding and ill-formed UTF-8 are refused. What `cursor=` means is `options.empty`.
 *
 * @param schema the method's parameters; null for a method that takes none
 * @param query with or without its `?`, or parsed
 */
export function decodeParams<D>(
  schema: ParamsSchema<any, D> | null,
  query: string | URLSearchParams,
  options: DecodeParamsOptions = {},
): Result<D> {
  const table = schema === null ? noPlans : planOf(schema)
  const found: Record<string, unknown> = {}
  if (typeof query !== 'string') {
    for (const [name, value] of query) {
      const error = take(table, found, name, value, options)
      if (error !== null) return { ok: false, error }
    }
  } else if (query.length > 1 || (query.length === 1 && query !== '?')) {
    const error = takeAll(table, found, query, options)
    if (error !== null) return { ok: false, error }
  }
  if (schema === null) return { ok: true, value: found as D }
  const checked = schema.validate(found)
  if (checked.ok) return checked
  return { ok: false, error: issuesError(checked.issues) }
}

/**
 * The query string of a call. Null and undefined are left out, arrays repeated, and defaults of the schema included, as
 * the spec asks for the sake of caches. Nothing is validated here.
 */
export function encodeParams(
  schema: ParamsSchema<any> | null,
  params: Readonly<Record<string, ParamValue>> = {},
): URLSearchParams {
  const out = new URLSearchParams()
  for (const name of Object.keys(params)) {
    const value = params[name]
    if (value === null || value === undefined) continue
    if (Array.isArray(value)) {
      for (const item of value as readonly (string | number | boolean)[]) out.append(name, String(item))
    } else {
      out.append(name, String(value))
    }
  }
  const properties = schema?.def?.properties ?? {}
  for (const name of Object.keys(properties)) {
    const property = properties[name]!
    if (!('default' in property) || property.default === undefined) continue
    if (params[name] === null || params[name] === undefined) out.append(name, String(property.default))
  }
  return out
}

function planOf(schema: ParamsSchema<any>): ReadonlyMap<string, Plan> {
  let table = plans.get(schema)
  if (table === undefined) {
    const made = new Map<string, Plan>()
    for (const [name, property] of Object.entries(schema.def?.properties ?? {})) {
      const array = property.type === 'array'
      const type = array ? property.items.type : property.type
      made.set(name, { array, kind: type === 'boolean' || type === 'integer' ? type : 'string' })
    }
    table = made
    plans.set(schema, table)
  }
  return table
}

function takeAll(
  table: ReadonlyMap<string, Plan>,
  found: Record<string, unknown>,
  query: string,
  options: DecodeParamsOptions,
): ParamsError | null {
  let start = query.charCodeAt(0) === 0x3f ? 1 : 0
  while (start < query.length) {
    let end = query.indexOf('&', start)
    if (end === -1) end = query.length
    if (end > start) {
      let split = query.indexOf('=', start)
      if (split === -1 || split > end) split = end
      const name = unescape(query.slice(start, split))
      const value = split < end ? unescape(query.slice(split + 1, end)) : ''
      if (name === null || value === null) {
        return { code: 'malformed-query', message: 'Malformed percent encoding in the query string' }
      }
      const error = take(table, found, name, value, options)
      if (error !== null) return error
    }
    start = end + 1
  }
  return null
}

function take(
  table: ReadonlyMap<string, Plan>,
  found: Record<string, unknown>,
  name: string,
  value: string,
  options: DecodeParamsOptions,
): ParamsError | null {
  const plan = table.get(name)
  if (value === '' && options.empty === 'ignore') return null
  if (plan === undefined) {
    if (options.unknown === 'ignore') return null
    return { code: 'unknown-param', param: name, message: `Unknown parameter "${shorten(name)}"` }
  }
  const read = plan.kind === 'string' ? value : readScalar(plan.kind, value)
  if (read === undefined) {
    const message = `Parameter "${name}" must be ${plan.kind === 'boolean' ? 'true or false' : 'an integer'} (got "${shorten(value)}")`
    return { code: 'invalid-param', param: name, message }
  }
  if (plan.array) {
    const items = found[name] as unknown[] | undefined
    if (items === undefined) found[name] = [read]
    else items.push(read)
    return null
  }
  if (Object.hasOwn(found, name)) {
    return { code: 'repeated-param', param: name, message: `Parameter "${name}" given more than once` }
  }
  found[name] = read
  return null
}

function readScalar(kind: Kind, text: string): boolean | number | undefined {
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  if (!/^-?\d{1,16}$/.test(text)) return undefined
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : undefined
}

function unescape(text: string): string | null {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return null
  }
}

function issuesError(issues: readonly Issue[]): ParamsError {
  const first = issues[0]
  const param = first === undefined ? undefined : first.path.split('/')[1]
  const where = param === undefined || param === '' ? '' : ` at "${shorten(param)}"`
  return {
    code: 'invalid-param',
    param,
    issues,
    message: `${first?.message ?? 'Invalid parameters'}${where}`,
  }
}

function shorten(text: string): string {
  return text.length > 64 ? `${text.slice(0, 64)}…` : text
}
