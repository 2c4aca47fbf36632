// What the index holds of a repo, in the order of the repo's own tree, so that both can be walked side by side.

import { type CID, cidFromBytes } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'

/** A stored record's place and version. */
export type StoredPath = { readonly path: string; readonly cid: CID }

const PAGE = 1000

/**
 * The stored records of a repo in the byte order of `collection/rkey`. That is not the order of (collection, rkey): `a.b/x` comes after
 * `a.b.c/x`, as `/` comes after `.`. Read in pages, so rows behind the walk may change meanwhile.
 */
export function* storedPaths(
  db: Database,
  did: string,
  collections: readonly string[],
): Generator<StoredPath, void, undefined> {
  const inTreeOrder = collections
    .map((collection) => `${collection}/`)
    .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const page = db.raw.prepare(
    'SELECT rkey, cid FROM records WHERE repo = ? AND collection = ? AND rkey > ? ORDER BY rkey LIMIT ?',
  )
  const names = createNames(db)
  const repo = names.find(did)
  for (const prefix of inTreeOrder) {
    const collection = names.find(prefix.slice(0, -1))
    for (let last = ''; ;) {
      const rows = page.all(repo, collection, last, PAGE) as { rkey: string; cid: Uint8Array }[]
      for (const { rkey, cid } of rows) yield { path: prefix + rkey, cid: cidFromBytes(cid) }
      if (rows.length < PAGE) break
      last = rows.at(-1)!.rkey
    }
  }
}
