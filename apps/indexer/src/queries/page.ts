// One answer with records: it ends at a number of records, of characters, or of values, whichever comes first.

import type { Validity } from '../database/codes.ts'
import { judgeBudget } from './labels.ts'
import { MAX_ANSWER_ITEMS, recordJson } from './record-json.ts'
import type { RecordReader, RecordRow } from './records.ts'

/** Rows without content to show that are passed by in one answer. */
export const MAX_PASSED = 1000
/** JSON text of an answer, in characters; one record alone may be more. */
const MAX_ANSWER = 1024 * 1024

/** An answer that is being put together. `At`: where a row stands in its list. */
export type Page<At> = {
  /**
   * Adds a row; null: one that nobody gets to see. One whose label is not among those that are wanted is passed by as well.
   * @param print the item for a record whose JSON text is `value`
   * @returns false when there is no room for it: it begins the next answer
   */
  add(row: RecordRow | null, at: At, print: (row: RecordRow, value: string) => string): boolean
  /** Adds what goes along with the items. @returns the JSON text of the record; null without content to show, or room for it */
  along(row: RecordRow): string | null
  readonly items: readonly string[]
  /** Where the last row that was seen stands; null when there are no more. */
  readonly next: At | null
}

/** The row's JSON text; or why there is none. */
function valueOf(row: RecordRow, budget: { left: number }): ReturnType<typeof recordJson> {
  return row.bytes === null || row.validity === 'unreadable' || row.validity === 'too-costly'
    ? { ok: false, error: 'no-json' }
    : recordJson(row.bytes, budget)
}

/** Which rows an answer has: those of which the lexicons in force say one of these. */
export type WantedLabels = {
  readonly records: Pick<RecordReader, 'labelled'>
  readonly validity: readonly Validity[]
}

/** An empty answer for `limit` records. @param wanted null: whatever is said of them */
export function createPage<At>(limit: number, wanted: WantedLabels | null = null): Page<At> {
  const judging = judgeBudget()
  const isWanted = ({ validity }: RecordRow): boolean => wanted?.validity.includes(validity) ?? true
  const budget = { left: MAX_ANSWER_ITEMS }
  const items: string[] = []
  let length = 0
  let seen = 0
  let last: At | null = null
  let isCut = false
  return {
    add(row, at, print) {
      // One more was asked for than can be shown: it tells that there is more.
      isCut = items.length === limit || length >= MAX_ANSWER || seen === limit + MAX_PASSED - 1
      if (isCut) return false
      const labelled = row === null || wanted === null ? row : wanted.records.labelled(row, judging)
      // The first one always has room: what would not have is not looked at anywhere.
      isCut = labelled === 'over' && seen > 0
      if (isCut) return false
      const shown = labelled === 'over' || labelled === null || !isWanted(labelled) ? null : labelled
      const value = shown === null ? null : valueOf(shown, budget)
      // What this answer has no room for begins the next: a record that is looked at at all fits into an empty one.
      isCut = value !== null && !value.ok && value.error === 'over' && items.length > 0
      if (isCut) return false
      seen++
      last = at
      if (shown === null || value === null || !value.ok) return true
      const item = print(shown, value.json)
      items.push(item)
      length += item.length
      return true
    },
    along(row) {
      if (length >= MAX_ANSWER) return null
      const value = valueOf(row, budget)
      if (!value.ok) return null
      length += value.json.length
      return value.json
    },
    items,
    get next() {
      return isCut ? last : null
    },
  }
}
