// The whole index as events, for a consumer that the log alone does not tell everything: one that begins after the log lost its beginning,
// or that was away longer than the log is kept. Accounts come one after the other, each as it is when its turn comes; beside that the
// consumer follows the log, and takes from it what is about accounts whose turn was, and nothing of those whose turn comes: so nothing is
// told twice, and nothing is missing. What is in memory of it is one slice.

import { cidFromBytes, formatCid } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import type { LogEvent } from '../stream/log-reader.ts'

/** How far it is: repos in the order of their ids, records of one in that of collection (its id) and key. */
export type SnapshotPlace = {
  /** How many the consumer had before. */
  readonly round: number
  /** The repo that it is at; 0 before the first. */
  readonly repo: number
  readonly collection: number
  readonly rkey: string
  /** The last repo that it is about. Those with higher ids are newer than it, and the log has all of them. */
  readonly last: number
}

/** A part of it: events, and the place behind them; null: nothing is left. */
export type SnapshotSlice = { readonly events: readonly LogEvent[]; readonly next: SnapshotPlace | null }

/** Reads the index as events. */
export type SnapshotReader = {
  /** The place before everything that is indexed. */
  begin(round: number): SnapshotPlace
  /** At most so many events from there on. */
  slice(place: SnapshotPlace, most: number): SnapshotSlice
  /** Whether the place is behind what an event of the log is about. */
  isBehind(place: SnapshotPlace, event: LogEvent): boolean
  /** The event with a number, as its record is by now; undefined: it is gone. */
  find(seq: number): LogEvent | undefined
  /** The newest number that the log has, durable or not. */
  newest(): number
}

/** Numbers from here on are of snapshots: their round, then the id of a record, or of a repo, and what is told of it. */
const FIRST = 2 ** 52
const ROUND = 2 ** 38
const MAX_ROUNDS = 4096
/** What an event is about: a record; an account, with its handle; the status of one that is off. */
const [OF_RECORD, OF_HANDLE, OF_STATUS, KINDS] = [0, 1, 2, 4] as const
/** Accounts looked at for one slice: most have more than one record. */
const MAX_ACCOUNTS = 256

/** Whether a number is of a snapshot. */
export function isOfSnapshot(seq: number): boolean {
  return seq >= FIRST
}

type RecordRow = {
  id: number
  repo: number
  did: LogEvent['did']
  collectionId: number
  collection: string
  rkey: string
  rev: string
  cid: Uint8Array
  validity: number
}
type AccountRow = {
  repo: number
  did: LogEvent['did']
  handle: string | null
  rev: string | null
  status: string | null
}

const RECORD = `SELECT records.id, repo, dids.name AS did, collection AS collectionId, collections.name AS collection, rkey, rev, cid, validity
  FROM records JOIN names AS dids ON dids.id = repo JOIN names AS collections ON collections.id = collection`
// The tables in this order: accounts are found in the order of their ids.
const ACCOUNT = `SELECT names.id AS repo, did, handle, rev, status FROM names CROSS JOIN accounts ON accounts.did = names.name
  WHERE status IS NOT 'deleted'`

/** A reader on an open database. @param now ms since the epoch */
export function createSnapshotReader(db: Database, now: () => number): SnapshotReader {
  const names = createNames(db)

  const toEvent = (seq: number, repo: number, did: LogEvent['did'], rev: string | null): LogEvent => ({
    seq,
    us: now() * 1000,
    kind: 'identity',
    repo,
    did,
    isLive: false,
    rev,
    action: null,
    collection: null,
    rkey: null,
    cid: null,
    previous: null,
    hasPrevious: false,
    validity: null,
    record: null,
    sourceSeq: null,
    time: null,
    detail: null,
  })
  const ofRecord = (base: number, row: RecordRow): LogEvent => ({
    ...toEvent(base + KINDS * row.id + OF_RECORD, row.repo, row.did, row.rev),
    kind: 'commit',
    action: 'create',
    collection: row.collection,
    rkey: row.rkey,
    cid: formatCid(cidFromBytes(row.cid)),
    validity: row.validity,
    record: row.id,
  })
  const ofAccount = (base: number, row: AccountRow): LogEvent => ({
    ...toEvent(base + KINDS * row.repo + OF_HANDLE, row.repo, row.did, row.rev),
    detail: row.handle,
  })
  /** Null: it is active. */
  const ofStatus = (base: number, { repo, did, rev, status }: AccountRow): LogEvent | null =>
    status === null
      ? null
      : {
          ...toEvent(base + KINDS * repo + OF_STATUS, repo, did, rev),
          kind: 'account',
          detail: status,
        }

  return {
    begin(round) {
      const last = Number(db.prepare('SELECT max(id) AS last FROM names').get()?.['last'] ?? 0)
      return { round, repo: 0, collection: 0, rkey: '', last }
    },
    slice(place, most) {
      const base = baseOf(place.round)
      const events: LogEvent[] = []
      let next = place
      const records = db.prepare(
        `${RECORD} WHERE repo = ? AND (records.collection, rkey) > (?, ?) ORDER BY records.collection, rkey LIMIT ?`,
      )
      const accounts = db.prepare(`${ACCOUNT} AND names.id > ? AND names.id <= ? ORDER BY names.id LIMIT 1`)
      for (let i = 0; i < MAX_ACCOUNTS; i++) {
        const left = most - events.length
        const found = records.all(next.repo, next.collection, next.rkey, left) as RecordRow[]
        for (const row of found) events.push(ofRecord(base, row))
        const end = found.at(-1)
        if (end !== undefined) next = { ...next, collection: end.collectionId, rkey: end.rkey }
        if (found.length === left) return { events, next }
        const account = accounts.get(next.repo, next.last) as AccountRow | undefined
        if (account === undefined) return { events, next: null }
        events.push(ofAccount(base, account))
        const status = ofStatus(base, account)
        if (status !== null) events.push(status)
        next = { ...next, repo: account.repo, collection: 0, rkey: '' }
        if (events.length >= most) break
      }
      return { events, next }
    },
    isBehind({ repo, collection, rkey, last }, event) {
      if (event.repo !== repo) return event.repo < repo || event.repo > last
      if (event.collection === null) return true
      const id = names.find(event.collection) ?? Infinity
      return id === collection ? event.rkey! <= rkey : id < collection
    },
    find(seq) {
      const base = FIRST + Math.floor((seq - FIRST) / ROUND) * ROUND
      const id = Math.floor((seq - base) / KINDS)
      const kind = (seq - base) % KINDS
      if (kind !== OF_RECORD) {
        const account = db.prepare(`${ACCOUNT} AND names.id = ?`).get(id) as AccountRow | undefined
        if (account === undefined) return undefined
        return kind === OF_STATUS ? (ofStatus(base, account) ?? undefined) : ofAccount(base, account)
      }
      const row = db.prepare(`${RECORD} WHERE records.id = ?`).get(id) as RecordRow | undefined
      return row === undefined ? undefined : ofRecord(base, row)
    },
    newest: () =>
      Number(db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'log_rows'").get()?.['seq'] ?? 0),
  }
}

const baseOf = (round: number): number => FIRST + (round % MAX_ROUNDS) * ROUND
