// The records that point to a target from one place of one collection, by age: as their rows came in. Accounts that are off show
// nothing, and count all the same until they are deleted: whoever comes and goes would have all that it has ever linked counted again.

import { cidFromBytes, formatCid } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import { createLinkCounts, type LinkSource } from '../index/link-counts.ts'
import { createTargetHash, TARGET_LENGTH } from '../index/pointers.ts'

/** A record that points there. */
export type Linker = {
  /** Its id: larger for younger ones. */
  readonly record: number
  readonly repo: number
  readonly did: string
  readonly rkey: string
  readonly cid: string
  /** Whether its account is active. */
  readonly shown: boolean
}

/** What part of a list is read. `after`: the id of the record that was read last. */
export type Range = { readonly after: number | null; readonly newestFirst: boolean; readonly limit: number }

/** Questions about who points somewhere. */
export type Linkers = {
  /** Null when nothing can point there: its place or collection is in no record. */
  source(subject: string, collection: string, path: string): LinkSource | null
  /** What a target is called in pointers. */
  targetOf(subject: string): Uint8Array
  /** The id of a place in records; null when it is in none. */
  pathOf(path: string): number | null
  /** All links, and all accounts they come from. */
  count(source: LinkSource): { readonly links: number; readonly dids: number }
  /** How many links of these accounts there are, counted up to `MAX_COUNTED`. */
  countOf(source: LinkSource, repos: readonly number[]): number
  list(source: LinkSource, range: Range): Linker[]
  /** The same among the links of these accounts. */
  listOf(source: LinkSource, repos: readonly number[], range: Range): Linker[]
  /** The oldest link of an account. */
  firstOf(source: LinkSource, repo: number): number
  /** The ids of those of these accounts that are active. */
  repos(dids: readonly string[]): number[]
}

/** Links of given accounts are counted up to here: there is no row that knows. */
export const MAX_COUNTED = 50_000
/** Links of a source without a count: there are fewer, as one would have been made long before. */
const MAX_FEW = 10_000

const OF_SOURCE = 'target = ? AND path = ? AND collection = ?'
const DETAIL = `SELECT records.repo, rkey, records.cid, name AS did, accounts.status IS NULL AS shown
  FROM records JOIN names ON names.id = records.repo LEFT JOIN accounts ON accounts.did = name WHERE records.id = ?`

/** A reader on an open database. */
export function createLinkers(db: Database): Linkers {
  const names = createNames(db)
  const counts = createLinkCounts(db)
  const hash = createTargetHash(db)

  const targetOf = (subject: string): Uint8Array => {
    const target = new Uint8Array(TARGET_LENGTH)
    hash(subject, target, 0)
    return target
  }
  const few = ({ target, path, collection }: LinkSource): { repo: number; record: number }[] =>
    db
      .prepare(`SELECT repo, record FROM links WHERE ${OF_SOURCE} LIMIT ?`)
      .all(target, path, collection, MAX_FEW) as { repo: number; record: number }[]

  const detail = (record: number): Linker => {
    const row = db.prepare(DETAIL).get(record) as Omit<Linker, 'record' | 'cid' | 'shown'> & {
      cid: Uint8Array
      shown: number
    }
    return { ...row, record, cid: formatCid(cidFromBytes(row.cid)), shown: row.shown === 1 }
  }

  const recordsOf = (source: LinkSource, { after, newestFirst, limit }: Range): number[] => {
    const from = after ?? (newestFirst ? Number.MAX_SAFE_INTEGER : 0)
    const count = counts.find(source)
    if (count === undefined) {
      const records = few(source).map(({ record }) => record)
      const rest = records.filter((record) => (newestFirst ? record < from : record > from))
      return rest.toSorted((a, b) => (newestFirst ? b - a : a - b)).slice(0, limit)
    }
    const order = newestFirst ? 'record < ? ORDER BY record DESC' : 'record > ? ORDER BY record'
    const rows = db
      .prepare(`SELECT record FROM link_order WHERE source = ? AND ${order} LIMIT ?`)
      .all(count.id, from, limit)
    return rows.map((row) => row['record'] as number)
  }

  /** The next link of one account. */
  const nextOf = (
    { target, path, collection }: LinkSource,
    repo: number,
    from: number,
    newestFirst: boolean,
  ): number | null => {
    const order = newestFirst ? 'record < ? ORDER BY record DESC' : 'record > ? ORDER BY record'
    const row = db
      .prepare(`SELECT record FROM links WHERE ${OF_SOURCE} AND repo = ? AND ${order} LIMIT 1`)
      .get(target, path, collection, repo, from)
    return (row?.['record'] as number | undefined) ?? null
  }

  return {
    targetOf,
    pathOf: (path) => names.find(path),
    source(subject, collection, path) {
      const [place, name] = [names.find(path), names.find(collection)]
      return place === null || name === null
        ? null
        : { target: targetOf(subject), path: place, collection: name }
    },
    count(source) {
      const count = counts.find(source)
      if (count !== undefined) return { links: count.links, dids: count.dids }
      const rows = few(source)
      return { links: rows.length, dids: new Set(rows.map(({ repo }) => repo)).size }
    },
    countOf({ target, path, collection }, repos) {
      const select = db.prepare(
        `SELECT count(*) AS n FROM (SELECT 1 FROM links WHERE ${OF_SOURCE} AND repo = ? LIMIT ?)`,
      )
      let sum = 0
      for (const repo of repos) {
        sum += Number(select.get(target, path, collection, repo, MAX_COUNTED - sum)!['n'])
      }
      return sum
    },
    list: (source, range) => recordsOf(source, range).map(detail),
    listOf(source, repos, { after, newestFirst, limit }) {
      const from = after ?? (newestFirst ? Number.MAX_SAFE_INTEGER : 0)
      const heads = repos.map((repo) => ({ repo, record: nextOf(source, repo, from, newestFirst) }))
      const found: Linker[] = []
      while (found.length < limit) {
        let best: { repo: number; record: number | null } | null = null
        for (const head of heads) {
          if (head.record === null) continue
          const isYounger = best === null || head.record > best.record!
          if (best === null || isYounger === newestFirst) best = head
        }
        if (best === null) break
        const { repo, record } = best
        found.push(detail(record!))
        best.record = nextOf(source, repo, record!, newestFirst)
      }
      return found
    },
    firstOf: (source, repo) => nextOf(source, repo, 0, false)!,
    repos(dids) {
      const select = db.prepare(
        `SELECT names.id FROM names LEFT JOIN accounts ON accounts.did = name WHERE name = ? AND accounts.status IS NULL`,
      )
      return [...new Set(dids)].flatMap((did) => {
        const row = select.get(did)
        return row === undefined ? [] : [row['id'] as number]
      })
    },
  }
}
