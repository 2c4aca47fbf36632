// Where consumers are, on disk: the number they read next, what before it they have not acknowledged, and what was given up.

import type { Database } from '@avocet/sqlite'
import type { LogEvent } from '../stream/log-reader.ts'
import type { SnapshotPlace } from './snapshot.ts'

/** A consumer's place. */
export type Place = {
  /** The first number that it was not given. */
  readonly next: number
  /** Numbers before that which are not acknowledged, with the failures that count; `wasSent`: a consumer had it. */
  readonly pending: readonly { readonly seq: number; readonly tries: number; readonly wasSent: boolean }[]
  /** Accounts whose events are read apart, from this number on. */
  readonly parked: readonly (readonly [did: string, from: number])[]
  /** Events that were not in the log any more when it got to them: numbers that were passed by. */
  readonly lost: number
  /** When that was the last time, ms since the epoch. */
  readonly lostAt: number | null
  /** How far it is in the snapshot that it is given; null: in none. */
  readonly snapshot: SnapshotPlace | null
  /** How many it was given after it had begun. */
  readonly rounds: number
  /** Whether it is given one after it lost events. */
  readonly recovers: boolean
}

/** An event that was given up. */
export type GivenUp = { readonly event: LogEvent; readonly tries: number; readonly reason: string }

/** The same as it is stored. */
export type Undelivered = {
  readonly id: number
  readonly consumer: string
  /** Its number in the log. */
  readonly seq: number
  /** When it was given up, ms since the epoch. */
  readonly at: number
  readonly tries: number
  readonly reason: string
  readonly kind: string
  readonly did: string
  readonly collection: string | null
  readonly rkey: string | null
  readonly cid: string | null
}

/** The tables of consumers. */
export type PlaceStore = {
  names(prefix: string): string[]
  load(consumer: string): Place | null
  /** In a transaction of its own; resolves when it is durable. `retried`: ids of what is not given up any more. */
  save(
    consumer: string,
    place: Place,
    givenUp: readonly GivenUp[],
    retried?: readonly number[],
  ): Promise<void>
  /** Newest first, before this id. */
  undelivered(consumer: string, before: number, limit: number): Undelivered[]
  find(consumer: string, ids: readonly number[]): Undelivered[]
  count(consumer: string): number
  dismiss(consumer: string, ids: readonly number[]): Promise<number>
  remove(consumer: string): Promise<void>
}

type PlaceRow = {
  next: number
  pending: string
  parked: string
  lost: number
  lost_at: number | null
  snapshot: string | null
  rounds: number
  recovers: number
}

/** Events given up that are kept of one consumer. */
const MAX_KEPT = 10_000
const MAX_REASON = 300

const COLUMNS = 'id, consumer, seq, at, tries, reason, kind, did, collection, rkey, cid'

/** The tables of an open database; `now`: ms since the epoch. */
export function createPlaceStore(db: Database, now: () => number): PlaceStore {
  const forget = (consumer: string, ids: readonly number[]): number => {
    let gone = 0
    const statement = db.prepare('DELETE FROM undelivered WHERE id = ? AND consumer = ?')
    for (const id of ids) gone += Number(statement.run(id, consumer).changes)
    return gone
  }
  const count = (consumer: string): number =>
    Number(db.prepare('SELECT count(*) AS n FROM undelivered WHERE consumer = ?').get(consumer)?.['n'])

  const writeGivenUp = (consumer: string, list: readonly GivenUp[]): void => {
    const insert = db.prepare(
      `INSERT INTO undelivered (consumer, seq, at, tries, reason, kind, did, collection, rkey, cid)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    for (const { event, tries, reason } of list) {
      const { seq, kind, did, collection, rkey, cid } = event
      insert.run(
        consumer,
        seq,
        now(),
        tries,
        reason.slice(0, MAX_REASON),
        kind === 'commit' ? event.action! : kind,
        did,
        collection,
        rkey,
        cid,
      )
    }
    if (list.length === 0) return
    const over = count(consumer) - MAX_KEPT
    if (over <= 0) return
    db.prepare(
      'DELETE FROM undelivered WHERE id IN (SELECT id FROM undelivered WHERE consumer = ? ORDER BY id LIMIT ?)',
    ).run(consumer, over)
  }

  return {
    names: (prefix) =>
      (
        db
          .prepare('SELECT name FROM consumers WHERE substr(name, 1, ?) = ? ORDER BY name')
          .all(prefix.length, prefix) as { name: string }[]
      ).map(({ name }) => name),
    load(consumer) {
      const row = db
        .prepare(
          'SELECT next, pending, parked, lost, lost_at, snapshot, rounds, recovers FROM consumers WHERE name = ?',
        )
        .get(consumer) as PlaceRow | undefined
      if (row === undefined) return null
      const { next, lost, lost_at: lostAt, rounds } = row
      const snapshot = row.snapshot === null ? null : (JSON.parse(row.snapshot) as SnapshotPlace)
      const parked = JSON.parse(row.parked) as Place['parked']
      const pending = readPending(row.pending)
      return { next, lost, lostAt, rounds, recovers: row.recovers === 1, snapshot, pending, parked }
    },
    async save(consumer, place, givenUp, retried = []) {
      const { next, lost, lostAt, rounds } = place
      const pending = writePending(place.pending)
      const parked = JSON.stringify(place.parked)
      const snapshot = place.snapshot === null ? null : JSON.stringify(place.snapshot)
      await db.write(() => {
        db.prepare(
          `INSERT INTO consumers (name, next, pending, parked, lost, lost_at, snapshot, rounds, recovers, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (name) DO UPDATE SET next = excluded.next, pending = excluded.pending, parked = excluded.parked,
             lost = excluded.lost, lost_at = excluded.lost_at, snapshot = excluded.snapshot, rounds = excluded.rounds`,
        ).run(consumer, next, pending, parked, lost, lostAt, snapshot, rounds, place.recovers ? 1 : 0, now())
        writeGivenUp(consumer, givenUp)
        forget(consumer, retried)
      })
    },
    undelivered: (consumer, before, limit) =>
      db
        .prepare(`SELECT ${COLUMNS} FROM undelivered WHERE consumer = ? AND id < ? ORDER BY id DESC LIMIT ?`)
        .all(consumer, before, limit) as Undelivered[],
    find: (consumer, ids) =>
      ids.flatMap((id) => {
        const row = db
          .prepare(`SELECT ${COLUMNS} FROM undelivered WHERE id = ? AND consumer = ?`)
          .get(id, consumer)
        return row === undefined ? [] : [row as Undelivered]
      }),
    count,
    dismiss: (consumer, ids) => db.write(() => forget(consumer, ids)),
    remove: (consumer) =>
      db.write(() => {
        db.prepare('DELETE FROM undelivered WHERE consumer = ?').run(consumer)
        db.prepare('DELETE FROM consumers WHERE name = ?').run(consumer)
      }),
  }
}

/** Numbers as the distance to the one before, each with its tries; odd ones were sent. */
function writePending(pending: Place['pending']): string {
  let last = 0
  const numbers: number[] = []
  for (const { seq, tries, wasSent } of [...pending].toSorted((a, b) => a.seq - b.seq)) {
    numbers.push(seq - last, tries * 2 + (wasSent ? 1 : 0))
    last = seq
  }
  return JSON.stringify(numbers)
}

function readPending(text: string): Place['pending'] {
  const numbers = JSON.parse(text) as number[]
  let seq = 0
  return Array.from({ length: numbers.length / 2 }, (_, i) => {
    seq += numbers[2 * i]!
    const rest = numbers[2 * i + 1]!
    return { seq, tries: rest >> 1, wasSent: (rest & 1) === 1 }
  })
}
