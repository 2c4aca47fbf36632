import { setImmediate as nextTurn } from 'node:timers/promises'
import type { UntypedHandler } from '@avocet/xrpc-server'
import type { Asked } from '../queries/collections.ts'
import type { Position } from '../queries/cursor.ts'
import type { CollectionQueries } from '../queries/documents.ts'
import { judgeBudget } from '../queries/labels.ts'
import type { ListQuery } from '../queries/plan.ts'
import type { RecordReader } from '../queries/records.ts'
import { type CollectionParts, questionOf, refusal } from './collection-list.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Lengths of intervals, and what they are counted from: day 4 of 1970 was a Monday. */
const INTERVALS = {
  hour: { length: HOUR, offset: 0 },
  day: { length: DAY, offset: 0 },
  week: { length: 7 * DAY, offset: 4 * DAY },
} as const

/** Rows counted in one turn of the event loop, and in one answer. Turns of rows that have to be judged first are shorter. */
const PER_TURN = 2000
const PER_ANSWER = 10_000
const MAX_TURNS = 20
/** Intervals of one answer. */
const MAX_BUCKETS = 1000

type Bucket = { start: number; count: number }
type Tally = { count: number; readonly buckets: Bucket[]; seen: number; last: Position | null }

/**
 * `<collection>.countRecords`: how many records there are, in all or by intervals. What takes longer to count
 * than an answer may is counted on by the next, with its cursor; an interval may be in both.
 */
export function countCollection(queries: CollectionQueries, parts: CollectionParts): UntypedHandler {
  const { reader, records } = parts
  return async ({ params }) => {
    const interval = params.interval as keyof typeof INTERVALS | undefined
    const by = interval === undefined ? {} : { sort: params.by ?? queries.fields.find(isTime)?.name }
    const query = await questionOf(queries, { ...params, ...by, order: 'asc' }, parts)
    // Records without that time are in no interval.
    const range = query.range ?? (interval === undefined ? null : { path: query.sort!, from: null, to: null })
    const asked = reader.ask(`count ${interval ?? ''}`, { ...query, range }, params.cursor ?? null)
    if (!asked.ok) throw refusal(asked.error)
    const tally: Tally = { count: 0, buckets: [], seen: 0, last: asked.value.after }
    let isCut = true
    for (let turn = 0; isCut && turn < MAX_TURNS && hasRoom(tally); turn++) {
      if (turn > 0) await nextTurn()
      isCut = countTurn(
        asked.value,
        query,
        records,
        interval === undefined ? null : INTERVALS[interval],
        tally,
      )
    }
    const { count, buckets, last } = tally
    return {
      ...(isCut && last !== null ? { cursor: asked.value.cursor(last) } : {}),
      count,
      ...(interval === undefined
        ? {}
        : { buckets: buckets.map((one) => ({ ...one, start: new Date(one.start).toISOString() })) }),
    }
  }
}

function hasRoom({ seen, buckets }: Tally): boolean {
  return seen < PER_ANSWER && buckets.length < MAX_BUCKETS
}

function isTime({ kind, isSortable }: CollectionQueries['fields'][number]): boolean {
  return kind === 'datetime' && isSortable
}

/** @returns whether there is more */
function countTurn(
  asked: Asked,
  { validity }: ListQuery,
  records: RecordReader,
  interval: (typeof INTERVALS)[keyof typeof INTERVALS] | null,
  tally: Tally,
): boolean {
  let left = PER_TURN
  const judging = judgeBudget()
  for (const { record, position } of asked.entries(tally.last, PER_TURN)) {
    const [time] = position
    const start =
      interval === null || typeof time !== 'number' || time === -Infinity
        ? null
        : Math.floor((time - interval.offset) / interval.length) * interval.length + interval.offset
    const bucket = tally.buckets.at(-1)
    const isNew = start !== null && bucket?.start !== start
    if (left-- === 0 || (isNew && tally.buckets.length === MAX_BUCKETS)) return true
    const found = records.visibleValidity(record, judging)
    // The next turn has room for it.
    if (found === 'over') return true
    tally.last = position
    tally.seen++
    if (found === null || !validity.includes(found)) continue
    tally.count++
    if (isNew) tally.buckets.push({ start, count: 1 })
    else if (start !== null) bucket!.count++
  }
  return false
}
