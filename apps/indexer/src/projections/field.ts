// Fields of a record by their paths, as its lexicon declares them. https://atproto.com/specs/lexicon

import { type DataObject, type DataValue, isCid } from '@avocet/data'
import type { Catalog, LexiconField, LexiconObject } from '@avocet/lexicon'
import type { FieldKind } from './key.ts'

/** A field that can be indexed. */
export type Field = {
  /** Names of properties with dots between them: `reply.parent.uri`. */
  readonly path: string
  readonly kind: FieldKind
  /** An array of such values. */
  readonly many: boolean
  /** The format of a text, if its lexicon says one. */
  readonly format: string | null
}

/** References that are followed for one path, so that definitions that contain themselves end. */
const MAX_DEPTH = 8

/** The field of a record at a path, or why there is none, in words for the person who wrote the path. */
export function findField(
  catalog: Catalog,
  collection: string,
  path: string,
): { readonly ok: true; readonly value: Field } | { readonly ok: false; readonly error: string } {
  const record = recordObject(catalog, collection)
  if (record === null) return { ok: false, error: `there is no lexicon of records ${collection}` }
  let object: LexiconObject = record
  let nsid = collection
  const segments = path.split('.')
  for (const [i, segment] of segments.entries()) {
    const property = Object.hasOwn(object.properties, segment) ? object.properties[segment] : undefined
    if (property === undefined) {
      const names = Object.keys(object.properties).slice(0, 20).join(', ')
      return { ok: false, error: `${collection} has no field ${path} (there: ${names})` }
    }
    const resolved = follow(catalog, property, nsid)
    if (i === segments.length - 1) return scalarField(catalog, path, resolved)
    if (resolved?.field.type !== 'object')
      return { ok: false, error: `${segments.slice(0, i + 1).join('.')} of ${collection} has no fields` }
    object = resolved.field
    nsid = resolved.nsid
  }
  return { ok: false, error: 'a path has a name at least' }
}

/** The object that records of a collection are; null without a lexicon. */
export function recordObject(catalog: Catalog, collection: string): LexiconObject | null {
  const main = catalog.def(collection)
  return main?.type === 'record' ? main.record : null
}

type Resolved = { readonly field: LexiconField; readonly nsid: string }

/** The definition behind references; null where they lead nowhere. */
function follow(catalog: Catalog, field: LexiconField, nsid: string): Resolved | null {
  let current: Resolved = { field, nsid }
  for (let depth = 0; current.field.type === 'ref'; depth++) {
    const { ref } = current.field
    const full: string = ref.startsWith('#') ? current.nsid + ref : ref
    const def = depth < MAX_DEPTH ? catalog.def(full) : undefined
    if (def === undefined || !isField(def)) return null
    current = { field: def, nsid: full.split('#', 1)[0]! }
  }
  return current
}

const FIELDS: ReadonlySet<string> = new Set(['boolean', 'integer', 'string', 'array', 'object', 'token'])

function isField(def: { readonly type: string }): def is LexiconField {
  return FIELDS.has(def.type)
}

function scalarField(
  catalog: Catalog,
  path: string,
  resolved: Resolved | null,
): ReturnType<typeof findField> {
  const many = resolved?.field.type === 'array'
  const item =
    resolved?.field.type === 'array' ? follow(catalog, resolved.field.items, resolved.nsid) : resolved
  const field = item?.field
  switch (field?.type) {
    case 'boolean':
    case 'integer':
      return { ok: true, value: { path, kind: field.type, many, format: null } }
    case 'string': {
      const kind = field.format === 'datetime' ? 'datetime' : 'string'
      return { ok: true, value: { path, kind, many, format: field.format ?? null } }
    }
    default:
      return { ok: false, error: `${path} is no text, number, boolean or datetime, nor a list of such` }
  }
}

/** What stands at the path of a field. */
export function valueAt({ path }: Pick<Field, 'path'>, record: DataObject): DataValue | undefined {
  let value: DataValue | undefined = record
  for (const segment of path.split('.')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    if (value instanceof Uint8Array || isCid(value)) return undefined
    value = Object.hasOwn(value, segment) ? value[segment] : undefined
  }
  return value
}
