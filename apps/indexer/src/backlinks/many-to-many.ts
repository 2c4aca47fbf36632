// Records that point to one thing and to another: who is on a list, which labels a thing has. Links know what they point to by a hash
// alone, so the other end is read in the record itself.

import { setImmediate } from 'node:timers/promises'
import { CborError, decode, type ItemBudget } from '@avocet/cbor'
import type { DataObject } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { findLinks, MAX_LINKS } from '../index/links.ts'
import type { LinkSource } from '../index/link-counts.ts'
import { eachPointer } from '../index/pointers.ts'
import { MAX_ANSWER_ITEMS } from '../queries/record-json.ts'
import type { Position } from './cursor.ts'
import { type Linker, type Linkers, MAX_COUNTED, type Range } from './linkers.ts'
import type { Page } from './pages.ts'
import { createSnapshots, firstBehind, type PairGroup } from './snapshots.ts'

/** What is asked. */
export type PairQuery = {
  readonly source: LinkSource
  /** The accounts whose records are asked for; null: all. */
  readonly repos: readonly number[] | null
  /** Where the other link stands. */
  readonly pathToOther: string
  /** What the other link may point to; null: anything. */
  readonly otherSubjects: readonly string[] | null
  readonly limit: number
  readonly after: Position | null
}

/** A record and what else it points to. */
export type Pair = { readonly linker: Linker; readonly otherSubject: string }

/** How many records, and of how many accounts, point to the same. */
export type PairCount = { readonly subject: string; readonly total: number; readonly distinct: number }

/** Questions about records that point to two things. */
export type ManyToMany = {
  /** Oldest first. A page that passed by much that is not wanted has fewer. */
  list(query: PairQuery): Page<Pair>
  /**
   * By what is pointed to, in the order of the oldest record each; null when there are too many records to be counted. They are counted
   * for the first page; those behind it are of the same moment.
   */
  counts(query: PairQuery): Promise<Page<PairCount> | null>
}

/** Records looked at for one page, and in one turn of the event loop. */
const MAX_SCANNED = 5000
const PER_TURN = 1000
/** Of the records whose text is read for one page. */
const MAX_DECODED_BYTES = 8 * 1024 * 1024
/** After all pointers of a record. */
const ALL = MAX_LINKS

const CONTENT = `SELECT coalesce(records.pointers, contents.pointers) AS pointers, coalesce(records.bytes, contents.bytes) AS bytes
  FROM records LEFT JOIN contents ON contents.id = records.content WHERE records.id = ?`

type Other = { readonly pointer: number; readonly target: string }
type Content = { readonly pointers: Uint8Array | null; readonly bytes: Uint8Array | null }
type Group = { readonly first: number; total: number; readonly repos: Set<number> }

/** A reader on an open database. @param now ms since the epoch */
export function createManyToMany(db: Database, linkers: Linkers, now: () => number = Date.now): ManyToMany {
  const snapshots = createSnapshots(now)
  const read = ({ source, repos }: PairQuery, range: Range): Linker[] =>
    repos === null ? linkers.list(source, range) : linkers.listOf(source, repos, range)

  /** What the pointers of a record at a place are, as far as they are wanted. */
  const othersOf = (
    pointers: Uint8Array | null,
    path: number,
    wanted: ReadonlySet<string> | null,
  ): Other[] => {
    const others: Other[] = []
    let pointer = 0
    eachPointer(pointers, MAX_LINKS, (target, at) => {
      const name = Buffer.from(target).toString('latin1')
      if (at === path && wanted?.has(name) !== false) others.push({ pointer, target: name })
      pointer++
    })
    return others
  }
  const nameOf = (subject: string): string => Buffer.from(linkers.targetOf(subject)).toString('latin1')
  const wantedOf = ({ otherSubjects }: PairQuery): ReadonlySet<string> | null =>
    otherSubjects === null ? null : new Set(otherSubjects.map(nameOf))

  const contentOf = (record: number): Content | undefined =>
    db.prepare(CONTENT).get(record) as Content | undefined

  /** What a record points to at a place, by what links call it; null: the page has no room for it. */
  const textsOf = (
    bytes: Uint8Array | null,
    path: string,
    room: Room,
  ): ReadonlyMap<string, string> | null => {
    const record = bytes === null ? {} : room.decode(bytes)
    if (record === null) return null
    const texts = findLinks(record, bytes?.length ?? 0).filter((link) => link.path === path)
    return new Map(texts.map(({ target }) => [nameOf(target), target]))
  }

  const list: ManyToMany['list'] = (query) => {
    const { limit, pathToOther } = query
    const path = linkers.pathOf(pathToOther)
    if (path === null || limit === 0) return NOTHING
    const wanted = wantedOf(query)
    const room = createRoom()
    const items: Pair[] = []
    let at = query.after ?? { record: 0, pointer: ALL }
    // The record of the cursor may have more to give.
    let after = at.pointer < ALL ? at.record - 1 : at.record
    for (let scanned = 0; scanned < MAX_SCANNED;) {
      const part = read(query, { after, newestFirst: false, limit: Math.min(PER_TURN, limit + 1) })
      if (part.length === 0) return { items, next: null }
      for (const linker of part) {
        const { record } = linker
        const { pointers, bytes } = contentOf(record)!
        const passed = record === at.record ? at.pointer : -1
        const others = othersOf(pointers, path, wanted).filter(({ pointer }) => pointer > passed)
        if (linker.shown && others.length > 0) {
          if (items.length === limit) return { items, next: at }
          const texts = textsOf(bytes, pathToOther, room)
          if (texts === null) return { items, next: at }
          for (const { pointer, target } of others) {
            if (items.length === limit) return { items, next: at }
            const otherSubject = texts.get(target)
            if (otherSubject !== undefined) items.push({ linker, otherSubject })
            at = { record, pointer }
          }
        }
        at = { record, pointer: ALL }
        after = record
        scanned++
      }
    }
    return { items, next: at }
  }

  /** What all records point to at the other place, by age. */
  const countGroups = async (query: PairQuery, path: number): Promise<readonly PairGroup[]> => {
    const wanted = wantedOf(query)
    const groups = new Map<string, Group>()
    for (let after = 0; ;) {
      const part = read(query, { after, newestFirst: false, limit: PER_TURN })
      for (const { record, repo, shown } of part) {
        after = record
        // As Constellation: a record counts for the first that it points to.
        const [other] = shown ? othersOf(contentOf(record)!.pointers, path, wanted) : []
        if (other === undefined) continue
        const group = groups.get(other.target)
        if (group === undefined) groups.set(other.target, { first: record, total: 1, repos: new Set([repo]) })
        else {
          group.total++
          group.repos.add(repo)
        }
      }
      if (part.length < PER_TURN) {
        return [...groups].map(([target, { first, total, repos }]) => ({
          target,
          first,
          total,
          distinct: repos.size,
        }))
      }
      await setImmediate()
    }
  }

  const counts: ManyToMany['counts'] = async (query) => {
    const { source, repos, limit, pathToOther } = query
    const path = linkers.pathOf(pathToOther)
    if (path === null || limit === 0) return NOTHING
    const links = repos === null ? linkers.count(source).links : linkers.countOf(source, repos)
    if (links >= MAX_COUNTED) return null
    const key = keyOf(query)
    if (query.after === null) snapshots.forget(key)
    const from = query.after?.record ?? 0
    const kept = snapshots.find(key)
    const page = kept === null ? null : pageOf(query, kept, from, false)
    if (page !== null) return page
    const groups = await countGroups(query, path)
    const first = pageOf(query, groups, from, true)!
    if (first.next !== null) snapshots.keep(key, groups)
    return first
  }

  /**
   * A page of groups; null: they are not as they were counted any more.
   * @param isNew whether they were counted right now: then those are left out whose oldest record went meanwhile, or has links that
   *   were made before targets were as they are
   */
  const pageOf = (
    { limit, pathToOther }: PairQuery,
    groups: readonly PairGroup[],
    from: number,
    isNew: boolean,
  ): Page<PairCount> | null => {
    const room = createRoom()
    const items: PairCount[] = []
    let last = from
    for (let at = firstBehind(groups, from); at < groups.length; at++) {
      const { target, first, total, distinct } = groups[at]!
      const content = contentOf(first)
      const isRead = content !== undefined && items.length < limit
      const texts = isRead ? textsOf(content.bytes, pathToOther, room) : null
      if (content !== undefined && texts === null) return { items, next: { record: last, pointer: ALL } }
      const subject = texts?.get(target)
      if (subject === undefined && !isNew) return null
      last = first
      if (subject !== undefined) items.push({ subject, total, distinct })
    }
    return { items, next: null }
  }

  return { list, counts }
}

/** What groups depend on. */
function keyOf({ source, repos, pathToOther, otherSubjects }: PairQuery): string {
  const { target, path, collection } = source
  return JSON.stringify([
    Buffer.from(target).toString('hex'),
    path,
    collection,
    repos,
    pathToOther,
    otherSubjects,
  ])
}

const NOTHING = { items: [], next: null }

type Room = {
  /** @returns null: there is no room for it on this page */
  decode(bytes: Uint8Array): DataObject | null
}

/** What the records of one page may cost to read. One alone always has room. */
function createRoom(): Room {
  const budget: ItemBudget = { left: MAX_ANSWER_ITEMS }
  let bytesLeft = MAX_DECODED_BYTES
  let isEmpty = true
  return {
    decode(bytes) {
      if (!isEmpty && bytes.length > bytesLeft) return null
      bytesLeft -= bytes.length
      try {
        return decode(bytes, { budget }) as DataObject
      } catch (error) {
        if (!(error instanceof CborError)) throw error
        return error.code === 'too-many-items' && !isEmpty ? null : {}
      } finally {
        isEmpty = false
      }
    },
  }
}
