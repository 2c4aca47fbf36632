// What goes through all records, a slice in a transaction: what is not wanted any more is taken out, and what is made of records is made anew.

import { CborError, decode } from '@avocet/cbor'
import { cidFromBytes, type DataObject, isCid } from '@avocet/data'
import { DEFAULT_POLICY, type VerifiedOp } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import { VALIDITIES } from '../database/codes.ts'
import type { Examined } from './examine.ts'
import type { Row, Rows } from './rows.ts'

/** Slices of sweeps. Inside a transaction. */
export type Sweeps = {
  /**
   * Removes up to `limit` records of collections that are not wanted, with their links, among the `looks` records behind the one with the
   * id `from`.
   * @returns how many were removed, and the id of the last one that was looked at; null: there are no more
   */
  purgeUnwanted(
    isWanted: (collection: string) => boolean,
    from: number,
    limit: number,
    looks: number,
  ): { readonly count: number; readonly position: number | null }
  /**
   * Makes labels and links anew of at most `limit` records, and about `bytes` of them, behind the one with the id `from` up to `until`. What
   * is not looked at stays as it is.
   * @returns how many were looked at and changed, and the id of the last one
   */
  reindex(
    from: number,
    until: number,
    limit: number,
    bytes: number,
  ): { readonly looked: number; readonly changed: number; readonly position: number }
}

type Place = { id: number; repo: number; collection: number; rkey: string }
type Stored = Row & { readonly repo: number; readonly rkey: string; readonly reason: string | null }

const STORED = `SELECT records.id, records.repo, collection, rkey, validity, indexed_at, reason, content, records.cid, records.pointers,
    coalesce(records.bytes, contents.bytes) AS bytes
  FROM records LEFT JOIN contents ON contents.id = records.content
  WHERE records.id > ? AND records.id <= ? ORDER BY records.id LIMIT ?`

/** Validities of what is not looked at, by number. */
const UNREAD: ReadonlySet<number> = new Set(
  (['unreadable', 'too-costly'] as const).map((validity) => VALIDITIES.indexOf(validity)),
)

/** Sweeps over the rows of an open database. */
export function createSweeps(db: Database, rows: Rows, examine: (op: VerifiedOp) => Examined): Sweeps {
  const stored = db.raw.prepare(STORED)
  const grow = db.raw.prepare(
    'UPDATE accounts SET stored = max(0, stored + ?) WHERE did = (SELECT name FROM names WHERE id = ?)',
  )

  const nameOf = (id: number): string =>
    db.prepare('SELECT name FROM names WHERE id = ?').get(id)!['name'] as string

  /** Takes out records of one account; what they took on disk is free again. */
  const takeAll = (repo: number, places: readonly Place[]): void => {
    const did = nameOf(repo)
    const before = Number(db.prepare('SELECT stored FROM accounts WHERE did = ?').get(did)?.['stored'] ?? 0)
    const event = rows.begin({ rev: '', provenance: 'car', at: 0, repo, stored: before })
    for (const { rkey, collection } of places) rows.take(rkey, collection, event)
    event.contents.settle()
    const left = Math.max(0, event.stored + event.contents.grown)
    db.prepare('UPDATE accounts SET stored = ? WHERE did = ?').run(left, did)
  }

  const refresh = (row: Stored): boolean => {
    const record = row.bytes === null || UNREAD.has(row.validity) ? null : readRecord(row.bytes)
    if (record === null) return false
    const collection = nameOf(row.collection)
    const op: VerifiedOp = {
      action: 'create',
      path: `${collection}/${row.rkey}`,
      collection,
      rkey: row.rkey,
      cid: cidFromBytes(row.cid),
      record,
      recordBytes: row.bytes,
      prev: null,
    }
    const event = rows.begin({ rev: '', provenance: 'car', at: 0, repo: row.repo, stored: 0 })
    const isNew = rows.refresh(row, op, examine(op), event)
    if (event.stored !== 0) grow.run(event.stored, row.repo)
    return isNew
  }

  return {
    purgeUnwanted(isWanted, from, limit, looks) {
      const page = db
        .prepare('SELECT id, repo, collection, rkey FROM records WHERE id > ? ORDER BY id LIMIT ?')
        .all(from, looks) as Place[]
      const unwanted = new Map<number, Place[]>()
      let [count, position] = [0, from]
      for (const place of page) {
        if (count === limit) break
        position = place.id
        if (isWanted(nameOf(place.collection))) continue
        count++
        const others = unwanted.get(place.repo)
        if (others === undefined) unwanted.set(place.repo, [place])
        else others.push(place)
      }
      for (const [repo, places] of unwanted) takeAll(repo, places)
      const isEnd = page.length < looks && position === (page.at(-1)?.id ?? from)
      return { count, position: isEnd ? null : position }
    },
    reindex(from, until, limit, bytes) {
      const slice: Stored[] = []
      let size = 0
      for (const row of stored.iterate(from, until, limit)) {
        slice.push(row as unknown as Stored)
        size += slice.at(-1)!.bytes?.length ?? 0
        if (size >= bytes) break
      }
      const changed = slice.filter(refresh).length
      const isEnd = size < bytes && slice.length < limit
      return { looked: slice.length, changed, position: isEnd ? until : slice.at(-1)!.id }
    },
  }
}

/** Null for what cannot be read within the bounds of today. */
function readRecord(bytes: Uint8Array): DataObject | null {
  try {
    const value = decode(bytes, {
      maxItems: DEFAULT_POLICY.maxRecordItems,
      maxDepth: DEFAULT_POLICY.maxRecordDepth,
    })
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !isCid(value)
    return isObject && !(value instanceof Uint8Array) ? value : null
  } catch (error) {
    if (error instanceof CborError) return null
    throw error
  }
}
