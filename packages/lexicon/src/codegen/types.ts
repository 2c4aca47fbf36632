import type {
  LexiconBody,
  LexiconField,
  LexiconObject,
  LexiconParam,
  LexiconParams,
  LexiconString,
  StringFormat,
} from '../document.ts'
import { splitRef, typeName } from '../ref.ts'
import { namespaceName, type ModuleNames } from './names.ts'
import { comment, key, literal } from './print.ts'

/** What printing types needs to know, and the imports it finds on the way. */
export type TypeScope = {
  readonly nsid: string
  readonly names: ModuleNames
  /** Type names that come from `@avocet/lexicon`. */
  readonly imports: Set<string>
  /** NSIDs of other documents whose types are used. */
  readonly documents: Set<string>
  /** The name of a type in another document's module. */
  readonly foreign: (nsid: string, name: string) => string
}

const FORMAT_TYPES: { readonly [format in StringFormat]: string } = {
  'at-identifier': 'AtIdentifier',
  'at-uri': 'AtUri',
  cid: 'CidString',
  datetime: 'Datetime',
  did: 'Did',
  handle: 'Handle',
  language: 'Language',
  nsid: 'Nsid',
  'record-key': 'RecordKey',
  tid: 'Tid',
  uri: 'Uri',
}

/** The TypeScript type of a field. */
export function fieldType(scope: TypeScope, field: LexiconField | LexiconParam, indent: number): string {
  switch (field.type) {
    case 'boolean':
      return field.const === undefined ? 'boolean' : String(field.const)
    case 'integer':
      if (field.const !== undefined) return String(field.const)
      return field.enum === undefined ? 'number' : field.enum.join(' | ') || 'never'
    case 'string':
      return stringType(scope, field)
    case 'bytes':
      return 'Uint8Array'
    case 'cid-link':
      return use(scope, 'CID')
    case 'blob':
      return use(scope, 'BlobRef')
    case 'unknown':
      return use(scope, 'DataObject')
    case 'ref':
      return refType(scope, field.ref)
    case 'union': {
      const variants = field.refs.map((ref) => {
        const { nsid, name } = splitRef(ref, scope.nsid)
        return `${use(scope, 'Typed')}<${refType(scope, ref)}, ${literal(typeName(nsid, name))}>`
      })
      if (field.closed !== true) variants.push(use(scope, 'UnknownVariant'))
      return unionType(variants, indent)
    }
    case 'array': {
      const item = fieldType(scope, field.items, indent)
      return /^[\w.$]+$/.test(item) ? `${item}[]` : `(${item})[]`
    }
    case 'object':
      return objectType(scope, field, indent, [])
    default:
      return 'unknown'
  }
}

function stringType(scope: TypeScope, field: LexiconString): string {
  if (field.const !== undefined) return literal(field.const)
  if (field.enum !== undefined) return field.enum.map(literal).join(' | ') || 'never'
  const base = field.format === undefined ? 'string' : use(scope, FORMAT_TYPES[field.format])
  if (field.knownValues === undefined || field.knownValues.length === 0) return base
  // The empty object keeps the known values in an editor's completions.
  return `${field.knownValues.map(literal).join(' | ')} | (${base} & {})`
}

function unionType(variants: readonly string[], indent: number): string {
  const flat = variants.join(' | ')
  if (flat.length + indent <= 90) return flat
  return variants.map((variant) => `\n${' '.repeat(indent + 2)}| ${variant}`).join('')
}

function refType(scope: TypeScope, ref: string): string {
  const { nsid, name } = splitRef(ref, scope.nsid)
  if (nsid === scope.nsid) return scope.names.type(name)
  scope.documents.add(nsid)
  return `${namespaceName(nsid)}.${scope.foreign(nsid, name)}`
}

function use(scope: TypeScope, name: string): string {
  scope.imports.add(name)
  return name
}

/** An object's type; `head` are members before its properties. */
export function objectType(
  scope: TypeScope,
  object: LexiconObject,
  indent: number,
  head: readonly string[],
): string {
  const required = new Set(object.required)
  const nullable = new Set(object.nullable)
  const members = Object.entries(object.properties).map(([name, field]) =>
    member(scope, name, field, required.has(name), nullable.has(name), indent + 2),
  )
  const all = [...head, ...members]
  return all.length === 0 ? use(scope, 'DataObject') : block(all, indent)
}

/** The type of parameters; `decoded` is how a handler gets them, with defaults filled in. */
export function paramsType(scope: TypeScope, params: LexiconParams, decoded: boolean): string {
  const required = new Set(params.required)
  const members = Object.entries(params.properties).map(([name, field]) => {
    const present = required.has(name) && (decoded || !hasDefault(field))
    return member(scope, name, field, present || (decoded && hasDefault(field)), false, 2)
  })
  return members.length === 0 ? NO_PARAMS : block(members, 0)
}

/** The type of the parameters of a method that has none. */
export const NO_PARAMS = '{ [name: string]: never }'

/** Whether an absent parameter has a value all the same. */
export function hasDefault(field: LexiconParam): boolean {
  return field.type !== 'array' && field.default !== undefined
}

/** The type of a body: `undefined` without one, bytes where a body that is no JSON has no schema. */
export function bodyType(scope: TypeScope, body: LexiconBody | undefined): string {
  if (body === undefined) return 'undefined'
  if (body.schema !== undefined) return fieldType(scope, body.schema, 0)
  return body.encoding === 'application/json' ? use(scope, 'DataObject') : 'Uint8Array'
}

function member(
  scope: TypeScope,
  name: string,
  field: LexiconField | LexiconParam,
  required: boolean,
  nullable: boolean,
  indent: number,
): string {
  const type = fieldType(scope, field, indent)
  const doc = comment(fieldDoc(field), indent)
  return `${doc}${' '.repeat(indent)}${key(name)}${required ? '' : '?'}:${type.startsWith('\n') ? '' : ' '}${type}${nullable ? ' | null' : ''}`
}

/** A field's description, and the bounds that its type cannot say. */
function fieldDoc(field: LexiconField | LexiconParam): string {
  const lines: string[] = []
  if (field.description !== undefined && field.description !== '') lines.push(field.description)
  const note = bounds(field)
  if (note !== '') lines.push(note)
  if ('default' in field && field.default !== undefined)
    lines.push(`@default ${JSON.stringify(field.default)}`)
  if (/^\s*\(?deprecated\b/i.test(field.description ?? '')) lines.push('@deprecated')
  return lines.join('\n')
}

function bounds(field: LexiconField | LexiconParam): string {
  const range = (low: number | undefined, high: number | undefined, unit: string): string => {
    if (low !== undefined && low > 0 && high !== undefined) return `${low} to ${high} ${unit}`
    if (high !== undefined) return `at most ${high} ${unit}`
    return low !== undefined && low > 0 ? `at least ${low} ${unit}` : ''
  }
  const parts: string[] = []
  if (field.type === 'string') {
    parts.push(range(field.minGraphemes, field.maxGraphemes, 'graphemes'))
    parts.push(range(field.minLength, field.maxLength, 'bytes'))
  } else if (field.type === 'bytes') {
    parts.push(range(field.minLength, field.maxLength, 'bytes'))
  } else if (field.type === 'array') {
    parts.push(range(field.minLength, field.maxLength, 'items'))
  } else if (field.type === 'blob') {
    parts.push(range(undefined, field.maxSize, 'bytes'), field.accept?.join(', ') ?? '')
  } else if (field.type === 'integer') {
    const { minimum, maximum } = field
    if (minimum !== undefined && maximum !== undefined) parts.push(`${minimum} to ${maximum}`)
    else if (minimum !== undefined) parts.push(`at least ${minimum}`)
    else if (maximum !== undefined) parts.push(`at most ${maximum}`)
  }
  const text = parts.filter((part) => part !== '').join('; ')
  return text === '' ? '' : `(${text})`
}

function block(members: readonly string[], indent: number): string {
  return `{\n${members.join('\n')}\n${' '.repeat(indent)}}`
}
