// Where a subscriber begins.

import type { Cursor } from '@avocet/jetstream/wire'
import type { LogReader } from './log-reader.ts'

/** The first number to give. `outdated`: events before it that were asked for are gone. */
export type Start = { readonly seq: number; readonly floor: number; readonly outdated: boolean }

/** What is said of a cursor whose events are gone. */
export const OUTDATED = {
  name: 'OutdatedCursor',
  message: 'events before the first one are not kept any more',
} as const

/** @param tip the number of the next event; what is past it begins there */
export function startOf(cursor: Cursor, log: Pick<LogReader, 'floor' | 'seqAt'>, tip: number): Start {
  if (cursor.kind === 'tip') return { seq: tip, floor: 1, outdated: false }
  const floor = log.floor()
  if (cursor.kind === 'seq') {
    const seq = Math.min(Math.max(cursor.seq, 1), tip)
    return { seq: Math.max(seq, floor), floor, outdated: seq < floor }
  }
  const seq = Math.min(log.seqAt(cursor.us), tip)
  // Of a log that lost nothing yet, no time is too early.
  return { seq, floor, outdated: floor > 1 && log.seqAt(cursor.us + 1) <= floor }
}

/** The message of `CursorTooOld`. */
export function tooOld(floor: number): string {
  return `the oldest event kept is ${floor}`
}
