import { XrpcError } from '@avocet/xrpc'
import { respond, type UntypedHandler } from '@avocet/xrpc-server'
import type { FindAccount } from '../identity/handles.ts'
import type { AskError, Asked, CollectionReader } from '../queries/collections.ts'
import type { Position } from '../queries/cursor.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import type { Joins } from '../queries/linked.ts'
import { createPage, type Page } from '../queries/page.ts'
import { type ParamsError, type QueryParams, readQuery } from '../queries/params.ts'
import type { ListQuery } from '../queries/plan.ts'
import { type RecordReader, type RecordRow, uriOf } from '../queries/records.ts'
import type { Searcher } from '../search/searcher.ts'
import { createNeighbours } from './neighbours.ts'

/** What the queries of collections are answered with. */
export type CollectionParts = {
  readonly reader: CollectionReader
  readonly records: RecordReader
  readonly joins: Joins
  readonly findAccount: FindAccount
  readonly searcher: Searcher
}

/**
 * `<collection>.listRecords`: records by declared fields, in the order of one. An answer may hold fewer than `limit` and go on with its
 * cursor: rows without anything to show are passed by, and it is bounded in bytes. Records that do not fit their lexicon, where they are
 * asked for, stand apart: they are not of its type.
 */
export function listCollection(queries: CollectionQueries, parts: CollectionParts): UntypedHandler {
  const { reader, records, joins } = parts
  return async ({ params }) => {
    const query = await questionOf(queries, params, parts)
    const asked = reader.ask('list', query, params.cursor ?? null)
    if (!asked.ok) throw refusal(asked.error)
    const neighbours = createNeighbours(queries.references, params, joins)
    const isUnfit: boolean[] = []
    const page = readPage(asked.value, query, params.limit, records, (row, value) => {
      const { validity, reason } = row
      isUnfit.push(validity !== 'valid')
      const label =
        validity === 'valid' ? '' : `,"validity":"${validity}","reason":${JSON.stringify(reason ?? '')}`
      return printRecord(row, value, label + neighbours.of(row, value))
    })
    const fit = page.items.filter((_, i) => !isUnfit[i])
    const unfit = page.items.filter((_, i) => isUnfit[i])
    const others = query.validity.some((one) => one !== 'valid') ? `,"unfit":[${unfit.join(',')}]` : ''
    const cursor = page.next === null ? '' : `"cursor":${JSON.stringify(asked.value.cursor(page.next))},`
    const body = `{${cursor}"records":[${fit.join(',')}]${others}${neighbours.included(page)}}`
    return respond({ encoding: 'application/json', body })
  }
}

/**
 * A page of the records that a question finds.
 * @param print as for `Page`
 */
export function readPage(
  asked: Asked,
  { validity }: ListQuery,
  limit: number,
  records: RecordReader,
  print: (row: RecordRow, value: string, page: Page<Position>) => string,
): Page<Position> {
  const page = createPage<Position>(limit, { records, validity })
  for (const { record, position } of asked.entries(asked.after, limit + 1)) {
    if (!page.add(records.visible(record), position, (one, value) => print(one, value, page))) break
  }
  return page
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
