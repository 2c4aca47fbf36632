import type { DataObject } from '@avocet/data'
import { XrpcError } from '@avocet/xrpc'
import { respond, type UntypedHandler } from '@avocet/xrpc-server'
import type { FindAccount } from '../identity/handles.ts'
import { valueAt } from '../projections/field.ts'
import type { AskError, CollectionReader } from '../queries/collections.ts'
import type { Position } from '../queries/cursor.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import type { Joins, LinkBudget } from '../queries/linked.ts'
import { createPage, type Page } from '../queries/page.ts'
import { type ParamsError, type QueryParams, readQuery } from '../queries/params.ts'
import type { ListQuery } from '../queries/plan.ts'
import type { RecordReader, RecordRow } from '../queries/records.ts'
import type { Searcher } from '../search/searcher.ts'

/** What the queries of collections are answered with. */
export type CollectionParts = {
  readonly reader: CollectionReader
  readonly records: RecordReader
  readonly joins: Joins
  readonly findAccount: FindAccount
  readonly searcher: Searcher
}

/**
 * `<collection>.listRecords`: records that fit their lexicon, by declared fields, in the order of one. An answer may hold fewer than
 * `limit` and go on with its cursor: rows without anything to show are passed by, and it is bounded in bytes.
 */
export function listCollection(queries: CollectionQueries, parts: CollectionParts): UntypedHandler {
  const { reader, records, joins } = parts
  return async ({ params }) => {
    const query = await questionOf(queries, params, parts)
    const asked = reader.ask('list', query, params.cursor ?? null)
    if (!asked.ok) throw refusal(asked.error)
    const limit = params.limit as number
    const page = createPage<Position>(limit)
    const budget = joins.budget()
    const hydrate = (params.hydrate ?? []) as string[]
    const shown: DataObject[] = []
    const print = (row: RecordRow, value: string): string => {
      if (hydrate.length > 0) shown.push(JSON.parse(value) as DataObject)
      return printRecord(row, value, linkedOf(row, params, joins, budget))
    }
    for (const { record, position } of asked.value.entries(asked.value.after, limit + 1)) {
      const row = records.visible(record)
      if (!page.add(row?.validity === 'valid' ? row : null, position, print)) break
    }
    const cursor = page.next === null ? '' : `"cursor":${JSON.stringify(asked.value.cursor(page.next))},`
    const included =
      hydrate.length === 0 ? '' : `,"included":[${includedOf(queries, hydrate, shown, joins, page).join()}]`
    const body = `{${cursor}"records":[${page.items.join(',')}]${included}}`
    return respond({ encoding: 'application/json', body })
  }
}

/** What a request asks for, its accounts looked up. @throws XrpcError `InvalidRequest` */
export async function questionOf(
  queries: CollectionQueries,
  params: QueryParams,
  parts: CollectionParts,
): Promise<ListQuery> {
  const query = readQuery(queries, params, await authorsOf(params, parts))
  if (!query.ok) throw refusal(query.error)
  return query.value
}

/** The ids of the accounts that a request names, without those of which there is nothing; null: it names none. */
export async function authorsOf(
  params: QueryParams,
  { reader, findAccount }: Pick<CollectionParts, 'reader' | 'findAccount'>,
): Promise<number[] | null> {
  const actors = (params['author'] ?? []) as readonly string[]
  const authors = new Set<number>()
  for (const actor of actors) {
    const account = await findAccount(actor)
    const id = account === null ? null : reader.authorId(account.did)
    if (id !== null) authors.add(id)
  }
  return actors.length === 0 ? null : [...authors]
}

/** The answer to a question that cannot be answered. */
export function refusal({ code, message }: AskError | ParamsError): XrpcError {
  return new XrpcError(400, code, message)
}

/** A record of an answer. @param rest more members, each with a comma before it */
export function printRecord(row: RecordRow, value: string, rest: string): string {
  const { did, cid, indexed_at: at } = row
  const head = JSON.stringify({ uri: uriOf(row), cid, did, indexedAt: new Date(at).toISOString() })
  return `${head.slice(0, -1)},"value":${value}${rest}}`
}

function uriOf({ did, collection, rkey }: RecordRow): string {
  return `at://${did}/${collection}/${rkey}`
}

function linkedOf(row: RecordRow, params: QueryParams, joins: Joins, budget: LinkBudget): string {
  const sources = (params['linked'] ?? []) as string[]
  if (sources.length === 0) return ''
  const named = params['linkedLimit'] as number
  const all = sources.map((source) => {
    const { count, more, uris } = joins.linked(uriOf(row), source, named, budget)
    return { source, count, ...(more ? { more } : {}), ...(named > 0 ? { records: uris } : {}) }
  })
  return `,"linked":${JSON.stringify(all)}`
}

/** The records that these point to, each once, as far as the answer has room for them. */
function includedOf(
  queries: CollectionQueries,
  fields: readonly string[],
  shown: readonly DataObject[],
  joins: Joins,
  page: Page<Position>,
): string[] {
  const paths = fields.flatMap((name) => queries.references.get(name) ?? [])
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
  return items
}
