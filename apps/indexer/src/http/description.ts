// What can be asked here, for programs that generate clients: as lexicons, and as OpenAPI.

import type { Catalog, LexiconDocument } from '@avocet/lexicon'
import { openApiDocument } from '@avocet/lexicon/openapi'
import { closureOf } from '../lexicons/closure.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import { version } from '../version.ts'

/** The lexicons of queries, and of the records in them with all that those refer to. */
export function servedLexicons(all: readonly CollectionQueries[], catalog: Catalog): LexiconDocument[] {
  const records = closureOf(
    catalog,
    all.map(({ collection }) => collection),
  )
  return [...all.flatMap(({ documents }) => documents), ...records]
}

/** Answers `/lexicons` and `/openapi.json`; null for other addresses. */
export function createDescription(
  all: readonly CollectionQueries[],
  catalog: Catalog,
): (request: Request) => Response | null {
  const lexicons = servedLexicons(all, catalog)
  const queries = new Set(all.flatMap(({ documents }) => documents))
  const options = { title: 'Avocet indexer', version }
  // Each is made once, when the first asks.
  const texts = new Map<string, string>()
  const make: Readonly<Record<string, () => object>> = {
    '/lexicons': () => ({ lexicons }),
    '/openapi.json': () =>
      openApiDocument(
        lexicons.filter((one) => queries.has(one) || isNoMethod(one)),
        options,
      ),
  }
  return (request) => {
    const { pathname } = new URL(request.url)
    if (!Object.hasOwn(make, pathname) || (request.method !== 'GET' && request.method !== 'HEAD')) return null
    const text = texts.get(pathname) ?? JSON.stringify(make[pathname]!())
    texts.set(pathname, text)
    return new Response(text, {
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'access-control-allow-origin': '*',
        'x-content-type-options': 'nosniff',
      },
    })
  }
}

function isNoMethod({
  defs: { main },
}: {
  readonly defs: { readonly main?: { readonly type: string } }
}): boolean {
  return main?.type !== 'query' && main?.type !== 'procedure'
}
