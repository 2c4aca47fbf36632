// The records of an account, each kept once as the DAG-CBOR that was signed.

import type { Database } from '@avocet/sqlite'

/** A stored record. `isNew`: it was not there before. */
export type StoredContent = {
  readonly id: number
  readonly isNew: boolean
  readonly pointers: Uint8Array | null
}

/** The table `contents`. Inside a transaction. */
export type Contents = {
  /**
   * One more use of a record.
   * @param make asked for what a new row holds
   */
  use(
    repo: number,
    cid: Uint8Array,
    make: () => { bytes: Uint8Array | null; pointers: Uint8Array | null },
  ): StoredContent
  /** One use less; the row goes with the last. Returns its CID and pointers. */
  release(id: number): { cid: Uint8Array; pointers: Uint8Array | null }
}

type Row = { id: number; uses: number; cid: Uint8Array; pointers: Uint8Array | null }

/** The contents of an open database. */
export function createContents(db: Database): Contents {
  const find = db.raw.prepare(
    'SELECT id, pointers FROM contents WHERE repo = ? AND substr(cid, 5, 4) = ? AND cid = ?',
  )
  const insert = db.raw.prepare(
    'INSERT INTO contents (repo, cid, uses, bytes, pointers) VALUES (?, ?, 1, ?, ?)',
  )
  const change = db.raw.prepare('UPDATE contents SET uses = uses + ? WHERE id = ?')
  const select = db.raw.prepare('SELECT uses, cid, pointers FROM contents WHERE id = ?')
  const remove = db.raw.prepare('DELETE FROM contents WHERE id = ?')

  return {
    use(repo, cid, make) {
      const row = find.get(repo, cid.subarray(4, 8), cid) as Row | undefined
      if (row !== undefined) {
        change.run(1, row.id)
        return { id: row.id, isNew: false, pointers: row.pointers }
      }
      const { bytes, pointers } = make()
      const { lastInsertRowid } = insert.run(repo, cid, bytes, pointers)
      return { id: Number(lastInsertRowid), isNew: true, pointers }
    },
    release(id) {
      const { uses, cid, pointers } = select.get(id) as Row
      if (uses > 1) change.run(-1, id)
      else remove.run(id)
      return { cid, pointers }
    },
  }
}
