// `/links` and the addresses under it, which Constellation had before blue.microcosm.links.* and calls deprecated: for clients that
// still ask there. Answers have its fields and no others. https://github.com/at-microcosm/microcosm-rs/tree/main/constellation

import { setImmediate } from 'node:timers/promises'
import type { Database } from '@avocet/sqlite'
import type { LinkSource } from '../index/link-counts.ts'
import type { List } from './cursor.ts'
import { createLinkers, type Linker } from './linkers.ts'
import { createLinkPages, MAX_ANSWER } from './pages.ts'
import { readTargetQuery, type TargetQuery } from './parameters.ts'
import { json, onlyGet, page, refusal } from './respond.ts'
import { type CountedSource, createLinkSources } from './sources.ts'

/** Answers what is asked at one of the addresses; null at any other. */
export type DeprecatedLinks = (request: Request) => Promise<Response> | null

type Address = {
  readonly list: List | null
  readonly named: readonly string[]
  readonly answer: (query: TargetQuery) => Response | Promise<Response>
}

/** Places that one answer tells of, and that are counted in one turn of the event loop: anybody can make some. */
const MAX_SOURCES = 1000
const PER_TURN = 50
const OF_SOURCE = ['target', 'collection', 'path']
/** Pages from anywhere may ask. */
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': '*',
}

/** The addresses on an open database. */
export function createDeprecatedLinks(db: Database): DeprecatedLinks {
  const linkers = createLinkers(db)
  const pages = createLinkPages(linkers)
  const sources = createLinkSources(db)
  const sourceOf = ({ target, collection, path }: TargetQuery): LinkSource | null =>
    linkers.source(target, collection, path)
  const countOf = (query: TargetQuery): { links: number; dids: number } => {
    const source = sourceOf(query)
    return source === null ? { links: 0, dids: 0 } : linkers.count(source)
  }

  /** Of each collection and place that points to the target, what is told of it. `isCut`: there are more of them. */
  const ofEach = async (target: string, tell: (source: CountedSource) => unknown): Promise<Response> => {
    const links = new Map<string, Map<string, unknown>>()
    let [count, length, isCut] = [0, 0, false]
    for (const source of sources(target)) {
      isCut = count === MAX_SOURCES || length >= MAX_ANSWER
      if (isCut) break
      const { collection, path } = source
      const ofCollection = links.get(collection)
      if (ofCollection === undefined) links.set(collection, new Map([[path, tell(source)]]))
      else ofCollection.set(path, tell(source))
      length += JSON.stringify([collection, path]).length
      if (++count % PER_TURN === 0) await setImmediate()
    }
    const told = Object.fromEntries([...links].map(([name, paths]) => [name, Object.fromEntries(paths)]))
    return json({ links: told, ...(isCut ? { isCut } : {}) })
  }

  const addresses = new Map<string, Address>([
    [
      '/links',
      {
        list: 'records',
        named: OF_SOURCE,
        answer(query) {
          const { total, items, next } = pages.records(sourceOf(query), { ...query, reverse: false })
          const records = items.map(({ did, rkey }: Linker) => ({ did, collection: query.collection, rkey }))
          return page({ total, linking_records: records }, 'records', next)
        },
      },
    ],
    [
      '/links/distinct-dids',
      {
        list: 'dids',
        named: OF_SOURCE,
        answer(query) {
          const { total, items, next } = pages.dids(sourceOf(query), query)
          return page({ total, linking_dids: items }, 'dids', next)
        },
      },
    ],
    [
      '/links/count',
      { list: null, named: OF_SOURCE, answer: (query) => json({ total: countOf(query).links }) },
    ],
    [
      '/links/count/distinct-dids',
      { list: null, named: OF_SOURCE, answer: (query) => json({ total: countOf(query).dids }) },
    ],
    [
      '/links/all',
      {
        list: null,
        named: ['target'],
        answer: ({ target }) =>
          ofEach(target, ({ links, dids }) => ({ records: links, distinct_dids: dids })),
      },
    ],
    [
      '/links/all/count',
      { list: null, named: ['target'], answer: ({ target }) => ofEach(target, ({ links }) => links) },
    ],
  ])

  const respond = async ({ list, named, answer }: Address, request: Request): Promise<Response> => {
    if (request.method === 'OPTIONS') return new Response(null, { status: 204 })
    const wrongMethod = onlyGet(request)
    if (wrongMethod !== null) return wrongMethod
    const query = readTargetQuery(new URL(request.url).searchParams, named, list)
    return query.ok ? await answer(query.value) : refusal(query.error)
  }

  return (request) => {
    const address = addresses.get(new URL(request.url).pathname)
    if (address === undefined) return null
    return respond(address, request).then((response) => {
      for (const [name, value] of Object.entries(CORS)) response.headers.set(name, value)
      return response
    })
  }
}
