// What can be asked here, for programs that generate clients: as lexicons, and as OpenAPI.

import type { Catalog, LexiconDocument } from '@avocet/lexicon'
import { openApiDocument } from '@avocet/lexicon/openapi'
import { closureOf } from '../lexicons/closure.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import type { Mapped } from '../mapped/check.ts'
import { version } from '../version.ts'

/** The lexicons of queries, and of the records in them with all that those refer to. */
export function servedLexicons(
  all: readonly CollectionQueries[],
  mapped: readonly Mapped[],
  catalog: Catalog,
): LexiconDocument[] {
  const names = [...all.map(({ collection }) => collection), ...mapped.map(({ query }) => query.nsid)]
  return [...all.flatMap(({ documents }) => documents), ...closureOf(catalog, names)]
}

/** Answers `/lexicons` and `/openapi.json`; null for other addresses. @param mapped queries of authors */
export function createDescription(
  all: readonly CollectionQueries[],
  mapped: readonly Mapped[],
  catalog: Catalog,
): (request: Request) => Response | null {
  const lexicons = servedLexicons(all, mapped, catalog)
  const queries = new Set<string>([
    ...all.flatMap(({ documents }) => documents.map(({ id }) => id)),
    ...mapped.map(({ query }) => query.nsid),
  ])
  const options = { title: 'Avocet indexer', version }
  // Each is made once, when the first asks.
  const texts = new Map<string, string>()
  const make: Readonly<Record<string, () => object>> = {
    '/lexicons': () => ({ lexicons }),
    '/openapi.json': () =>
      openApiDocument(
        lexicons.filter((one) => queries.has(one.id) || isNoMethod(one)),
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
