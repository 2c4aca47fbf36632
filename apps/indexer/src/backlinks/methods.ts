// blue.microcosm.links.*: who points to a record, an account or a page, in the words of Constellation's server, mixed as they are, with
// `uri` and `cid` beside what it tells of a record. https://github.com/at-microcosm/microcosm-rs/tree/main/constellation

import type { Database } from '@avocet/sqlite'
import type { LinkSource } from '../index/link-counts.ts'
import { type List, type Position, writeCursor } from './cursor.ts'
import { createLinkers, type Linker } from './linkers.ts'
import { createManyToMany, type Page } from './many-to-many.ts'
import { type LinkQuery, readLinkQuery, type Wanted } from './parameters.ts'

/** Answers a method of links; null for any other. */
export type Backlinks = (nsid: string, request: Request) => Response | Promise<Response> | null

const NAMESPACE = 'blue.microcosm.links.'
/** Links looked at for one page of accounts: one that has a thousand links is told once. */
const MAX_SCANNED = 5000
/** Links read at a time for that. */
const PART = 500
/** JSON text of an answer, in characters. */
const MAX_ANSWER = 1024 * 1024

type Method = Wanted & {
  answer(query: LinkQuery, source: LinkSource | null): Response | Promise<Response>
}

/** The methods on an open database. */
export function createBacklinks(db: Database): Backlinks {
  const linkers = createLinkers(db)
  const manyToMany = createManyToMany(db, linkers)
  const reposOf = ({ dids }: LinkQuery): number[] | null => (dids === null ? null : linkers.repos(dids))

  const getBacklinks: Method['answer'] = (query, source) => {
    if (source === null) return answer({ total: 0, records: [] }, 'records', null)
    const { limit, after } = query
    const repos = reposOf(query)
    const range = { after: after?.record ?? null, newestFirst: !query.reverse, limit: limit + 1 }
    const found = repos === null ? linkers.list(source, range) : linkers.listOf(source, repos, range)
    const total = repos === null ? linkers.count(source).links : linkers.countOf(source, repos)
    const page = cut(found, limit, (linker) => (linker.shown ? recordOf(linker, query.collection) : null))
    return answer({ total, records: page.items }, 'records', page.next)
  }

  const getBacklinksCount: Method['answer'] = (_, source) =>
    json({ total: source === null ? 0 : linkers.count(source).links })

  const getBacklinkDids: Method['answer'] = ({ limit, after }, source) => {
    if (source === null) return answer({ total: 0, linking_dids: [] }, 'dids', null)
    const { dids: total } = linkers.count(source)
    const dids: string[] = []
    let record = after?.record ?? null
    let length = 0
    if (limit === 0) return answer({ total, linking_dids: dids }, 'dids', null)
    for (let scanned = 0; ;) {
      const part = linkers.list(source, { after: record, newestFirst: true, limit: PART })
      for (const linker of part) {
        if (dids.length === limit || length >= MAX_ANSWER || scanned === MAX_SCANNED) {
          return answer({ total, linking_dids: dids }, 'dids', { record: record!, pointer: 0 })
        }
        record = linker.record
        scanned++
        if (!linker.shown || linkers.firstOf(source, linker.repo) !== record) continue
        dids.push(linker.did)
        length += linker.did.length
      }
      if (part.length < PART) break
    }
    return answer({ total, linking_dids: dids }, 'dids', null)
  }

  const getManyToMany: Method['answer'] = (query, source) => {
    if (source === null) return answer({ items: [] }, 'pairs', null)
    const { items, next } = manyToMany.list({ ...query, source, repos: reposOf(query) })
    const pairs = items.map(({ linker, otherSubject }) => ({
      linkRecord: recordOf(linker, query.collection),
      otherSubject,
    }))
    return answer({ items: pairs }, 'pairs', next)
  }

  const getManyToManyCounts: Method['answer'] = async (query, source) => {
    if (source === null) return answer({ counts_by_other_subject: [] }, 'counts', null)
    const page = await manyToMany.counts({ ...query, source, repos: reposOf(query) })
    if (page === null) {
      const message = 'There are too many links to be grouped; getManyToMany lists them'
      return json({ error: 'TooManyLinks', message }, 400)
    }
    return answer({ counts_by_other_subject: page.items }, 'counts', page.next)
  }

  const methods = new Map<string, Method>([
    ['getBacklinks', { list: 'records', isPair: false, answer: getBacklinks }],
    ['getBacklinksCount', { list: null, isPair: false, answer: getBacklinksCount }],
    ['getBacklinkDids', { list: 'dids', isPair: false, answer: getBacklinkDids }],
    ['getManyToMany', { list: 'pairs', isPair: true, answer: getManyToMany }],
    ['getManyToManyCounts', { list: 'counts', isPair: true, answer: getManyToManyCounts }],
  ])

  return (nsid, request) => {
    const method = nsid.startsWith(NAMESPACE) ? methods.get(nsid.slice(NAMESPACE.length)) : undefined
    if (method === undefined) return null
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return new Response(null, { status: 405, headers: { allow: 'GET,HEAD' } })
    }
    const query = readLinkQuery(new URL(request.url).searchParams, method)
    if (!query.ok) {
      const { message } = query.error
      const headers = message === null ? {} : { 'content-type': 'text/plain; charset=utf-8' }
      return new Response(message, { status: 400, headers })
    }
    const { subject, collection, path } = query.value
    return method.answer(query.value, linkers.source(subject, collection, path))
  }
}

/** The first of what was found, as far as an answer has room. One more than `limit` was asked for: it tells that there is more. */
function cut<T>(found: readonly Linker[], limit: number, show: (linker: Linker) => T | null): Page<T> {
  const items: T[] = []
  let last: Linker | null = null
  let length = 0
  for (const linker of found.slice(0, limit)) {
    if (length >= MAX_ANSWER) break
    last = linker
    const item = show(linker)
    if (item === null) continue
    items.push(item)
    length += 2 * (linker.did.length + linker.rkey.length) + linker.cid.length
  }
  const isAll = last === null || last === found.at(-1)
  return { items, next: isAll ? null : { record: last!.record, pointer: 0 } }
}

const recordOf = ({ did, rkey, cid }: Linker, collection: string): object => ({
  did,
  collection,
  rkey,
  uri: `at://${did}/${collection}/${rkey}`,
  cid,
})

function answer(body: object, list: List, next: Position | null): Response {
  return json({ ...body, cursor: next === null ? null : writeCursor(list, next) })
}

function json(body: object, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
}
