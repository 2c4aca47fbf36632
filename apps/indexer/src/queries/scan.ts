// The entries of a plan one by one, from a position on: each stretch is read in the order of its index, and only as far as is asked.

import type { Database } from '@avocet/sqlite'
import { compareKeys, type Key } from '../projections/key.ts'
import type { Position } from './cursor.ts'
import type { Bound, Plan } from './plan.ts'

/** An entry: the id of a record's row, and where it stands. */
export type ScanEntry = { readonly record: number; readonly position: Position }

const COLUMNS = ['a', 'b', 'c'] as const
/** Rows read of a stretch at a time, at most. */
const MAX_BATCH = 200

/**
 * The entries of a plan after a position, each record once. Nothing may be written between its steps.
 * @param first how many will be asked for, about
 */
export function* scanPlan(
  db: Database,
  collection: number,
  plan: Plan,
  after: Position | null,
  first: number,
): Generator<ScanEntry, void, undefined> {
  const batch = Math.min(Math.max(first, 2), MAX_BATCH)
  const readers = plan.stretches.map((equal) =>
    plan.index === null
      ? keyReader(db, collection, plan, equal[0]!)
      : indexReader(db, plan, plan.index.id, equal),
  )
  const heads = readers.map((read) => createHead(read, after, batch))
  const sign = plan.ascending ? 1 : -1
  let last: number | null = null
  for (;;) {
    let best: Head | null = null
    for (const head of heads) {
      const entry = head.peek()
      if (entry === null) continue
      if (best === null || sign * comparePositions(entry.position, best.peek()!.position) < 0) best = head
    }
    if (best === null) return
    const entry = best.peek()!
    best.next()
    // A record with two of the values that are asked for stands in two stretches, at the same position.
    if (entry.record !== last) yield entry
    last = entry.record
  }
}

type Read = (after: Position | null, limit: number) => ScanEntry[]
type Head = { peek(): ScanEntry | null; next(): void }

function createHead(read: Read, after: Position | null, batch: number): Head {
  let entries = read(after, batch)
  let at = 0
  return {
    peek: () => entries[at] ?? null,
    next() {
      if (++at < entries.length || entries.length < batch) return
      entries = read(entries.at(-1)!.position, batch)
      at = 0
    },
  }
}

/** One stretch of an index of fields. A position has all columns behind those that are equal, and the record. */
function indexReader(db: Database, plan: Plan, place: number, equal: readonly Key[]): Read {
  return (after, limit) => {
    const { sql, bounds } = indexSql(plan, equal.length, after)
    const rows = db.prepare(sql).all(place, ...equal, ...bounds, limit) as Record<string, Key>[]
    const rest = COLUMNS.slice(equal.length)
    return rows.map((row) => {
      const record = row['record'] as number
      return { record, position: [...rest.map((column) => row[column]!), record] }
    })
  }
}

/** The statement of one stretch: a position takes the place of the bound on its side, so that one search finds both ends. */
export function indexSql(
  { from, to, ascending }: Pick<Plan, 'from' | 'to' | 'ascending'>,
  equal: number,
  after: Position | null,
): { readonly sql: string; readonly bounds: readonly Key[] } {
  const rest: readonly string[] = [...COLUMNS.slice(equal), 'record']
  const bounds: Key[] = []
  const conditions = ['place = ?', ...COLUMNS.slice(0, equal).map((column) => `${column} = ?`)]
  const add = (bound: Bound | null, sign: '<' | '>'): void => {
    if (bound === null) return
    conditions.push(`${rest[0]} ${sign}${bound.inclusive ? '=' : ''} ?`)
    bounds.push(bound.key)
  }
  if (after === null || !ascending) add(from, '>')
  if (after === null || ascending) add(to, '<')
  if (after !== null) {
    conditions.push(`(${rest.join()}) ${ascending ? '>' : '<'} (${rest.map(() => '?').join()})`)
    bounds.push(...after)
  }
  const order = rest.map((column) => `${column} ${ascending ? 'ASC' : 'DESC'}`).join()
  const sql = `SELECT ${rest.join()} FROM projections WHERE ${conditions.join(' AND ')} ORDER BY ${order} LIMIT ?`
  return { sql, bounds }
}

/** The records of a repo in the order of their keys. A position has the key and the repo. */
function keyReader(db: Database, collection: number, { ascending }: Plan, repo: Key): Read {
  return (after, limit) => {
    const [key, other] = after ?? []
    // Of repos behind that of the position, the same key is still to come.
    const isBehind = other !== undefined && (ascending ? repo > other : repo < other)
    const { sql } = keySql(ascending, after !== null, isBehind)
    const rows = db.prepare(sql).all(repo, collection, ...(after === null ? [] : [key!]), limit) as {
      rkey: string
      id: number
    }[]
    return rows.map(({ rkey, id }) => ({ record: id, position: [rkey, repo] }))
  }
}

/** The statement for the records of a repo in the order of their keys. */
export function keySql(ascending: boolean, isAfter: boolean, inclusive: boolean): { readonly sql: string } {
  const sign = `${ascending ? '>' : '<'}${inclusive ? '=' : ''}`
  return {
    sql: `SELECT rkey, id FROM records WHERE repo = ? AND collection = ?${isAfter ? ` AND rkey ${sign} ?` : ''}
      ORDER BY rkey ${ascending ? 'ASC' : 'DESC'} LIMIT ?`,
  }
}

function comparePositions(a: Position, b: Position): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareKeys(a[i]!, b[i]!)
    if (order !== 0) return order
  }
  return 0
}
