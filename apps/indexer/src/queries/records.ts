// The read side: what the XRPC methods and the page ask. Accounts that are not active have nothing to show.

import { cidFromBytes, formatCid } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import { type Provenance, PROVENANCES, VALIDITIES, type Validity } from '../database/codes.ts'
import { type JudgeBudget, type Labels, STORED_LABELS } from './labels.ts'

/** A record as stored. */
export type RecordRow = {
  /** Of its row. */
  readonly id: number
  readonly did: string
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  readonly rev: string
  /** The record as DAG-CBOR; null when it is larger than any record may be, or not looked at. */
  readonly bytes: Uint8Array | null
  readonly validity: Validity
  readonly reason: string | null
  /** ms since the epoch. */
  readonly indexed_at: number
  readonly provenance: Provenance
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
  /** By the id of its row; null when there is none, or when its account is not active. */
  visible(id: number): RecordRow | null
  /** The same without its content: whether anybody gets to see it, and its validity now; `over`: as for {@link labelled}. */
  visibleValidity(id: number, budget: JudgeBudget): Validity | 'over' | null
  /** A row with what the lexicons in force say of it; `over`: the budget has no room for finding that out. */
  labelled(row: RecordRow, budget: JudgeBudget): RecordRow | 'over'
  /**
   * In the order of record keys, newest (largest) first unless `ascending`; after `cursor`, a record key. Read one by one, so that who
   * stops has not read the rest; nothing else may be asked meanwhile.
   */
  list(query: {
    readonly did: string
    readonly collection: string
    readonly limit: number
    readonly cursor: string | null
    readonly ascending: boolean
  }): Generator<RecordRow, void, undefined>
  /** The collections of a repo, sorted, at most so many; costs a lookup each, not a scan. */
  collections(did: string, limit?: number): string[]
  /** The same one by one, in no order, however many there are. */
  eachCollection(did: string): Generator<string, void, undefined>
  /** Accounts in the order of DIDs, after `cursor`. */
  accounts(cursor: string, limit: number): AccountRow[]
}

const ACCOUNT = 'SELECT did, handle, status, head, rev FROM accounts'
const UNSEEN = ['too-costly', 'unreadable'].map((validity) => VALIDITIES.indexOf(validity as Validity)).join()
/** What nobody gets to see is not read either: an answer passes by a thousand of them. */
const COLUMNS = `records.id, rkey, records.cid, records.rev,
    iif(validity IN (${UNSEEN}), NULL, coalesce(records.bytes, contents.bytes)) AS bytes, validity, reason, indexed_at, provenance`
const RECORD = `SELECT ${COLUMNS} FROM records LEFT JOIN contents ON contents.id = records.content WHERE records.repo = ? AND collection = ?`

const OF_ACTIVE = `JOIN names AS dids ON dids.id = records.repo LEFT JOIN accounts ON accounts.did = dids.name
  WHERE records.id = ? AND accounts.status IS NULL`
const VISIBLE = `SELECT dids.name AS did, collections.name AS collection, ${COLUMNS}
  FROM records LEFT JOIN contents ON contents.id = records.content JOIN names AS collections ON collections.id = records.collection
  ${OF_ACTIVE}`

/** A reader on an open database. @param labels what is said of records; default: what is stored */
export function createRecordReader(db: Database, labels: Labels = STORED_LABELS): RecordReader {
  const names = createNames(db)
  const place = (did: string, collection: string): [repo: number, collection: number] | null => {
    const [repo, name] = [names.find(did), names.find(collection)]
    return repo === null || name === null ? null : [repo, name]
  }
  type Found = Omit<RecordRow, 'did' | 'collection' | 'cid' | 'validity' | 'provenance'> & {
    readonly cid: Uint8Array
    readonly validity: number
    readonly provenance: number
  }
  const toRow = (did: string, collection: string, row: Found): RecordRow => ({
    did,
    collection,
    ...row,
    cid: formatCid(cidFromBytes(row.cid)),
    validity: VALIDITIES[row.validity]!,
    provenance: PROVENANCES[row.provenance]!,
  })

  return {
    account(actor) {
      const where = actor.startsWith('did:') ? 'did = ?' : 'handle = ?'
      const row = db
        .prepare(`${ACCOUNT} WHERE ${where}`)
        .get(actor.startsWith('did:') ? actor : actor.toLowerCase())
      return (row as AccountRow | undefined) ?? null
    },
    record(did, collection, rkey) {
      const at = place(did, collection)
      const row = at === null ? undefined : db.prepare(`${RECORD} AND rkey = ?`).get(...at, rkey)
      return row === undefined ? null : toRow(did, collection, row as Found)
    },
    visible(id) {
      const row = db.prepare(VISIBLE).get(id) as (Found & { did: string; collection: string }) | undefined
      return row === undefined ? null : toRow(row.did, row.collection, row)
    },
    labelled: (row, budget) => labels.now(row, budget),
    visibleValidity(id, budget) {
      if (labels.anyWaits()) {
        const seen = this.visible(id)
        const now = seen === null ? null : labels.now(seen, budget)
        return now === null || now === 'over' ? now : now.validity
      }
      const row = db.prepare(`SELECT validity FROM records ${OF_ACTIVE}`).get(id)
      return row === undefined ? null : VALIDITIES[row['validity'] as number]!
    },
    *list({ did, collection, limit, cursor, ascending }) {
      const at = place(did, collection)
      if (at === null) return
      const after = cursor === null ? '' : ascending ? 'AND rkey > ?' : 'AND rkey < ?'
      const sql = `${RECORD} ${after} ORDER BY rkey ${ascending ? 'ASC' : 'DESC'} LIMIT ?`
      const params = cursor === null ? [...at, limit] : [...at, cursor, limit]
      for (const row of db.prepare(sql).iterate(...params)) yield toRow(did, collection, row as Found)
    },
    collections(did, limit = Infinity) {
      return this.eachCollection(did)
        .take(limit)
        .toArray()
        .toSorted((a, b) => (a < b ? -1 : 1))
    },
    *eachCollection(did) {
      const repo = names.find(did)
      if (repo === null) return
      const next = db.prepare(
        'SELECT collection FROM records WHERE repo = ? AND collection > ? ORDER BY collection LIMIT 1',
      )
      const name = db.prepare('SELECT name FROM names WHERE id = ?')
      for (let last = 0; ;) {
        const row = next.get(repo, last) as { collection: number } | undefined
        if (row === undefined) return
        last = row.collection
        yield name.get(last)!['name'] as string
      }
    },
    accounts(cursor, limit) {
      return db
        .prepare(`${ACCOUNT} WHERE did > ? AND rev IS NOT NULL ORDER BY did LIMIT ?`)
        .all(cursor, limit) as AccountRow[]
    },
  }
}

/** Where a record is. */
export function uriOf({ did, collection, rkey }: Pick<RecordRow, 'did' | 'collection' | 'rkey'>): string {
  return `at://${did}/${collection}/${rkey}`
}
