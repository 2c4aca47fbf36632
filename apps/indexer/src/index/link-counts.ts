// How many links there are to a target from one place of one collection, where there are many: kept beside the links, in the same
// transaction, so that to count them and to read them by age costs no more than a page. Of a few that is found by reading them: a row
// for each target would cost as much as its links do, and anybody can make targets.

import type { Database } from '@avocet/sqlite'

/** From so many links on there is a row. */
export const MANY_LINKS = 64
/** With fewer than this it goes: not the same number, so that nobody has rows made and removed by turns. */
const FEW_LINKS = 32
/** One of so many new links is the occasion to look whether there are many: a power of two. */
const LOOKED_AT = 64

/** Links to one target from one place of one collection. `target`: its hash; the others are ids of names. */
export type LinkSource = {
  readonly target: Uint8Array
  readonly path: number
  readonly collection: number
}

/** What is kept of the links of one source. */
export type LinkCount = { readonly id: number; readonly links: number; readonly dids: number }

/** The tables `link_counts` and `link_order` of an open database. Changes are made inside a transaction. */
export type LinkCounts = {
  /** What is kept of a source; undefined: it has few links. */
  find(source: LinkSource): LinkCount | undefined
  /** To be told of a row that is new in `links`. */
  added(source: LinkSource, repo: number, record: number): void
  /** To be told of a row that is gone from `links`. */
  removed(source: LinkSource, repo: number, record: number): void
  /** Counts a source that is not counted yet, if it has many links. */
  countIfMany(source: LinkSource): void
}

const OF_SOURCE = 'target = ? AND path = ? AND collection = ?'

/** The counts of an open database. */
export function createLinkCounts(db: Database): LinkCounts {
  const select = db.raw.prepare(`SELECT id, links, dids FROM link_counts WHERE ${OF_SOURCE}`)
  const other = db.raw.prepare(`SELECT 1 FROM links WHERE ${OF_SOURCE} AND repo = ? AND record <> ? LIMIT 1`)
  const change = db.raw.prepare('UPDATE link_counts SET links = links + ?, dids = dids + ? WHERE id = ?')
  const place = db.raw.prepare('INSERT INTO link_order (source, record) VALUES (?, ?)')
  const displace = db.raw.prepare('DELETE FROM link_order WHERE source = ? AND record = ?')
  const some = db.raw.prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM links WHERE ${OF_SOURCE} LIMIT ?)`)
  const insert = db.raw.prepare(
    `INSERT INTO link_counts (target, path, collection, links, dids)
     SELECT target, path, collection, count(*), count(DISTINCT repo) FROM links WHERE ${OF_SOURCE}`,
  )
  const placeAll = db.raw.prepare(
    `INSERT INTO link_order (source, record) SELECT ?, record FROM links WHERE ${OF_SOURCE} ORDER BY record`,
  )
  const forget = db.raw.prepare('DELETE FROM link_counts WHERE id = ?')
  const displaceAll = db.raw.prepare('DELETE FROM link_order WHERE source = ?')

  const counted = countedTargets(db)
  const find = ({ target, path, collection }: LinkSource): LinkCount | undefined =>
    counted.has(target) ? (select.get(target, path, collection) as LinkCount | undefined) : undefined
  /** Whether the account has another link of the source. */
  const hasOther = ({ target, path, collection }: LinkSource, repo: number, record: number): boolean =>
    other.get(target, path, collection, repo, record) !== undefined

  const countIfMany = (source: LinkSource): void => {
    const { target, path, collection } = source
    const { n } = some.get(target, path, collection, MANY_LINKS) as { n: number }
    if (n < MANY_LINKS) return
    const { lastInsertRowid: id } = insert.run(target, path, collection)
    placeAll.run(id, target, path, collection)
    counted.add(target)
  }

  return {
    find,
    countIfMany,
    added(source, repo, record) {
      const count = find(source)
      if (count === undefined) {
        if (isLookedAt(source.target, record)) countIfMany(source)
        return
      }
      change.run(1, hasOther(source, repo, record) ? 0 : 1, count.id)
      place.run(count.id, record)
    },
    removed(source, repo, record) {
      const count = find(source)
      if (count === undefined) return
      if (count.links <= FEW_LINKS) {
        forget.run(count.id)
        displaceAll.run(count.id)
        return
      }
      change.run(-1, hasOther(source, repo, record) ? 0 : -1, count.id)
      displace.run(count.id, record)
    },
  }
}

/**
 * Targets that may have rows, by 22 bits of their hash: of nearly all new links it says that there is none, and to look for one costs
 * a tenth of what storing a record does. One for all who use a database; those of rows that are gone, or rolled back, stay in it.
 */
type CountedTargets = { has(target: Uint8Array): boolean; add(target: Uint8Array): void }
const ofDatabases = new WeakMap<Database, CountedTargets>()

function countedTargets(db: Database): CountedTargets {
  const known = ofDatabases.get(db)
  if (known !== undefined) return known
  const bits = new Uint32Array(2 ** 22 / 32)
  const made: CountedTargets = {
    has: (target) => (bits[wordOf(target) >>> 15]! & (1 << ((wordOf(target) >>> 10) & 31))) !== 0,
    add(target) {
      bits[wordOf(target) >>> 15]! |= 1 << ((wordOf(target) >>> 10) & 31)
    },
  }
  for (const row of db.prepare('SELECT target FROM link_counts').iterate())
    made.add(row['target'] as Uint8Array)
  ofDatabases.set(db, made)
  return made
}

const wordOf = (target: Uint8Array): number =>
  target[0]! | (target[1]! << 8) | (target[2]! << 16) | (target[3]! << 24)

/** Nobody outside knows the hash, so nobody can keep to records that are not looked at. */
function isLookedAt(target: Uint8Array, record: number): boolean {
  return Math.imul(wordOf(target) ^ (record >>> 0), 0x9e3779b1) >>> 0 < 2 ** 32 / LOOKED_AT
}
