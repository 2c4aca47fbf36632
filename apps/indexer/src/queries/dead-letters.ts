// Events that were refused, with the frame to look at.

import type { Database } from '@avocet/sqlite'
import { type FrameOutline, outlineFrame } from './frame-outline.ts'

/** A refused event. `at` is ms since the epoch. */
export type DeadLetter = {
  readonly id: number
  readonly at: number
  readonly did: string | null
  readonly source: string
  readonly seq: number | null
  readonly reason: string
  readonly message: string
  /** Whether its frame is still here. */
  readonly hasFrame: boolean
}

/** A frame as it came. `length`: bytes it had; `bytes`: those that are kept, its first. */
export type LetterFrame = {
  readonly length: number
  readonly bytes: Uint8Array
  readonly outline: FrameOutline
}

/** Questions about refused events. */
export type DeadLetterReader = {
  /** The newest first, of one reason or of all, those before a letter's `id`. */
  newest(query: {
    readonly limit: number
    readonly reason?: string | null
    readonly before?: number | null
  }): DeadLetter[]
  /** One of them with its frame (null where there is none); null: there is no such letter. */
  get(id: number): (DeadLetter & { readonly frame: LetterFrame | null }) | null
}

const COLUMNS = 'id, at, did, source, source_seq AS seq, reason, message, frame IS NOT NULL AS hasFrame'

type Row = Omit<DeadLetter, 'hasFrame'> & { readonly hasFrame: number }

/** A reader on an open database. There are 10,000 letters at most, so that those of one reason are looked for among all. */
export function createDeadLetterReader(db: Database): DeadLetterReader {
  return {
    newest({ limit, reason = null, before = null }) {
      const rows = db
        .prepare(
          `SELECT ${COLUMNS} FROM dead_letters WHERE id < ? AND (? IS NULL OR reason = ?) ORDER BY id DESC LIMIT ?`,
        )
        .all(before ?? Number.MAX_SAFE_INTEGER, reason, reason, limit) as Row[]
      return rows.map((row) => ({ ...row, hasFrame: row.hasFrame === 1 }))
    },
    get(id) {
      const row = db
        .prepare(`SELECT ${COLUMNS}, frame, frame_length AS length FROM dead_letters WHERE id = ?`)
        .get(id) as (Row & { readonly frame: Uint8Array | null; readonly length: number | null }) | undefined
      if (row === undefined) return null
      const { frame: bytes, length, ...letter } = row
      const frame =
        bytes === null ? null : { length: length ?? bytes.length, bytes, outline: outlineFrame(bytes) }
      return { ...letter, hasFrame: frame !== null, frame }
    },
  }
}
