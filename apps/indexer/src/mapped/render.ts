// Outputs of mappings as functions: from a record to a value of the answer.

import type { DataObject } from '@avocet/data'
import type { Linkers } from '../backlinks/linkers.ts'
import { valueAt } from '../projections/field.ts'
import { judgeBudget } from '../queries/labels.ts'
import type { Joins } from '../queries/linked.ts'
import { type RecordReader, type RecordRow, uriOf } from '../queries/records.ts'
import type { Output } from './mapping.ts'
import { countedLinks, fieldPath } from './sources.ts'

/** What records are shown with. */
export type RenderParts = {
  readonly records: RecordReader
  readonly joins: Joins
  readonly linkers: Linkers
}

/** The JSON text of a record that goes along with another; null: there is no room for it. */
export type Along = (row: RecordRow) => string | null

/** The value of a record; undefined: it has none. @param value the record as JSON has it */
export type Render = (row: RecordRow, value: DataObject, along: Along) => unknown

/** Makes the function for an output that is of a record. */
export function createRender(output: Output, parts: RenderParts): Render {
  if (output.kind === 'source') return sourceOf(output.source, parts)
  if (output.kind === 'behind') return behindOf(output, parts)
  if (output.kind === 'each') throw new TypeError('a list inside of a record')
  const fields = [...output.fields].map(([name, part]) => [name, createRender(part, parts)] as const)
  return (row, value, along) => Object.fromEntries(fields.map(([name, of]) => [name, of(row, value, along)]))
}

function sourceOf(source: string, { records, linkers }: RenderParts): Render {
  const path = fieldPath(source)
  if (path !== null) return (_, value) => valueAt({ path }, value) ?? undefined
  const links = countedLinks(source)
  if (links !== null) {
    return (row) => {
      const found = linkers.source(uriOf(row), links.collection, `.${links.path}`)
      return found === null ? 0 : linkers.count(found).links
    }
  }
  switch (source) {
    case 'value':
      return (_, value) => value
    case 'uri':
      return uriOf
    case 'indexedAt':
      return ({ indexed_at: at }) => new Date(at).toISOString()
    case 'handle':
      return ({ did }) => records.account(did)?.handle ?? 'handle.invalid'
    default:
      return (row) => row[source as 'cid' | 'did' | 'rkey']
  }
}

function behindOf({ path, of, item }: Extract<Output, { kind: 'behind' }>, parts: RenderParts): Render {
  const inner = createRender(item, parts)
  return (_, value, along) => {
    const uri = valueAt({ path }, value)
    const stored = typeof uri === 'string' ? parts.joins.behind(uri) : null
    const found = stored === null || of === null ? stored : parts.records.labelled(stored, judgeBudget())
    if (
      found === null ||
      found === 'over' ||
      (of !== null && (found.collection !== of || found.validity !== 'valid'))
    )
      return undefined
    const json = along(found)
    return json === null ? undefined : inner(found, JSON.parse(json) as DataObject, along)
  }
}
