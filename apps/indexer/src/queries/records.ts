// The read side: what the XRPC methods and the page ask. Accounts that are not active have nothing to show.

import type { Database } from '@avocet/sqlite'

/** A record as stored. */
export type RecordRow = {
  readonly did: string
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  readonly rev: string
  /** The record in the JSON form of the data model. */
  readonly json: string
  readonly validity: string
  readonly reason: string | null
  /** ms since the epoch. */
  readonly indexed_at: number
  readonly provenance: string
}

/** An account as the index knows it. `status` is null when active. */
export type AccountRow = {
  readonly did: string
  readonly handle: string | null
  readonly status: string | null
  readonly head: string | null
  readonly rev: string | null
}

/** Questions about records and accounts. */
export type RecordReader = {
  /** By DID, or by the handle that was verified last; null when unknown. */
  account(actor: string): AccountRow | null
  record(did: string, collection: string, rkey: string): RecordRow | null
  /** In the order of record keys, newest (largest) first unless `ascending`; after `cursor`, a record key. */
  list(query: {
    readonly did: string
    readonly collection: string
    readonly limit: number
    readonly cursor: string | null
    readonly ascending: boolean
  }): RecordRow[]
  /** The collections of a repo, sorted; costs a lookup each, not a scan. */
  collections(did: string): string[]
  /** How many records a collection of a repo has, counted up to `limit`. */
  count(did: string, collection: string, limit: number): number
  /** Accounts in the order of DIDs, after `cursor`. */
  accounts(cursor: string, limit: number): AccountRow[]
}

const ACCOUNT = 'SELECT did, handle, status, head, rev FROM accounts'
const RECORD = `SELECT did, collection, rkey, cid, rev, json, validity, reason, indexed_at, provenance FROM records
  WHERE did = ? AND collection = ? AND validity <> 'unreadable'`

/** A reader on an open database. */
export function createRecordReader(db: Database): RecordReader {
  return {
    account(actor) {
      const where = actor.startsWith('did:') ? 'did = ?' : 'handle = ?'
      const row = db
        .prepare(`${ACCOUNT} WHERE ${where}`)
        .get(actor.startsWith('did:') ? actor : actor.toLowerCase())
      return (row as AccountRow | undefined) ?? null
    },
    record(did, collection, rkey) {
      const row = db.prepare(`${RECORD} AND rkey = ?`).get(did, collection, rkey)
      return (row as RecordRow | undefined) ?? null
    },
    list({ did, collection, limit, cursor, ascending }) {
      const after = cursor === null ? '' : ascending ? 'AND rkey > ?' : 'AND rkey < ?'
      const sql = `${RECORD} ${after} ORDER BY rkey ${ascending ? 'ASC' : 'DESC'} LIMIT ?`
      const params = cursor === null ? [did, collection, limit] : [did, collection, cursor, limit]
      return db.prepare(sql).all(...params) as RecordRow[]
    },
    collections(did) {
      const next = db.prepare(
        'SELECT collection FROM records WHERE did = ? AND collection > ? ORDER BY collection LIMIT 1',
      )
      const found: string[] = []
      for (let last = ''; ;) {
        const row = next.get(did, last) as { collection: string } | undefined
        if (row === undefined) return found
        found.push(row.collection)
        last = row.collection
      }
    },
    count(did, collection, limit) {
      const row = db
        .prepare('SELECT count(*) AS n FROM (SELECT 1 FROM records WHERE did = ? AND collection = ? LIMIT ?)')
        .get(did, collection, limit)
      return Number(row?.['n'] ?? 0)
    },
    accounts(cursor, limit) {
      return db
        .prepare(`${ACCOUNT} WHERE did > ? AND rev IS NOT NULL ORDER BY did LIMIT ?`)
        .all(cursor, limit) as AccountRow[]
    },
  }
}
