import type { Awaitable } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { PdsConfig } from '../config/config.ts'
import { PdsError } from '../errors.ts'
import type { QuotaRow, QuotaRows } from '../stores/rows.ts'

/** What one account may have, or has. A bound of 0 is none. */
export interface Holdings {
  /** Bytes of its blobs, those that no record refers to included. */
  readonly blobBytes: number
  readonly records: number
}

/** Bounds on what one account may take of this server. */
export interface Quotas {
  /** The bounds that hold for an account. */
  of(did: Did): Awaitable<Holdings>
  used(did: Did): Promise<Holdings>
  /** Bytes that the blobs of an account may have together; `Infinity` without a bound. */
  maxBlobBytes(did: Did): Promise<number>
  /** Before a commit on `rev` that adds so many records (or removes them). @throws PdsError `quota-exceeded` */
  check(did: Did, rev: string, added: number): Promise<void>
  /** After that commit, which made `rev` of `before`. */
  note(did: Did, before: string, rev: string, added: number): void
  /** While an import brings records. @throws PdsError `quota-exceeded` */
  checkImport(did: Did, records: number): Promise<void>
}

/** Who knows what there is. */
interface Holders {
  readonly blobs: { bytes(did: Did): Awaitable<number> }
  readonly records: { count(did: Did): Promise<number> }
}

const REMEMBERED = 2000

/** Quotas over their rows; `config` holds for accounts without bounds of their own. */
export function createQuotas(
  rows: QuotaRows,
  config: Pick<PdsConfig, 'accountBlobQuota' | 'accountRecordQuota'>,
  server: Holders,
): Quotas {
  // Counting records reads them all: the count of the last commit is remembered, and good for that revision alone.
  const counts = new Map<Did, { rev: string; count: number }>()

  const boundsOf = (row: QuotaRow | null): Holdings => ({
    blobBytes: row?.blobBytes ?? config.accountBlobQuota,
    records: row?.records ?? config.accountRecordQuota,
  })
  const of: Quotas['of'] = (did) => {
    const row = rows.get(did)
    // At hand on SQLite: a write does not wait for it.
    return row instanceof Promise ? row.then(boundsOf) : boundsOf(row)
  }
  const tooManyRecords = (max: number): PdsError =>
    new PdsError('quota-exceeded', `The account has no room for more records; max=${max}`)

  return {
    of,
    used: async (did) => ({
      blobBytes: await server.blobs.bytes(did),
      records: await server.records.count(did),
    }),
    maxBlobBytes: async (did) => {
      const max = (await of(did)).blobBytes
      return max === 0 ? Infinity : max
    },
    check: async (did, rev, added) => {
      if (added <= 0) return
      const bounds = of(did)
      const max = (bounds instanceof Promise ? await bounds : bounds).records
      if (max === 0) return
      let known = counts.get(did)
      if (known?.rev !== rev) {
        known = { rev, count: await server.records.count(did) }
        if (counts.size >= REMEMBERED) counts.delete(counts.keys().next().value!)
        counts.set(did, known)
      }
      if (known.count + added > max) throw tooManyRecords(max)
    },
    note: (did, before, rev, added) => {
      const known = counts.get(did)
      if (known?.rev === before) counts.set(did, { rev, count: known.count + added })
    },
    checkImport: async (did, records) => {
      const max = (await of(did)).records
      if (max > 0 && records > max) throw tooManyRecords(max)
    },
  }
}
