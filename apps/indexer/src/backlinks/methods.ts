// blue.microcosm.links.*: who points to a record, an account or a page, in the words of Constellation's server, mixed as they are, with
// `uri` and `cid` beside what it tells of a record. https://github.com/at-microcosm/microcosm-rs/tree/main/constellation

import type { Database } from '@avocet/sqlite'
import type { LinkSource } from '../index/link-counts.ts'
import { createLinkers, type Linker } from './linkers.ts'
import { createManyToMany } from './many-to-many.ts'
import { createLinkPages } from './pages.ts'
import { type LinkQuery, readLinkQuery, type Wanted } from './parameters.ts'
import { json, onlyGet, page, refusal } from './respond.ts'

/** Answers a method of links; null for any other. */
export type Backlinks = (nsid: string, request: Request) => Response | Promise<Response> | null

const NAMESPACE = 'blue.microcosm.links.'

type Method = Wanted & {
  answer(query: LinkQuery, source: LinkSource | null): Response | Promise<Response>
}

/** The methods on an open database. */
export function createBacklinks(db: Database): Backlinks {
  const linkers = createLinkers(db)
  const manyToMany = createManyToMany(db, linkers)
  const pages = createLinkPages(linkers)
  const reposOf = ({ dids }: LinkQuery): number[] | null => (dids === null ? null : linkers.repos(dids))

  const getBacklinks: Method['answer'] = (query, source) => {
    const { total, items, next } = pages.records(source, query)
    const records = items.map((linker) => recordOf(linker, query.collection))
    return page({ total, records }, 'records', next)
  }

  const getBacklinksCount: Method['answer'] = (_, source) =>
    json({ total: source === null ? 0 : linkers.count(source).links })

  const getBacklinkDids: Method['answer'] = (query, source) => {
    const { total, items, next } = pages.dids(source, query)
    return page({ total, linking_dids: items }, 'dids', next)
  }

  const getManyToMany: Method['answer'] = (query, source) => {
    if (source === null) return page({ items: [] }, 'pairs', null)
    const { items, next } = manyToMany.list({ ...query, source, repos: reposOf(query) })
    const pairs = items.map(({ linker, otherSubject }) => ({
      linkRecord: recordOf(linker, query.collection),
      otherSubject,
    }))
    return page({ items: pairs }, 'pairs', next)
  }

  const getManyToManyCounts: Method['answer'] = async (query, source) => {
    if (source === null) return page({ counts_by_other_subject: [] }, 'counts', null)
    const counted = await manyToMany.counts({ ...query, source, repos: reposOf(query) })
    if (counted === null) {
      const message = 'There are too many links to be grouped; getManyToMany lists them'
      return json({ error: 'TooManyLinks', message }, 400)
    }
    return page({ counts_by_other_subject: counted.items }, 'counts', counted.next)
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
    const wrongMethod = onlyGet(request)
    if (wrongMethod !== null) return wrongMethod
    const query = readLinkQuery(new URL(request.url).searchParams, method)
    if (!query.ok) return refusal(query.error)
    const { subject, collection, path } = query.value
    return method.answer(query.value, linkers.source(subject, collection, path))
  }
}

const recordOf = ({ did, rkey, cid }: Linker, collection: string): object => ({
  did,
  collection,
  rkey,
  uri: `at://${did}/${collection}/${rkey}`,
  cid,
})
