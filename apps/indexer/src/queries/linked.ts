// Joins: the records that one points to, and those that point to it.

import { parseAtUri } from '@avocet/syntax'
import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import { createTargetHash, TARGET_LENGTH } from '../index/pointers.ts'
import type { RecordReader, RecordRow } from './records.ts'

/** Records that point to another from one place. `more`: there are more than were counted. */
export type Linked = { readonly count: number; readonly more: boolean; readonly uris: readonly string[] }

/** Links that one answer may still read. */
export type LinkBudget = { left: number }

/** Links read in one answer, and for one count. */
const MAX_READ = 5000
const MAX_COUNTED = 1000

/** Questions about the neighbours of records. */
export type Joins = {
  /** The record behind a URI, if it is indexed here and its account is active. */
  behind(uri: string): RecordRow | null
  budget(): LinkBudget
  /**
   * Who points to a record.
   * @param source a collection, a colon, and a path in its records without the first dot
   * @param named how many to name
   */
  linked(uri: string, source: string, named: number, budget: LinkBudget): Linked
}

/** Joins on an open database. */
export function createJoins(db: Database, records: RecordReader): Joins {
  const names = createNames(db)
  const hash = createTargetHash(db)
  return {
    behind(uri) {
      const parsed = parseAtUri(uri)
      if (!parsed.ok) return null
      const { authority, collection, rkey } = parsed.value
      if (collection === undefined || rkey === undefined) return null
      const account = records.account(authority)
      return account === null || account.status !== null
        ? null
        : records.record(account.did, collection, rkey)
    },
    budget: () => ({ left: MAX_READ }),
    linked(uri, source, named, budget) {
      const colon = source.indexOf(':')
      const collection = names.find(source.slice(0, colon))
      const path = names.find(`.${source.slice(colon + 1)}`)
      if (collection === null || path === null) return { count: 0, more: false, uris: [] }
      const target = new Uint8Array(TARGET_LENGTH)
      hash(uri, target, 0)
      const limit = Math.min(MAX_COUNTED, budget.left)
      const rows = db
        .prepare(
          `SELECT dids.name AS did, accounts.status, records.rkey
           FROM (SELECT repo, record FROM links WHERE target = ? AND path = ? AND collection = ? LIMIT ?) AS found
           JOIN records ON records.id = found.record JOIN names AS dids ON dids.id = found.repo
           LEFT JOIN accounts ON accounts.did = dids.name`,
        )
        .all(target, path, collection, limit + 1) as { did: string; status: string | null; rkey: string }[]
      budget.left -= Math.min(rows.length, limit)
      const shown = rows.slice(0, limit).filter(({ status }) => status === null)
      const uris = shown
        .slice(0, named)
        .map(({ did, rkey }) => `at://${did}/${source.slice(0, colon)}/${rkey}`)
      return { count: shown.length, more: rows.length > limit, uris }
    },
  }
}
