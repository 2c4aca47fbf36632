// The log's read side: what stands under which number. Streams see only what is durable, so that no number is ever told twice.

import { cidFromBytes, formatCid, parseCid } from '@avocet/data'
import type { V2Kind } from '@avocet/jetstream/wire'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { VALIDITIES } from '../database/codes.ts'

/** An event as the log has it, without its records. */
export type LogEvent = {
  readonly seq: number
  /** When it got here, unix microseconds: later in each event than in the one before. */
  readonly us: number
  readonly kind: V2Kind
  readonly repo: number
  readonly did: Did
  /** Whether a stream brought it; else an export of the whole repo did. */
  readonly isLive: boolean
  readonly rev: string | null
  readonly action: 'create' | 'update' | 'delete' | null
  readonly collection: string | null
  readonly rkey: string | null
  readonly cid: string | null
  readonly previous: string | null
  /** Whether its own row has the record that was there before. */
  readonly hasPrevious: boolean
  /** By the numbers of `VALIDITIES`. */
  readonly validity: number | null
  readonly record: number | null
  readonly sourceSeq: number | null
  readonly time: string | null
  /** Of an identity the verified handle, of an account its status. */
  readonly detail: string | null
}

/** What stands in the log of an event's records, as DAG-CBOR; null for none, or one that is not looked at. */
export type LogContent = { readonly record: Uint8Array | null; readonly previous: Uint8Array | null }

/** Reads the log of an open database. */
export type LogReader = {
  /** The first number there is, or the next one of a log that has none. */
  floor(): number
  /** The newest number there has ever been; 0 before the first. */
  newest(): number
  /** The first number whose event came at that time (unix microseconds) or later; `newest` + 1 when there is none. */
  seqAt(us: number): number
  /** The events with numbers from `from` to `to`, in order. Numbers without one are of events that are void by now. */
  read(from: number, to: number): LogEvent[]
  /** The records of an event. Null: it is void, as its account was deleted. */
  readonly content: (event: LogEvent) => LogContent | null
}

const EVENT = `SELECT seq, us, kind, repo, dids.name AS did, rev, action, collections.name AS collection, rkey, cid, prev, provenance,
    validity, record, span, source_seq, time, detail, prev_bytes IS NOT NULL AS hasPrevious
  FROM log_rows JOIN names AS dids ON dids.id = repo LEFT JOIN names AS collections ON collections.id = collection
  WHERE seq >= ? ORDER BY seq`

type Row = {
  seq: number
  us: number
  kind: string
  repo: number
  did: string
  rev: string | null
  action: 'create' | 'update' | 'delete' | null
  collection: string | null
  rkey: string | null
  cid: string | null
  prev: string | null
  provenance: 'live' | 'car'
  validity: number | null
  record: number | null
  span: number | null
  source_seq: number | null
  time: string | null
  detail: string | null
  hasPrevious: number
}
type Brought = { id: number; collection: string; rkey: string; cid: Uint8Array; validity: number }
type Found = { cid: Uint8Array; bytes: Uint8Array | null }

/** What nobody gets to see, by its number. */
const UNSEEN = new Set([VALIDITIES.indexOf('too-costly'), VALIDITIES.indexOf('unreadable')])

/** A reader on an open database. */
export function createLogReader(db: Database): LogReader {
  const sequence = db.raw.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'log_rows'")
  const first = db.raw.prepare('SELECT seq, us, span FROM log_rows ORDER BY seq LIMIT 1')
  const at = db.raw.prepare('SELECT seq, us, span FROM log_rows WHERE seq >= ? ORDER BY seq LIMIT 1')
  const events = db.raw.prepare(EVENT)
  const brought = db.raw.prepare(
    `SELECT records.id, names.name AS collection, rkey, cid, validity FROM records JOIN names ON names.id = collection
     WHERE records.id BETWEEN ? AND ? AND repo = ? AND provenance = 1 ORDER BY records.id`,
  )
  const record = db.raw.prepare(
    `SELECT records.cid, coalesce(records.bytes, contents.bytes) AS bytes
     FROM records LEFT JOIN contents ON contents.id = records.content WHERE records.id = ?`,
  )
  const shared = db.raw.prepare(
    'SELECT cid, bytes FROM contents WHERE repo = ? AND substr(cid, 5, 4) = ? AND cid = ?',
  )
  const previous = db.raw.prepare('SELECT prev_bytes AS bytes FROM log_rows WHERE seq = ?')
  const replaced = db.raw.prepare(
    `SELECT prev_bytes AS bytes FROM log_rows
     WHERE repo = ? AND substr(prev, 10, 8) = substr(?, 10, 8) AND prev = ? AND prev_bytes IS NOT NULL LIMIT 1`,
  )

  const newest = (): number => Number(sequence.get()?.['seq'] ?? 0)

  type Place = { seq: number; us: number | null; span: number | null }
  /** The first row at or behind which `isPast` holds, which it does from some row on. */
  const search = (isPast: (row: Place) => boolean): Place | undefined => {
    let row = first.get() as Place | undefined
    if (row === undefined || isPast(row)) return row
    let [low, high] = [row.seq + 1, newest() + 1]
    row = undefined
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2)
      const found = at.get(middle) as Place | undefined
      if (found === undefined || isPast(found)) {
        row = found ?? row
        high = middle
      } else low = found.seq + 1
    }
    return row
  }

  const toEvent = (row: Row): LogEvent => ({
    seq: row.seq,
    us: row.us,
    kind: row.kind === 'record' ? 'commit' : (row.kind as 'identity' | 'account' | 'sync'),
    repo: row.repo,
    did: row.did as LogEvent['did'],
    isLive: row.provenance === 'live',
    rev: row.rev,
    action: row.action,
    collection: row.collection,
    rkey: row.rkey,
    cid: row.cid,
    previous: row.prev,
    hasPrevious: row.hasPrevious === 1,
    validity: row.validity,
    record: row.record,
    sourceSeq: row.source_seq,
    time: row.time,
    detail: row.detail,
  })

  /** What is left of what an export brought: what changed since has an event of its own. */
  const expand = (row: Row, from: number, to: number): LogEvent[] => {
    const span = row.span!
    const begin = row.seq - span + 1
    const [low, high] = [Math.max(from, begin), Math.min(to, row.seq)]
    const firstId = row.record! - begin
    return (brought.all(firstId + low, firstId + high, row.repo) as Brought[]).map((found) => ({
      ...toEvent(row),
      seq: found.id - firstId,
      us: row.us - (row.seq - (found.id - firstId)),
      kind: 'commit',
      action: 'create',
      collection: found.collection,
      rkey: found.rkey,
      cid: formatCid(cidFromBytes(found.cid)),
      validity: found.validity,
      record: found.id,
    }))
  }

  const bytesOf = (event: LogEvent): Found['bytes'] | undefined => {
    const here = event.record === null ? undefined : (record.get(event.record) as Found | undefined)
    if (here !== undefined && formatCid(cidFromBytes(here.cid)) === event.cid) return here.bytes
    return elsewhere(event.repo, event.cid!)
  }

  /** A record of an account by its CID alone, which says what it is. */
  const elsewhere = (repo: number, cid: string): Found['bytes'] | undefined => {
    const kept = replaced.get(repo, cid, cid) as Found | undefined
    if (kept !== undefined) return kept.bytes
    const { bytes } = parseCid(cid)
    return (shared.get(repo, bytes.subarray(4, 8), bytes) as Found | undefined)?.bytes
  }

  return {
    floor() {
      const row = search(({ us }) => us !== null)
      return row === undefined ? newest() + 1 : row.seq - (row.span ?? 1) + 1
    },
    newest,
    seqAt(us) {
      const row = search((place) => place.us !== null && place.us >= us)
      if (row === undefined) return newest() + 1
      const span = row.span ?? 1
      return row.seq - Math.min(span - 1, row.us! - us)
    },
    read(from, to) {
      const found: LogEvent[] = []
      if (from > to) return found
      for (const each of events.iterate(from)) {
        const row = each as unknown as Row
        if (row.us !== null && row.kind !== 'resync' && row.seq <= to) found.push(toEvent(row))
        else if (row.us !== null && row.span !== null && row.seq - row.span < to)
          found.push(...expand(row, from, to))
        if (row.seq >= to) break
      }
      return found
    },
    content(event) {
      if (event.kind !== 'commit') return NOTHING
      let [bytes, before]: [Found['bytes'], Found['bytes']] = [null, null]
      if (event.cid !== null && !UNSEEN.has(event.validity!)) {
        const known = bytesOf(event)
        if (known === undefined) return null
        bytes = known
      }
      if (event.hasPrevious) before = (previous.get(event.seq) as Found | undefined)?.bytes ?? null
      else if (event.previous !== null) before = elsewhere(event.repo, event.previous) ?? null
      return { record: bytes, previous: before }
    },
  }
}

const NOTHING: LogContent = { record: null, previous: null }
