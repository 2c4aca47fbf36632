// Where a list goes on: a position in it, signed, so that a cursor is from here and for this very question.

import { hash } from 'node:crypto'
import type { Database } from '@avocet/sqlite'
import { ABSENT, type Key } from '../projections/key.ts'

/** A place in a list: what its entries are in the order of, to the last. */
export type Position = readonly Key[]

/** Cursors of one database: they outlive the process. */
export type Cursors = {
  /** @param scope the question, as text: a cursor is for no other */
  write(scope: string, position: Position): string
  /** null: not written here for this question */
  read(scope: string, cursor: string): Position | null
}

/** Longest cursor, in characters: a position has four keys of some 200 characters, each six bytes at most as JSON. */
const MAX_LENGTH = 8192
const MAC_LENGTH = 16

/** The cursors of an open database. */
export function createCursors(db: Database): Cursors {
  const secret = db.raw.prepare('SELECT hex(secret) AS secret FROM link_secret').get()!['secret'] as string
  const sign = (scope: string, payload: string): string =>
    hash('sha256', JSON.stringify([secret, 'cursor', scope, payload]), 'base64url').slice(0, MAC_LENGTH)
  return {
    write(scope, position) {
      const json = JSON.stringify(position.map((key) => (key === ABSENT ? null : key)))
      const payload = Buffer.from(json).toString('base64url')
      return sign(scope, payload) + payload
    },
    read(scope, cursor) {
      if (cursor.length > MAX_LENGTH) return null
      const payload = cursor.slice(MAC_LENGTH)
      if (sign(scope, payload) !== cursor.slice(0, MAC_LENGTH)) return null
      const keys = JSON.parse(Buffer.from(payload, 'base64url').toString()) as (Key | null)[]
      return keys.map((key) => key ?? ABSENT)
    },
  }
}
