// What goes along with the records of an answer: those that they point to, and how many point to them.

import type { DataObject } from '@avocet/data'
import { valueAt } from '../projections/field.ts'
import type { Joins } from '../queries/linked.ts'
import type { Page } from '../queries/page.ts'
import type { QueryParams } from '../queries/params.ts'
import { type RecordRow, uriOf } from '../queries/records.ts'

/** Puts the neighbours of records into one answer. */
export type Neighbours = {
  /** Members of a record's item, each with a comma before it. @param json the record */
  of(row: RecordRow, json: string): string
  /** A member of the answer, with a comma before it. Asked last: it has the room that the records left. */
  included(page: Page<unknown>): string
}

/** By the parameters `hydrate`, `linked` and `linkedLimit`. @param references paths, by the names that `hydrate` has for them */
export function createNeighbours(
  references: ReadonlyMap<string, string>,
  params: QueryParams,
  joins: Joins,
): Neighbours {
  const sources = (params['linked'] ?? []) as string[]
  const named = params['linkedLimit'] as number
  const hydrate = (params['hydrate'] ?? []) as string[]
  const paths = hydrate.flatMap((name) => references.get(name) ?? [])
  const budget = joins.budget()
  const shown: DataObject[] = []
  return {
    of(row, json) {
      if (hydrate.length > 0) shown.push(JSON.parse(json) as DataObject)
      if (sources.length === 0) return ''
      const all = sources.map((source) => {
        const { count, more, uris } = joins.linked(uriOf(row), source, named, budget)
        return { source, count, ...(more ? { more } : {}), ...(named > 0 ? { records: uris } : {}) }
      })
      return `,"linked":${JSON.stringify(all)}`
    },
    included(page) {
      if (hydrate.length === 0) return ''
      const seen = new Set<string>()
      const items: string[] = []
      for (const record of shown) {
        for (const path of paths) {
          const uri = valueAt({ path }, record)
          if (typeof uri !== 'string' || seen.has(uri)) continue
          seen.add(uri)
          const found = joins.behind(uri)
          const value = found === null ? null : page.along(found)
          if (found === null || value === null) continue
          const head = JSON.stringify({ uri: uriOf(found), cid: found.cid })
          items.push(`${head.slice(0, -1)},"value":${value}}`)
        }
      }
      return `,"included":[${items.join(',')}]`
    },
  }
}
