// A record as people read it: its fields in order, each with what its lexicon says of it, as far as an answer has room.

import { type DataObject, type DataValue, formatCid, isBlobRef, isCid, isLegacyBlobRef } from '@avocet/data'
import type { Catalog, LexiconDef, LexiconField } from '@avocet/lexicon'

/** A field of a record, or an item of a list in it. */
export type RecordField = {
  /** How many fields it is inside of. */
  readonly depth: number
  /** The name of the field; `[3]` of an item. */
  readonly name: string
  /** As lexicons name types; of a field that none declares, what the value is. */
  readonly type: string
  /** The format of a text (`at-uri`, `datetime`, …), or the definition that an object is of. */
  readonly detail: string | null
  readonly description: string | null
  /** Whether the lexicon has it: others may stand in a record all the same. */
  readonly declared: boolean
  /** A text, number or boolean; of a blob and of bytes what they are; null of what has fields of its own, and of null. */
  readonly value: string | number | boolean | null
  /** Characters of a text of which only the first are in `value`. */
  readonly cutFrom: number | null
}

/** `isCut`: there are more than are told. */
export type RecordFields = { readonly fields: readonly RecordField[]; readonly isCut: boolean }

const MAX_FIELDS = 500
const MAX_TEXT = 3000
const MAX_NAME = 200
const MAX_DESCRIPTION = 300
const MAX_DEPTH = 24

type Step = {
  readonly name: string
  readonly value: DataValue
  readonly depth: number
  readonly place: Place | null
}
/** A definition, and the document that its references are relative to. */
type Place = { readonly def: LexiconDef | LexiconField; readonly nsid: string; readonly of: string | null }

/** The fields of a record. @param catalog what says what they are */
export function readFields(catalog: Catalog, collection: string, record: DataObject): RecordFields {
  const fields: RecordField[] = []
  const def = catalog.def(collection)
  const root = def?.type === 'record' ? { def: def.record, nsid: collection, of: null } : null
  // The last one is the next: a record may be wide, and its fields stay in their order.
  const steps = children({ name: '', value: record, depth: -1, place: root }, catalog)
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    if (fields.length >= MAX_FIELDS) return { fields, isCut: true }
    fields.push(fieldOf(step))
    if (step.depth < MAX_DEPTH) steps.push(...children(step, catalog))
  }
  return { fields, isCut: false }
}

/** What is inside of a value, the last first; not more than fields are told. */
function children({ value, depth, place }: Step, catalog: Catalog): Step[] {
  if (isLeaf(value)) return []
  if (Array.isArray(value)) {
    const items = place?.def.type === 'array' ? place.def.items : null
    return value
      .slice(0, MAX_FIELDS + 1)
      .map((item, index) => ({
        name: `[${index}]`,
        value: item,
        depth: depth + 1,
        place: items === null ? null : follow(items, place!.nsid, item, catalog),
      }))
      .toReversed()
  }
  const properties = place?.def.type === 'object' ? place.def.properties : {}
  const object = value as DataObject
  const steps: Step[] = []
  for (const name in object) {
    if (steps.length > MAX_FIELDS) break
    const field = Object.hasOwn(properties, name) ? properties[name]! : null
    const item = object[name]!
    const at = field === null ? null : follow(field, place!.nsid, item, catalog)
    steps.push({ name, value: item, depth: depth + 1, place: at })
  }
  return steps.toReversed()
}

/** Where a reference, or the variant of a union that the value says it is, leads. */
function follow(field: LexiconField, nsid: string, value: DataValue, catalog: Catalog): Place | null {
  if (field.type !== 'ref' && field.type !== 'union') return { def: field, nsid, of: null }
  const type = isLeaf(value) || Array.isArray(value) ? undefined : (value as DataObject)['$type']
  const ref = field.type === 'ref' ? field.ref : typeof type === 'string' ? type : null
  if (ref === null) return { def: field, nsid, of: null }
  const full = ref.startsWith('#') ? `${nsid}${ref}` : ref
  const def = catalog.def(full)
  if (def === undefined) return { def: field, nsid, of: full.slice(0, MAX_NAME) }
  return { def, nsid: full.split('#', 1)[0]!, of: full.slice(0, MAX_NAME) }
}

function fieldOf({ name, value, depth, place }: Step): RecordField {
  const def = place?.def ?? null
  const format = def?.type === 'string' && def.format !== undefined ? def.format : null
  const description = def !== null && 'description' in def ? (def.description ?? null) : null
  const shown = shownOf(value)
  const text = typeof shown === 'string' && shown.length > MAX_TEXT ? shown.slice(0, MAX_TEXT) : shown
  return {
    depth,
    name: name.slice(0, MAX_NAME),
    type: def === null ? typeOf(value) : def.type,
    detail: format ?? place?.of ?? null,
    description: description?.slice(0, MAX_DESCRIPTION) ?? null,
    // What every record and variant has, and no lexicon lists.
    declared: def !== null || name === '$type',
    value: text,
    cutFrom: text === shown ? null : (shown as string).length,
  }
}

function isLeaf(value: DataValue): boolean {
  return (
    typeof value !== 'object' ||
    value === null ||
    value instanceof Uint8Array ||
    isCid(value) ||
    isBlobRef(value) ||
    isLegacyBlobRef(value)
  )
}

function shownOf(value: DataValue): string | number | boolean | null {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (isCid(value)) return formatCid(value)
  if (isBlobRef(value)) return `${value.mimeType}, ${value.size} bytes, ${formatCid(value.ref)}`
  return isLegacyBlobRef(value) ? `${value.mimeType}, ${value.cid}` : null
}

function typeOf(value: DataValue): string {
  if (value === null) return 'null'
  if (typeof value !== 'object') return typeof value === 'number' ? 'integer' : typeof value
  if (value instanceof Uint8Array) return 'bytes'
  if (isCid(value)) return 'cid-link'
  if (isBlobRef(value) || isLegacyBlobRef(value)) return 'blob'
  return Array.isArray(value) ? 'array' : 'object'
}
