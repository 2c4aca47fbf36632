import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'

import type { PdsConfig } from '../config/config.ts'
import { PdsError } from '../errors.ts'

/** What one account may have, or has. A bound of 0 is none. */
export interface Holdings {
  /** Bytes of its blobs, those that no record refers to included. */
  readonly blobBytes: number
  readonly records: number
}

/** Bounds of single accounts as the operator set them; null stands for the setting of the server. */
export interface QuotaChange {
  readonly blobBytes?: number | null
  readonly records?: number | null
}

/** Bounds on what one account may take of this server. */
export interface Quotas {
  /** The bounds that hold for an account. */
  of(did: Did): Holdings
  used(did: Did): Promise<Holdings>
  /** In the transaction of the caller. */
  set(did: Did, change: QuotaChange): void
  /** Bytes that the blobs of an account may have together; `Infinity` without a bound. */
  maxBlobBytes(did: Did): number
  /** Before a commit on `rev` that adds so many records (or removes them). @throws PdsError `quota-exceeded` */
  check(did: Did, rev: string, added: number): Promise<void>
  /** After that commit, which made `rev` of `before`. */
  note(did: Did, before: string, rev: string, added: number): void
  /** While an import brings records. @throws PdsError `quota-exceeded` */
  checkImport(did: Did, records: number): void
}

/** Who knows what there is. */
interface Holders {
  readonly blobs: { bytes(did: Did): number }
  readonly records: { count(did: Did): Promise<number> }
}

const REMEMBERED = 2000

/** Quotas over the rows in `db`; `config` holds for accounts without bounds of their own. */
export function createQuotas(
  db: Database,
  config: Pick<PdsConfig, 'accountBlobQuota' | 'accountRecordQuota'>,
  server: Holders,
): Quotas {
  // Counting records reads them all: the count of the last commit is remembered, and good for that revision alone.
  const counts = new Map<Did, { rev: string; count: number }>()

  const of: Quotas['of'] = (did) => {
    const row = db.prepare('SELECT blob_bytes, records FROM account_quota WHERE did = ?').get(did)
    return {
      blobBytes: (row?.['blob_bytes'] as number | null | undefined) ?? config.accountBlobQuota,
      records: (row?.['records'] as number | null | undefined) ?? config.accountRecordQuota,
    }
  }
  const tooManyRecords = (max: number): PdsError =>
    new PdsError('quota-exceeded', `The account has no room for more records; max=${max}`)

  return {
    of,
    used: async (did) => ({ blobBytes: server.blobs.bytes(did), records: await server.records.count(did) }),
    set: (did, change) => {
      db.prepare('INSERT OR IGNORE INTO account_quota (did) VALUES (?)').run(did)
      const set = (column: 'blob_bytes' | 'records', value: number | null | undefined): void => {
        if (value === undefined) return
        db.prepare(`UPDATE account_quota SET ${column} = ? WHERE did = ?`).run(value, did)
      }
      set('blob_bytes', change.blobBytes)
      set('records', change.records)
    },
    maxBlobBytes: (did) => {
      const max = of(did).blobBytes
      return max === 0 ? Infinity : max
    },
    check: async (did, rev, added) => {
      const max = of(did).records
      if (max === 0 || added <= 0) return
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
    checkImport: (did, records) => {
      const max = of(did).records
      if (max > 0 && records > max) throw tooManyRecords(max)
    },
  }
}
