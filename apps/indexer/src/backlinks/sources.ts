// From where a record or an account is pointed to: collections and places in their records, with how often.

import type { Database } from '@avocet/sqlite'
import { createLinkers } from './linkers.ts'

/** A collection and a place in its records (with its leading dot): how many links stand there, and of how many accounts. */
export type CountedSource = {
  readonly collection: string
  readonly path: string
  readonly links: number
  readonly dids: number
}

/** The sources that point to a subject, by the ids of their places: what came first is first. Each costs a lookup when it is asked for. */
export type LinkSources = (subject: string) => Generator<CountedSource, void, undefined>

/** Reads them from an open database. */
export function createLinkSources(db: Database): LinkSources {
  const linkers = createLinkers(db)
  const next = db.raw.prepare(
    'SELECT path, collection FROM links WHERE target = ? AND (path, collection) > (?, ?) ORDER BY path, collection LIMIT 1',
  )
  const nameOf = db.raw.prepare('SELECT name FROM names WHERE id = ?')
  return function* (subject) {
    const target = linkers.targetOf(subject)
    for (let last = { path: 0, collection: 0 }; ;) {
      const row = next.get(target, last.path, last.collection) as typeof last | undefined
      if (row === undefined) return
      last = row
      const { links, dids } = linkers.count({ target, ...row })
      const [path, collection] = [row.path, row.collection].map((id) => nameOf.get(id)!['name'] as string)
      yield { collection: collection!, path: path!, links, dids }
    }
  }
}
