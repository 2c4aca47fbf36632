import type { DataObject } from '@avocet/data'
import { XrpcError } from '@avocet/xrpc'
import { networkOf, respond, type UntypedHandler } from '@avocet/xrpc-server'
import { valueAt } from '../projections/field.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import { createPage, MAX_PASSED, type Page } from '../queries/page.ts'
import type { QueryParams } from '../queries/params.ts'
import { building } from '../queries/plan.ts'
import type { RecordRow } from '../queries/records.ts'
import { matchExpression, MAX_QUESTION, parseTerms, type Term } from '../search/expression.ts'
import { highlight } from '../search/highlight.ts'
import { bestSql, newestSql } from '../search/question.ts'
import { authorWord, languageWord, type StoredSearch } from '../search/texts.ts'
import { authorsOf, type CollectionParts, printRecord, refusal } from './collection-list.ts'
import { createNeighbours } from './neighbours.ts'

/** How far the order of what fits best goes: it changes with every record, so that pages far behind would say nothing. */
const MAX_BEST = 1000

/**
 * `<collection>.searchRecords`: records that fit their lexicon, by the words in them. Newest first goes on as long as there are any;
 * best first ends at the thousandth. Rows that nobody may see are passed by: an answer may hold fewer than `limit`, and a cursor.
 */
export function searchCollection(
  search: StoredSearch,
  references: CollectionQueries['references'],
  parts: CollectionParts,
): UntypedHandler {
  return async ({ params, address }) => {
    const neighbours = createNeighbours(references, params, parts.joins)
    const { page, cursor } = await searchPage(search, params, parts, address, (row, value, _, terms) => {
      const highlights = JSON.stringify(highlightsOf(search, terms, value))
      return printRecord(row, value, `,"highlights":${highlights}${neighbours.of(row, value)}`)
    })
    const next = cursor === null ? '' : `"cursor":${JSON.stringify(cursor)},`
    const body = `{${next}"records":[${page.items.join()}]${neighbours.included(page)}}`
    return respond({ encoding: 'application/json', body })
  }
}

/**
 * A page of what is found.
 * @param params those of `<collection>.searchRecords`, checked by it
 * @param address who asks: the network of it takes turns with others
 * @param print as for `Page`, and what was looked for
 * @throws XrpcError `IndexBuilding`, `InvalidQuestion`, `InvalidCursor`, `TooCostly`
 */
export async function searchPage(
  search: StoredSearch,
  params: QueryParams,
  parts: CollectionParts,
  address: string | null,
  print: (row: RecordRow, value: string, page: Page<number>, terms: readonly Term[]) => string,
): Promise<{ readonly page: Page<number>; readonly cursor: string | null }> {
  const { reader, records, searcher } = parts
  const { id, collection, kind, fields } = search
  const limit = params['limit'] as number
  const cursorGiven = params['cursor'] as string | undefined
  requireReady(reader, id)
  const terms = termsOf(params['q'] as string, kind)
  const authors = await authorsOf(params, parts)
  const languages = ((params['lang'] ?? []) as string[]).map((language) => languageWord(language) ?? 'langx')
  const words = [authors?.map(authorWord) ?? [], languages].filter((some) => some.length > 0)
  if (authors?.length === 0) return { page: createPage(limit), cursor: null }
  const match = matchExpression(terms, fields.length, words)
  const scope = JSON.stringify(['search', id, match, params['order']])
  const after = cursorGiven === undefined ? null : reader.cursors.read(scope, cursorGiven)
  if (cursorGiven !== undefined && after === null) {
    const message = 'not a cursor of this question: ask it without one from the beginning'
    throw refusal({ code: 'InvalidCursor', message })
  }
  const isBest = params['order'] === 'best'
  const [from = 0] = (after ?? []) as readonly number[]
  const asker = address === null ? '' : networkOf(address)
  requireReady(reader, id)
  const asked = isBest
    ? searcher.ask(bestSql(id, fields.length), [match, Math.max(0, MAX_BEST - from), from], asker)
    : searcher.ask(
        newestSql(id, after !== null),
        [match, ...(after === null ? [] : [from]), limit + MAX_PASSED],
        asker,
      )
  // What an index gives that is being dropped may be a part, and its table may be gone.
  const found = await asked.finally(() => requireReady(reader, id))
  if (found === null) {
    throw new XrpcError(503, 'TooCostly', 'this took too long to look for: ask for rarer words')
  }
  const page = createPage<number>(limit, { records, validity: ['valid'] })
  for (const [i, { record }] of found.entries()) {
    const row = records.visible(record)
    // What was found a moment ago may be another record by now.
    const isShown = row?.collection === collection
    const at = isBest ? from + i + 1 : record
    if (!page.add(isShown ? row : null, at, (one, value) => print(one, value, page, terms))) break
  }
  return { page, cursor: page.next === null ? null : reader.cursors.write(scope, [page.next]) }
}

/** @throws XrpcError `IndexBuilding`; `MethodNotImplemented` for one that is being dropped, or is gone */
function requireReady(reader: CollectionParts['reader'], id: number): void {
  const progress = reader.searchProgress(id)
  if (progress === null || progress.state === 'dropping') {
    throw new XrpcError(501, 'MethodNotImplemented', 'there is no such search any more')
  }
  if (progress.state === 'building') throw refusal(building(progress))
}

function termsOf(question: string, kind: StoredSearch['kind']): readonly Term[] {
  const terms =
    question.length > MAX_QUESTION
      ? { ok: false as const, error: `at most ${MAX_QUESTION} characters` }
      : parseTerms(question, kind)
  if (!terms.ok) throw new XrpcError(400, 'InvalidQuestion', terms.error)
  return terms.value
}

function highlightsOf({ fields, kind }: StoredSearch, terms: readonly Term[], json: string): object[] {
  const record = JSON.parse(json) as DataObject
  return fields.flatMap((field) => {
    const value = valueAt(field, record)
    const texts = (Array.isArray(value) ? value : [value]).filter((text) => typeof text === 'string')
    const found = texts.length === 0 ? null : highlight(texts.join('\n'), terms, kind)
    return found === null ? [] : [{ field: field.path, ...found }]
  })
}
