// Records of an account that stand at several paths, each kept once as the DAG-CBOR that was signed.

import { type CID, CidMap } from '@avocet/data'
import type { Database } from '@avocet/sqlite'

/** What a row of `contents` is made of. */
export type NewContent = { readonly bytes: Uint8Array | null; readonly pointers: Uint8Array | null }

/** A stored record. `uses`: at how many paths it stood before this one. */
export type StoredContent = {
  readonly id: number
  readonly pointers: Uint8Array | null
  readonly uses: number
}

/** Bytes on disk of a row with its CID and its entry in the index. */
const CONTENT_ROW = 80

/** Bytes on disk of a record and of its links, about: those take some five times what its pointers do. */
export function costOf(size: number, pointers: Uint8Array | null): number {
  return size + 5 * (pointers?.length ?? 0)
}

/** The contents of one account, for the time of one event. Inside a transaction. */
export type Contents = {
  /**
   * One more use of a record.
   * @param make asked for what a new row holds
   */
  use(cid: CID, make: () => NewContent): StoredContent
  /** One use less; the row goes with the last. @returns its pointers, and its record when it went */
  release(id: number): NewContent
  /** Writes how often what was used is used. To be called at the end. */
  settle(): void
  /** Bytes on disk that were added until now, less those that went, about. */
  readonly grown: number
}

type Row = { id: number; uses: number; pointers: Uint8Array | null; bytes: Uint8Array | null }
type Used = { stored: StoredContent; uses: number }

/**
 * The table `contents` of an open database. Only what repeats is in it: to look for each record by its CID would cost more than
 * storing it, as CIDs have no order.
 */
export function createContents(db: Database): (repo: number) => Contents {
  const find = db.raw.prepare(
    'SELECT id, pointers, uses FROM contents WHERE repo = ? AND substr(cid, 5, 4) = ? AND cid = ?',
  )
  const insert = db.raw.prepare(
    'INSERT INTO contents (repo, cid, uses, bytes, pointers) VALUES (?, ?, 0, ?, ?)',
  )
  const change = db.raw.prepare('UPDATE contents SET uses = uses + ? WHERE id = ?')
  const select = db.raw.prepare('SELECT uses, pointers, bytes FROM contents WHERE id = ?')
  const remove = db.raw.prepare('DELETE FROM contents WHERE id = ?')

  return (repo) => {
    let grown = 0
    const findOrInsert = (cid: Uint8Array, make: () => NewContent): StoredContent => {
      const row = find.get(repo, cid.subarray(4, 8), cid) as Row | undefined
      if (row !== undefined) return row
      const { bytes, pointers } = make()
      grown += CONTENT_ROW + costOf(bytes?.length ?? 0, pointers)
      return { id: Number(insert.run(repo, cid, bytes, pointers).lastInsertRowid), pointers, uses: 0 }
    }
    /** Counted here first: a record may stand at every path of an event. */
    const used = new CidMap<Used>()
    const settle = (): void => {
      if (used.size === 0) return
      for (const { stored, uses } of used.values()) change.run(uses, stored.id)
      used.clear()
    }
    return {
      use(cid, make) {
        const known = used.get(cid)
        if (known !== undefined) {
          const uses = known.stored.uses + known.uses++
          return { ...known.stored, uses }
        }
        const stored = findOrInsert(cid.bytes, make)
        used.set(cid, { stored, uses: 1 })
        return stored
      },
      release(id) {
        settle()
        const { uses, pointers, bytes } = select.get(id) as Row
        if (uses > 1) {
          change.run(-1, id)
          return { bytes: null, pointers }
        }
        remove.run(id)
        grown -= CONTENT_ROW + costOf(bytes?.length ?? 0, pointers)
        return { bytes, pointers }
      },
      settle,
      get grown() {
        return grown
      },
    }
  }
}
