// What audits found: kept for a month, and summed up.

import { cidFromBytes, type CID, formatCid, parseCid } from '@avocet/data'
import type { Database } from '@avocet/sqlite'
import { createNames } from '../database/names.ts'
import type { Difference } from './compare.ts'
import { upperBound } from './confidence.ts'

/** What came of one audit. `unknown`: it could not be compared. */
export type AuditResult = 'same' | 'different' | 'unknown'

/** One repo, compared. */
export type Audited = {
  /** ms since the epoch. */
  readonly at: number
  readonly did: string
  readonly result: AuditResult
  /** Why it could not be compared; null: it was. */
  readonly reason: string | null
  /** Records that were compared, and those of them that differed. */
  readonly records: number
  readonly different: number
  /** What was read for it. */
  readonly bytes: number
}

/** What the audits of the last month say. */
export type AuditSums = {
  /** When the oldest of them was, ms since the epoch; null: there is none. */
  readonly since: number | null
  /** Repos that were compared, those of them that differed, and those that could not be compared. */
  readonly repos: number
  readonly reposDifferent: number
  readonly reposUnknown: number
  readonly records: number
  readonly recordsDifferent: number
  /** Of all repos that are said to be complete, and that can be compared, at most this share is not, with this confidence. */
  readonly confidence: number
  readonly reposDifferentAtMost: number | null
  readonly last: { readonly at: number; readonly did: string; readonly result: AuditResult } | null
}

/** The table `audits`. */
export type AuditLog = {
  /** Keeps what came of one; of a difference there is a dead letter as well. Durable when it resolves. */
  add(audited: Audited, differences: readonly Difference[]): Promise<void>
  sums(): AuditSums
  /** What was read in the last day. */
  bytesToday(): number
}

const CONFIDENCE = 0.95
const MONTH_MS = 30 * 86_400_000
const DAY_MS = 86_400_000
/** Newer ones than the month has, at the most. */
const MAX_KEPT = 50_000
/** How often sums are made anew when nothing comes, ms. */
const STALE_MS = 60_000
/** Differences that a letter tells. */
const TOLD = 5
const AUDIT_REASON = 'audit-difference'

/** The log of an open database; `now` is ms since the epoch. */
export function createAuditLog(db: Database, now: () => number): AuditLog {
  const names = createNames(db)
  let known: { readonly sums: AuditSums; readonly at: number } | null = null

  /** A row whose bytes are not those of its CID is what its bytes are: then whoever compares CIDs sees that it is another. */
  const renameDamaged = (did: string, { path, found }: Difference): void => {
    const slash = path.indexOf('/')
    const [repo, collection] = [names.find(did), names.find(path.slice(0, slash))]
    if (repo === null || collection === null || found === null) return
    const row = db
      .prepare('SELECT id, cid, content FROM records WHERE repo = ? AND collection = ? AND rkey = ?')
      .get(repo, collection, path.slice(slash + 1)) as
      | { id: number; cid: Uint8Array; content: number | null }
      | undefined
    const actual: CID = parseCid(found)
    if (row === undefined || formatCid(cidFromBytes(row.cid)) === found) return
    db.prepare('UPDATE records SET cid = ? WHERE id = ?').run(actual.bytes, row.id)
    if (row.content !== null)
      db.prepare('UPDATE contents SET cid = ? WHERE id = ?').run(actual.bytes, row.content)
  }

  const report = ({ at, did, different }: Audited, differences: readonly Difference[]): void => {
    const told = differences.slice(0, TOLD).map(({ kind, path }) => `${kind} ${path.slice(0, 300)}`)
    db.prepare(
      `INSERT INTO failures (reason, count, last_at) VALUES (?, 1, ?)
       ON CONFLICT (reason) DO UPDATE SET count = count + 1, last_at = excluded.last_at`,
    ).run(AUDIT_REASON, at)
    db.prepare(
      'INSERT INTO dead_letters (at, did, source, source_seq, reason, message) VALUES (?, ?, ?, NULL, ?, ?)',
    ).run(
      at,
      did,
      'audit',
      AUDIT_REASON,
      `the index differs from the repo; records=${different}: ${told.join(', ')}`,
    )
  }

  const readSums = (): AuditSums => {
    const row = db
      .prepare(
        `SELECT min(at) AS since, sum(result <> 'unknown') AS repos, sum(result = 'different') AS reposDifferent,
          sum(result = 'unknown') AS reposUnknown, sum(records) AS records, sum(different) AS recordsDifferent
         FROM audits WHERE at >= ?`,
      )
      .get(now() - MONTH_MS) as Record<string, number | null>
    const [repos, reposDifferent] = [row['repos'] ?? 0, row['reposDifferent'] ?? 0]
    const last = db.prepare('SELECT at, did, result FROM audits ORDER BY id DESC LIMIT 1').get()
    return {
      since: row['since'] ?? null,
      repos,
      reposDifferent,
      reposUnknown: row['reposUnknown'] ?? 0,
      records: row['records'] ?? 0,
      recordsDifferent: row['recordsDifferent'] ?? 0,
      confidence: CONFIDENCE,
      reposDifferentAtMost: repos === 0 ? null : upperBound(repos, reposDifferent, CONFIDENCE),
      last: (last as AuditSums['last'] | undefined) ?? null,
    }
  }

  return {
    async add(audited, differences) {
      const { at, did, result, reason, records, different, bytes } = audited
      await db.write(() => {
        const { lastInsertRowid } = db
          .prepare(
            'INSERT INTO audits (at, did, result, reason, records, different, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)',
          )
          .run(at, did, result, reason, records, different, bytes)
        db.prepare('DELETE FROM audits WHERE id <= ? OR at < ?').run(
          Number(lastInsertRowid) - MAX_KEPT,
          at - MONTH_MS,
        )
        if (different === 0) return
        for (const difference of differences)
          if (difference.kind === 'damaged') renameDamaged(did, difference)
        report(audited, differences)
      })
      known = null
    },
    sums() {
      if (known === null || now() - known.at >= STALE_MS) known = { sums: readSums(), at: now() }
      return known.sums
    },
    bytesToday: () =>
      Number(db.prepare('SELECT sum(bytes) AS n FROM audits WHERE at >= ?').get(now() - DAY_MS)?.['n'] ?? 0),
  }
}
