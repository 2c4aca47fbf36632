// Records of a collection one after the other, in slices that hold nobody up.

import { CborError, decode } from '@avocet/cbor'
import type { DataObject } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { type Validity, VALIDITIES } from '../database/codes.ts'

/** A record as it stands, decoded. */
export type WalkedRecord = {
  readonly id: number
  readonly repo: number
  readonly rkey: string
  readonly validity: Validity
  readonly reason: string | null
  /** ms since the epoch. */
  readonly indexedAt: number
  readonly record: DataObject
}

/** What one slice may cost: rows of all collections passed by, records looked at, their bytes and values. A record more ends it. */
const MAX_ROWS = 2000
const MAX_RECORDS = 250
const MAX_BYTES = 512 * 1024
const MAX_ITEMS = 25_000
/** One record has at most as many values, or it is not looked at anywhere. */
const MAX_RECORD_ITEMS = 50_000

/** Records without content to look at are passed by. */
const UNSEEN = ['too-costly', 'unreadable'].map((name) => VALIDITIES.indexOf(name as Validity)).join()
const ROWS = `SELECT id, repo, rkey, validity, reason, indexed_at AS indexedAt, coalesce(records.bytes, (SELECT bytes FROM contents WHERE id = content)) AS bytes
  FROM records WHERE id > ? AND id <= ? AND +collection = ? AND validity NOT IN (${UNSEEN}) ORDER BY id`

type Row = {
  id: number
  repo: number
  rkey: string
  validity: number
  reason: string | null
  indexedAt: number
  bytes: Uint8Array | null
}

/**
 * Visits records of a collection with ids above `after`, up to `until`, as many as one slice may cost. Inside a transaction.
 * @returns the id up to which all were visited
 */
export function walkSlice(
  db: Database,
  range: { readonly collection: number; readonly after: number; readonly until: number },
  visit: (record: WalkedRecord) => void,
): number {
  const { collection, after, until } = range
  const last = db
    .prepare(
      'SELECT max(id) AS id FROM (SELECT id FROM records WHERE id > ? AND id <= ? ORDER BY id LIMIT ?)',
    )
    .get(after, until, MAX_ROWS)?.['id'] as number | null
  if (last === null) return until
  const budget = { records: MAX_RECORDS, bytes: MAX_BYTES, items: MAX_ITEMS }
  // Written to while it is read: so what one slice takes is read first.
  const rows: Row[] = []
  for (const row of db.prepare(ROWS).iterate(after, last, collection) as Iterable<Row>) {
    rows.push(row)
    budget.bytes -= row.bytes?.length ?? 0
    if (--budget.records <= 0 || budget.bytes <= 0) break
  }
  const isCut = budget.records <= 0 || budget.bytes <= 0
  for (const row of rows) {
    const left = { left: MAX_RECORD_ITEMS }
    const record = row.bytes === null ? null : read(row.bytes, left)
    budget.items -= MAX_RECORD_ITEMS - left.left
    if (record !== null) visit({ ...row, validity: VALIDITIES[row.validity]!, record })
    if (budget.items <= 0) return row.id
  }
  return isCut ? rows.at(-1)!.id : last
}

function read(bytes: Uint8Array, budget: { left: number }): DataObject | null {
  try {
    return decode(bytes, { budget }) as DataObject
  } catch (error) {
    if (error instanceof CborError) return null
    throw error
  }
}
