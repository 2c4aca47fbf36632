// The queries of authors, answered.

import type { DataObject } from '@avocet/data'
import { parseAtUri } from '@avocet/syntax'
import { decodeParams, XrpcError } from '@avocet/xrpc'
import { respond, type Router, type UntypedHandler } from '@avocet/xrpc-server'
import { countCollection } from '../methods/collection-count.ts'
import { type CollectionParts, questionOf, readPage, refusal } from '../methods/collection-list.ts'
import { searchPage } from '../methods/collection-search.ts'
import { MAX_LIMIT } from '../queries/output.ts'
import { createPage } from '../queries/page.ts'
import type { QueryParams } from '../queries/params.ts'
import type { RecordRow } from '../queries/records.ts'
import type { Mapped } from './check.ts'
import type { Mapping, Output } from './mapping.ts'
import { type Along, createRender, type Render, type RenderParts } from './render.ts'

/** What the queries of authors are answered with. */
export type MappedParts = CollectionParts & Pick<RenderParts, 'linkers'>

/** Adds them to the router. */
export function addMapped(router: Router, all: readonly Mapped[], parts: MappedParts): void {
  for (const mapped of all) router.add(mapped.query, handlerOf(mapped, parts))
}

function handlerOf(mapped: Mapped, parts: MappedParts): UntypedHandler {
  switch (mapped.mapping.kind) {
    case 'get':
      return getOne(mapped, parts)
    case 'count':
      return countAll(mapped, parts)
    default:
      return listPage(mapped, parts)
  }
}

/** Parameters under the names of the query that answers, checked by it. @throws XrpcError `InvalidRequest` */
function translate({ mapping, asked }: Mapped, params: QueryParams): QueryParams {
  const search = new URLSearchParams()
  for (const [target, values] of mapping.constants) for (const value of values) search.append(target, value)
  for (const [name, target] of mapping.parameters) {
    const value = params[name]
    if (value === undefined) continue
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      search.append(target, String(target === 'limit' ? Math.min(one as number, MAX_LIMIT) : one))
    }
  }
  const decoded = decodeParams(asked.params, search)
  if (decoded.ok) return decoded.value as QueryParams
  throw new XrpcError(400, 'InvalidRequest', `Invalid ${mapping.nsid} params: ${decoded.error.message}`)
}

function listPage(mapped: Mapped, parts: MappedParts): UntypedHandler {
  const { mapping, queries } = mapped
  const item = itemOf(mapping.output)
  const render = item === null ? null : createRender(item, parts)
  const print = (row: RecordRow, value: string, page: { along: Along }): string =>
    render === null ? '' : printItem(render, row, value, (other) => page.along(other))
  return async ({ params, address }) => {
    const translated = translate(mapped, params)
    if (mapping.kind === 'search') {
      const { page, cursor } = await searchPage(queries!.search!, translated, parts, address, print)
      return answer(mapping, page.items, cursor)
    }
    const query = await questionOf(queries!, translated, parts)
    const asked = parts.reader.ask('list', query, (translated['cursor'] as string | undefined) ?? null)
    if (!asked.ok) throw refusal(asked.error)
    const page = readPage(asked.value, query, translated['limit'] as number, parts.records, print)
    return answer(mapping, page.items, page.next === null ? null : asked.value.cursor(page.next))
  }
}

function printItem(render: Render, row: RecordRow, value: string, along: Along): string {
  return JSON.stringify(render(row, JSON.parse(value) as DataObject, along))
}

function answer(
  { output }: Mapping,
  items: readonly string[],
  cursor: string | null,
): ReturnType<typeof respond> {
  return respond({ encoding: 'application/json', body: printAnswer(output, items, cursor) ?? '{}' })
}

/** The text of an answer; null: it has none. */
function printAnswer(output: Output, items: readonly string[], cursor: string | null): string | null {
  if (output.kind === 'each') return `[${items.join(',')}]`
  if (output.kind !== 'object') return cursor === null ? null : JSON.stringify(cursor)
  const members = [...output.fields].flatMap(([name, part]) => {
    const text = printAnswer(part, items, cursor)
    return text === null ? [] : [`${JSON.stringify(name)}:${text}`]
  })
  return `{${members.join(',')}}`
}

/** What stands in an answer for each record. */
function itemOf(output: Output): Output | null {
  if (output.kind === 'each') return output.item
  if (output.kind !== 'object') return null
  return [...output.fields.values()].map(itemOf).find((item) => item !== null) ?? null
}

function countAll(mapped: Mapped, parts: MappedParts): UntypedHandler {
  const { mapping, queries } = mapped
  const count = countCollection(queries!, parts)
  const hasCursor = sourcesOf(mapping.output).includes('cursor')
  return async (context) => {
    const params = translate(mapped, context.params)
    const found = (await count({ ...context, params })) as { count: number; cursor?: string }
    if (found.cursor !== undefined && !hasCursor) {
      throw new XrpcError(400, 'TooManyRecords', 'there are more than are counted for one answer')
    }
    return fill(mapping.output, found)
  }
}

function sourcesOf(output: Output): string[] {
  if (output.kind === 'source') return [output.source]
  return output.kind === 'object' ? [...output.fields.values()].flatMap(sourcesOf) : []
}

function fill(output: Output, found: Readonly<Record<string, unknown>>): unknown {
  if (output.kind === 'source') return found[output.source]
  const fields = output.kind === 'object' ? [...output.fields] : []
  return Object.fromEntries(
    fields.map(([name, part]) => [name, fill(part, found)]).filter(([, value]) => value !== undefined),
  )
}

function getOne(mapped: Mapped, parts: MappedParts): UntypedHandler {
  const { mapping } = mapped
  const render = createRender(mapping.output, parts)
  return async ({ params }) => {
    const row = await findOne(mapping.collection, translate(mapped, params), parts)
    const page = createPage<null>(1, { records: parts.records, validity: ['valid'] })
    const print = (shown: RecordRow, value: string): string =>
      printItem(render, shown, value, (other) => page.along(other))
    page.add(row, null, print)
    const [body] = page.items
    if (body === undefined) throw new XrpcError(400, 'RecordNotFound', 'Could not locate record')
    return respond({ encoding: 'application/json', body })
  }
}

async function findOne(
  collection: string,
  params: QueryParams,
  { findAccount, records }: MappedParts,
): Promise<RecordRow | null> {
  const uri = params['uri'] === undefined ? null : parseAtUri(params['uri'])
  const named = uri === null ? params : uri.ok ? uri.value : {}
  const actor = (uri === null ? params['author'] : (named as { authority?: string }).authority) as
    | string
    | undefined
  const rkey = (named as { rkey?: string }).rkey ?? (uri === null ? 'self' : undefined)
  const isOther = uri?.ok === true && uri.value.collection !== collection
  if (actor === undefined || rkey === undefined || isOther) return null
  const account = await findAccount(actor)
  if (account === null || account.status !== null) return null
  return records.record(account.did, collection, rkey)
}
