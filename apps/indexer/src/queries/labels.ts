// What the lexicons in force say of records. Where those changed, records are judged anew in the background: of one whose turn did not come
// yet the stored label is of before, and it is judged when it is asked for, so that no answer is by lexicons that are gone.

import { CborError, decode } from '@avocet/cbor'
import type { DataObject } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { type Rejudging, rejudging } from '../lexicons/rejudge.ts'
import type { Judge } from '../index/validity.ts'
import type { Validity } from '../database/codes.ts'

/** Values and bytes of records that may still be judged for one answer. */
export type JudgeBudget = { left: number; bytes: number }

/** One record that is looked at at all has at most as many values. */
const MAX_ITEMS = 50_000
const MAX_BYTES = 1024 * 1024

/** What one answer, or one turn of a count, may judge; one record at least. */
export const judgeBudget = (): JudgeBudget => ({ left: MAX_ITEMS, bytes: MAX_BYTES })

/** Labels as they are now. */
export type Labels = {
  /** Whether records of any collection are being judged anew. */
  anyWaits(): boolean
  /** What share of a collection's records was judged by the lexicons in force, 0 to 1; null: all of them were. */
  share(collection: string): number | null
  /** The row with its label of now; `over`: the budget has no room for judging it. */
  now<Row extends LabelledRow>(row: Row, budget: JudgeBudget): Row | 'over'
  /** To be told when the lexicons, or the place up to which was judged, are others. */
  refresh(): void
}

/** What of a row has to do with its label. */
type LabelledRow = {
  readonly id: number
  readonly collection: string
  readonly rkey: string
  readonly bytes: Uint8Array | null
  readonly validity: Validity
  readonly reason: string | null
}

/** The labels of a database whose lexicons stay. */
export const STORED_LABELS: Labels = {
  anyWaits: () => false,
  share: () => null,
  now: (row) => row,
  refresh: () => {},
}

/** Labels over an open database. @param judge that of the lexicons in force */
export function createLabels(db: Database, judge: () => Judge): Labels {
  let known: ReadonlyMap<string, Rejudging> | null = null
  const waiting = (): ReadonlyMap<string, Rejudging> =>
    (known ??= new Map(rejudging(db).map((one) => [one.collection, one])))
  return {
    anyWaits: () => waiting().size > 0,
    share(collection) {
      const of = waiting().get(collection)
      return of === undefined ? null : of.done / of.until
    },
    now(row, budget) {
      const of = waiting().get(row.collection)
      const isJudged = of === undefined || row.id <= of.done || row.id > of.until
      // What is not looked at has its label from that.
      if (isJudged || row.bytes === null || isUnseen(row.validity)) return row
      if (budget.bytes <= 0) return 'over'
      budget.bytes -= row.bytes.length
      try {
        const record = decode(row.bytes, { budget }) as DataObject
        return { ...row, ...judge()(row.collection, row.rkey, record) }
      } catch (error) {
        if (!(error instanceof CborError)) throw error
        return error.code === 'too-many-items' ? 'over' : row
      }
    },
    refresh() {
      known = null
    },
  }
}

function isUnseen(validity: Validity): boolean {
  return validity === 'unreadable' || validity === 'too-costly'
}
