// What can be asked here, for programs that generate clients: as lexicons, and as OpenAPI.

import type { Catalog } from '@avocet/lexicon'
import { openApiDocument } from '@avocet/lexicon/openapi'
import { closureOf } from '../lexicons/closure.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import { version } from '../version.ts'

/** Answers `/lexicons` and `/openapi.json`; null for other addresses. */
export function createDescription(
  all: readonly CollectionQueries[],
  catalog: Catalog,
): (request: Request) => Response | null {
  const documents = all.flatMap((queries) => queries.documents)
  const records = closureOf(
    catalog,
    all.map(({ collection }) => collection),
  )
  const options = { title: 'Avocet indexer', version }
  // Each is made once, when the first asks.
  const texts = new Map<string, string>()
  const make: Readonly<Record<string, () => object>> = {
    '/lexicons': () => ({ lexicons: [...documents, ...records] }),
    '/openapi.json': () => openApiDocument([...documents, ...records.filter(isNoMethod)], options),
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
