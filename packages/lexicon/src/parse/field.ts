// https://atproto.com/specs/lexicon#field-type-definitions
import { isNsid } from '@avocet/syntax'
import { FORMATS } from '../check/format.ts'
import {
  isBoolean,
  isInteger,
  isIntegers,
  isLength,
  isString,
  isStrings,
  step,
  type Fields,
  type Report,
} from './report.ts'

/** Levels of arrays and objects within one definition. */
const MAX_LEVELS = 32

const SCALARS = new Set(['boolean', 'integer', 'string'])
const FIELDS = new Set([
  ...SCALARS,
  'bytes',
  'cid-link',
  'blob',
  'unknown',
  'ref',
  'union',
  'array',
  'object',
])
/** The types of fields that may also stand under a name. */
export const NAMED_FIELDS: ReadonlySet<string> = new Set(
  [...FIELDS].filter((type) => !['unknown', 'ref', 'union'].includes(type)),
)

/** Checks the definition of a field. */
export function checkField(
  value: unknown,
  path: string,
  report: Report,
  allowed: ReadonlySet<string> = FIELDS,
  level = 0,
): void {
  const fields = report.object(value, path)
  if (fields === null) return
  if (level > MAX_LEVELS) return report.add(path, `nests deeper than ${MAX_LEVELS} levels`)
  const type = Object.hasOwn(fields, 'type') ? fields['type'] : undefined
  if (typeof type !== 'string' || !allowed.has(type)) {
    return report.add(step(path, 'type'), `must be one of ${[...allowed].join(', ')}`)
  }
  report.field(fields, path, 'description', isString, 'a string')
  switch (type) {
    case 'boolean':
      report.field(fields, path, 'default', isBoolean, 'a boolean')
      report.field(fields, path, 'const', isBoolean, 'a boolean')
      break
    case 'integer':
      checkInteger(fields, path, report)
      break
    case 'string':
      checkString(fields, path, report)
      break
    case 'bytes':
      checkLengths(fields, path, report)
      break
    case 'blob':
      report.field(
        fields,
        path,
        'accept',
        (accept) => isStrings(accept) && accept.every(isMimePattern),
        'an array of MIME types or patterns such as image/*',
      )
      report.field(fields, path, 'maxSize', isLength, 'a number of bytes')
      break
    case 'ref':
      report.field(fields, path, 'ref', isRef, 'a reference: #name, an NSID or NSID#name', true)
      break
    case 'union':
      checkUnion(fields, path, report)
      break
    case 'array':
      checkLengths(fields, path, report)
      checkField(fields['items'], step(path, 'items'), report, FIELDS, level + 1)
      break
    case 'object':
      checkObject(fields, path, report, level)
      break
    default:
  }
  if (fields['default'] !== undefined && fields['const'] !== undefined) {
    report.add(step(path, 'default'), 'cannot stand beside const')
  }
}

/** Checks an `object` definition's own fields. */
export function checkObject(fields: Fields, path: string, report: Report, level = 0): void {
  report.entries(fields['properties'], step(path, 'properties'), (property, at) =>
    checkField(property, at, report, FIELDS, level + 1),
  )
  checkNames(fields, path, 'required', report)
  checkNames(fields, path, 'nullable', report)
}

/** Checks a `params` definition: scalars and arrays of them. */
export function checkParams(value: unknown, path: string, report: Report): void {
  const fields = report.object(value, path)
  if (fields === null) return
  report.field(fields, path, 'type', (type) => type === 'params', '"params"', true)
  report.field(fields, path, 'description', isString, 'a string')
  report.entries(fields['properties'], step(path, 'properties'), (property, at) => {
    const inner = (property as Fields | null | undefined)?.['type']
    if (inner !== 'array') return checkField(property, at, report, PARAMS)
    checkLengths(property as Fields, at, report)
    return checkField((property as Fields)['items'], step(at, 'items'), report, SCALARS)
  })
  checkNames(fields, path, 'required', report)
}

const PARAMS: ReadonlySet<string> = new Set([...SCALARS, 'array'])

/** `required` and `nullable` name properties. */
function checkNames(fields: Fields, path: string, key: string, report: Report): void {
  if (!report.field(fields, path, key, isStrings, 'an array of names of properties')) return
  const properties = fields['properties']
  const names = fields[key] as readonly string[]
  names.forEach((name, i) => {
    if (typeof properties === 'object' && properties !== null && !Object.hasOwn(properties, name)) {
      report.add(step(step(path, key), i), `names no property: ${JSON.stringify(name.slice(0, 256))}`)
    }
  })
}

function checkLengths(fields: Fields, path: string, report: Report): void {
  report.field(fields, path, 'minLength', isLength, 'a length')
  report.field(fields, path, 'maxLength', isLength, 'a length')
  checkOrder(fields, path, 'minLength', 'maxLength', report)
}

function checkOrder(fields: Fields, path: string, low: string, high: string, report: Report): void {
  const [min, max] = [fields[low], fields[high]]
  if (typeof min === 'number' && typeof max === 'number' && min > max) {
    report.add(step(path, low), `must not be more than ${high}`)
  }
}

function checkInteger(fields: Fields, path: string, report: Report): void {
  for (const key of ['minimum', 'maximum', 'default', 'const']) {
    report.field(fields, path, key, isInteger, 'an integer')
  }
  report.field(fields, path, 'enum', isIntegers, 'an array of integers')
  checkOrder(fields, path, 'minimum', 'maximum', report)
}

function checkString(fields: Fields, path: string, report: Report): void {
  report.field(
    fields,
    path,
    'format',
    (format) => isString(format) && Object.hasOwn(FORMATS, format),
    `one of ${Object.keys(FORMATS).join(', ')}`,
  )
  checkLengths(fields, path, report)
  report.field(fields, path, 'minGraphemes', isLength, 'a number of graphemes')
  report.field(fields, path, 'maxGraphemes', isLength, 'a number of graphemes')
  checkOrder(fields, path, 'minGraphemes', 'maxGraphemes', report)
  report.field(fields, path, 'knownValues', isStrings, 'an array of strings')
  report.field(fields, path, 'enum', isStrings, 'an array of strings')
  report.field(fields, path, 'default', isString, 'a string')
  report.field(fields, path, 'const', isString, 'a string')
}

/** Checks a `union` definition. */
export function checkUnion(fields: Fields, path: string, report: Report): void {
  report.field(
    fields,
    path,
    'refs',
    (refs) => Array.isArray(refs) && refs.every(isRef),
    'an array of references: #name, an NSID or NSID#name',
    true,
  )
  report.field(fields, path, 'closed', isBoolean, 'a boolean')
  const refs = fields['refs']
  if (fields['closed'] === true && Array.isArray(refs) && refs.length === 0) {
    report.add(step(path, 'refs'), 'must not be empty in a closed union: no value could fit')
  }
}

/** Whether a value is `#name`, an NSID, or `NSID#name`. */
function isRef(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 1024) return false
  const hash = value.indexOf('#')
  if (hash < 0) return isNsid(value)
  return isDefName(value.slice(hash + 1)) && (hash === 0 || isNsid(value.slice(0, hash)))
}

/** Whether a string can name a definition. */
export function isDefName(name: string): boolean {
  return /^[A-Za-z_$][A-Za-z0-9_$.-]{0,255}$/.test(name) && name !== '__proto__'
}

/** `type/subtype`, `type/*` or `*` + `/*`. */
function isMimePattern(pattern: string): boolean {
  return /^(?:\*\/\*|[a-z0-9!#$&^_.+-]{1,127}\/(?:\*|[a-z0-9!#$&^_.+-]{1,127}))$/i.test(pattern)
}
