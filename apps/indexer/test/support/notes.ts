// A lexicon with fields of every kind that can be indexed, and questions about its records as the router asks them.

import { type LexiconDocument, parseLexicon } from '@avocet/lexicon'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { XrpcError } from '@avocet/xrpc'
import { lexiconsOf } from '../../src/lexicons/load.ts'
import { noteLexicons } from '../../src/lexicons/rejudge.ts'
import { addCollections } from '../../src/methods/collections.ts'
import { buildSlice } from '../../src/projections/build.ts'
import { declareIndexes, parseIndexes } from '../../src/projections/declare.ts'
import { createNames } from '../../src/database/names.ts'
import { createCollectionReader } from '../../src/queries/collections.ts'
import { type Labels, STORED_LABELS } from '../../src/queries/labels.ts'
import { createJoins } from '../../src/queries/linked.ts'
import { createRecordReader } from '../../src/queries/records.ts'
import { declareSearches, parseSearch } from '../../src/search/declare.ts'
import { createSearcher } from '../../src/search/searcher.ts'
import type { Tables } from './tables.ts'

export const NOTE = 'com.example.note'
export const LIKE = 'com.example.like'

function documentOf(json: unknown): LexiconDocument {
  const parsed = parseLexicon(json)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}

function recordDocument(id: string, required: string[], properties: object, defs: object = {}): object {
  return {
    lexicon: 1,
    id,
    defs: { main: { type: 'record', key: 'any', record: { type: 'object', required, properties } }, ...defs },
  }
}

/** The lexicons of notes and likes of them. `stricter`: notes have a title of three characters at most. */
export function documents(stricter = false): LexiconDocument[] {
  return [
    documentOf(
      recordDocument(
        NOTE,
        ['createdAt'],
        {
          createdAt: { type: 'string', format: 'datetime' },
          title: { type: 'string', ...(stricter ? { maxLength: 3 } : {}) },
          stars: { type: 'integer' },
          draft: { type: 'boolean' },
          tags: { type: 'array', items: { type: 'string' } },
          reply: { type: 'ref', ref: '#reply' },
        },
        {
          reply: {
            type: 'object',
            required: ['parent'],
            properties: { parent: { type: 'string', format: 'at-uri' } },
          },
        },
      ),
    ),
    documentOf(recordDocument(LIKE, ['subject'], { subject: { type: 'string', format: 'at-uri' } })),
  ]
}

/** Declares indexes, and builds them. */
export async function declare(
  tables: Tables,
  texts: readonly string[],
  given = documents(),
  build = true,
  searches: readonly string[] = [],
): Promise<void> {
  const { catalog, collections } = lexiconsOf(given)
  tables.db.transaction(() => {
    tables.projections.declare(
      declareIndexes(catalog, texts.map(parseIndexes), []),
      declareSearches(catalog, searches.map(parseSearch)),
    )
    noteLexicons(tables.db, catalog, collections)
  })
  const names = createNames(tables.db)
  if (!build) return
  while ((await buildSlice(tables.db, names, tables.projections)) !== null);
}

/** A router with the queries of all collections that have an index; answers are checked by their lexicons. */
export function routerOf(
  tables: Tables,
  given = documents(),
  path: string | null = null,
  labels: Labels = STORED_LABELS,
): Router {
  const { catalog } = lexiconsOf(given)
  const records = createRecordReader(tables.db, labels)
  const router = createRouter({ validateOutput: true })
  addCollections(router, catalog, {
    reader: createCollectionReader(tables.db, catalog, tables.projections, labels),
    records,
    joins: createJoins(tables.db, records),
    searcher: createSearcher(tables.db, path),
    findAccount: async (actor) => records.account(actor),
  })
  return router
}

export type Params = Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>

/** What a query answers. @throws XrpcError as the server says */
export async function ask(router: Router, method: string, params: Params = {}): Promise<Record<string, any>> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one))
  }
  const response = await router.fetch(new Request(`http://localhost/xrpc/${method}?${search}`))
  const body = (await response.json()) as Record<string, any>
  if (response.status !== 200) throw new XrpcError(response.status, body['error'], body['message'])
  return body
}

/** All pages of a list, as URIs. */
export async function askAll(
  router: Router,
  params: Params,
  method = `${NOTE}.listRecords`,
): Promise<string[]> {
  const found: string[] = []
  for (let cursor: string | undefined; ;) {
    const page = await ask(router, method, { ...params, ...(cursor === undefined ? {} : { cursor }) })
    found.push(...page['records'].map((record: { uri: string }) => record.uri))
    cursor = page['cursor']
    if (cursor === undefined) return found
  }
}
