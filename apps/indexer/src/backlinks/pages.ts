// Pages of the records that point somewhere, and of the accounts they are of, with totals.

import type { LinkSource } from '../index/link-counts.ts'
import type { Position } from './cursor.ts'
import type { Linker, Linkers } from './linkers.ts'
import type { LinkQuery } from './parameters.ts'

/** A page, and where the next begins; null: it was the last. */
export type Page<T> = { readonly items: readonly T[]; readonly next: Position | null }

/** A page of all that there are. */
export type CountedPage<T> = Page<T> & { readonly total: number }

/** Pages of lists of links. Of a source that is null there is nothing. */
export type LinkPages = {
  /** Records of active accounts. */
  records(
    source: LinkSource | null,
    query: Pick<LinkQuery, 'limit' | 'after' | 'reverse' | 'dids'>,
  ): CountedPage<Linker>
  /** DIDs of active accounts, by their oldest link, newest first. */
  dids(source: LinkSource | null, query: Pick<LinkQuery, 'limit' | 'after'>): CountedPage<string>
}

/** Characters of the JSON of an answer. */
export const MAX_ANSWER: number = 1024 * 1024
/** Links looked at for one page of accounts: one that has a thousand links is told once. */
const MAX_SCANNED = 5000
/** Links read at a time for that. */
const PART = 500
const NONE = { total: 0, items: [], next: null }

/** Pages of what is read. */
export function createLinkPages(linkers: Linkers): LinkPages {
  return {
    records(source, { limit, after, reverse, dids }) {
      if (source === null) return NONE
      const repos = dids === null ? null : linkers.repos(dids)
      const range = { after: after?.record ?? null, newestFirst: !reverse, limit: limit + 1 }
      const found = repos === null ? linkers.list(source, range) : linkers.listOf(source, repos, range)
      const total = repos === null ? linkers.count(source).links : linkers.countOf(source, repos)
      return { total, ...cut(found, limit) }
    },
    dids(source, { limit, after }) {
      if (source === null) return NONE
      const { dids: total } = linkers.count(source)
      const items: string[] = []
      let record = after?.record ?? null
      let length = 0
      if (limit === 0) return { total, items, next: null }
      for (let scanned = 0; ;) {
        const part = linkers.list(source, { after: record, newestFirst: true, limit: PART })
        for (const linker of part) {
          if (items.length === limit || length >= MAX_ANSWER || scanned === MAX_SCANNED) {
            return { total, items, next: { record: record!, pointer: 0 } }
          }
          record = linker.record
          scanned++
          if (!linker.shown || linkers.firstOf(source, linker.repo) !== record) continue
          items.push(linker.did)
          length += linker.did.length
        }
        if (part.length < PART) return { total, items, next: null }
      }
    },
  }
}

/** The first of what was found, as far as an answer has room. One more than `limit` was asked for: it tells that there is more. */
function cut(found: readonly Linker[], limit: number): Page<Linker> {
  const items: Linker[] = []
  let last: Linker | null = null
  let length = 0
  for (const linker of found.slice(0, limit)) {
    if (length >= MAX_ANSWER) break
    last = linker
    if (!linker.shown) continue
    items.push(linker)
    length += 2 * (linker.did.length + linker.rkey.length) + linker.cid.length
  }
  const isAll = last === null || last === found.at(-1)
  return { items, next: isAll ? null : { record: last!.record, pointer: 0 } }
}
