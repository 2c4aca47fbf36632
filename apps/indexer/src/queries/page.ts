// One answer with records: it ends at a number of records, of characters, or of values, whichever comes first.

import { MAX_ANSWER_ITEMS, recordJson } from './record-json.ts'
import type { RecordRow } from './records.ts'

/** Rows without content to show that are passed by in one answer. */
export const MAX_PASSED = 1000
/** JSON text of an answer, in characters; one record alone may be more. */
const MAX_ANSWER = 1024 * 1024

/** An answer that is being put together. `At`: where a row stands in its list. */
export type Page<At> = {
  /**
   * Adds a row; null: one that nobody gets to see.
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

/** An empty answer for `limit` records. */
export function createPage<At>(limit: number): Page<At> {
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
      const value = row === null ? null : valueOf(row, budget)
      // What this answer has no room for begins the next: a record that is looked at at all fits into an empty one.
      isCut = value !== null && !value.ok && value.error === 'over' && items.length > 0
      if (isCut) return false
      seen++
      last = at
      if (row === null || value === null || !value.ok) return true
      const item = print(row, value.json)
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
