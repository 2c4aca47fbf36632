// What Tap's calls tell of repos, from the tables of the index.

import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { TapRepoInfo, TapStats } from '@avocet/tap'
import { createNames } from '../database/names.ts'
import { readTotals } from '../http/status.ts'
import type { Identities } from '../identity/identities.ts'
import type { RecordReader } from '../queries/records.ts'
import type { RepoReader, RepoRow } from '../queries/repos.ts'

/** Records of one repo that are counted for a call: the index knows each by itself only. */
const MAX_COUNTED = 1_000_000
/** Waiting frames that are counted. */
const MAX_FRAMES = 100_000

/** Answers about repos. */
export type TapFacts = {
  /**
   * Null before anything of it was read: clients refuse a repo without handle and rev. A handle that no event told, as of a repo that is
   * followed since it was named, is looked up.
   */
  info(did: Did, signal: AbortSignal): Promise<TapRepoInfo | null>
  stats(): Omit<TapStats, 'outboxBuffer'>
}

/** A reader on an open database. */
export function createTapFacts(
  db: Database,
  parts: {
    readonly records: RecordReader
    readonly repos: RepoReader
    readonly identities: Pick<Identities, 'describe'>
  },
): TapFacts {
  const names = createNames(db)
  return {
    async info(did, signal) {
      if ((parts.repos.get(did)?.rev ?? null) === null) return null
      const told = parts.records.account(did)?.handle ?? null
      const handle = told ?? (await parts.identities.describe(did, signal))?.handle ?? 'handle.invalid'
      // As it is now.
      const repo = parts.repos.get(did)
      if (repo === null || repo.rev === null) return null
      const { rev, attempts: retries, reason, status } = repo
      const id = names.find(did)
      const counted = db
        .prepare('SELECT count(*) AS n FROM (SELECT 1 FROM records WHERE repo = ? LIMIT ?)')
        .get(id ?? -1, MAX_COUNTED)
      return {
        did,
        handle,
        state: STATES[status],
        rev,
        error: status === 'terminal' || status === 'desynchronized' ? reason : null,
        retries,
        records: Number(counted?.['n']),
      }
    },
    stats() {
      const waiting = db
        .prepare('SELECT count(*) AS n FROM (SELECT 1 FROM queued_frames LIMIT ?)')
        .get(MAX_FRAMES)
      const source = db.prepare('SELECT max(seq) AS seq FROM cursors').get()
      const list = db
        .prepare('SELECT cursor FROM discovery WHERE cursor IS NOT NULL ORDER BY host LIMIT 1')
        .get()
      return {
        repoCount: parts.repos.counts().known,
        recordCount: readTotals(db).records,
        resyncBuffer: Number(waiting?.['n']),
        cursors: {
          firehose: (source?.['seq'] ?? null) as number | null,
          listRepos: (list?.['cursor'] ?? null) as string | null,
        },
      }
    },
  }
}

/** In Tap's words. */
const STATES: Readonly<Record<RepoRow['status'], TapRepoInfo['state']>> = {
  synchronized: 'active',
  unconfirmed: 'active',
  suspect: 'desynchronized',
  resyncing: 'resyncing',
  desynchronized: 'desynchronized',
  terminal: 'error',
}
