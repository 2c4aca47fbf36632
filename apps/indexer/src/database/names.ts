// Names that many rows share, by their ids.

import type { Database } from '@avocet/sqlite'

/** The table `names`. */
export type Names = {
  /** The id of a name; null when there is none. */
  find(name: string): number | null
  /** The id of a name, made if there is none. Inside a transaction. */
  add(name: string): number
  /** Bytes on disk of the names that were made here, about. */
  readonly made: number
}

const CACHED = 50_000

/** The names of an open database. */
export function createNames(db: Database): Names {
  const select = db.raw.prepare('SELECT id FROM names WHERE name = ?')
  const insert = db.raw.prepare('INSERT INTO names (name) VALUES (?)')
  const ids = new Map<string, number>()
  let made = 0
  /** What was asked for last is asked for again: to compare a name costs less than to hash it. */
  let latest = { name: '', id: -1 }

  const remember = (name: string, id: number): void => {
    if (ids.size >= CACHED) ids.clear()
    ids.set(name, id)
  }
  const stored = (name: string): number | null => (select.get(name)?.['id'] as number | undefined) ?? null

  return {
    find(name) {
      // Not remembered here: the transaction that made it may still roll back.
      return ids.get(name) ?? stored(name)
    },
    add(name) {
      if (name === latest.name && latest.id >= 0) return latest.id
      const known = ids.get(name)
      if (known !== undefined) {
        latest = { name, id: known }
        return known
      }
      let id = stored(name)
      if (id === null) {
        id = Number(insert.run(name).lastInsertRowid)
        made += 2 * name.length + 16
      }
      const found = id
      db.afterCommit(() => remember(name, found))
      return found
    },
    get made() {
      return made
    },
  }
}
