// What is not wanted any more goes in slices, between the transactions of others. Where it stands is durable: after a kill it goes on there.

import type { Consumer } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { RecordWriter } from '../index/records.ts'
import type { RepoReader } from '../queries/repos.ts'
import type { Wanted } from './wanted.ts'

/** What is still to be removed. */
export type Removal = { readonly kind: 'repo' | 'collections'; readonly name: string }

/** Records removed in one transaction, and records looked at for that. */
const SLICE = 200
const LOOKED_AT = 2000
/** Repos looked at in one turn, whether anything of them is left. */
const REPOS = 200
/** The position behind the last record. */
const END = -1

/** What removing needs. */
export type RemovalOptions = {
  readonly db: Database
  readonly records: Pick<RecordWriter, 'purge' | 'purgeUnwanted'>
  readonly repos: Pick<RepoReader, 'get'>
  readonly wanted: Wanted
  readonly consumer: Pick<Consumer, 'forget'>
}

/** Removes. */
export type Removals = {
  /** Removes until nothing is left to remove, `signal`, or the consumer stops. */
  run(signal: AbortSignal): Promise<void>
  /** How many repos, and whether records of collections, are still to be removed. */
  waiting(): { readonly repos: number; readonly collections: boolean }
}

/** Makes the functions that remove. */
export function createRemovals(options: RemovalOptions): Removals {
  const { db, records, wanted } = options

  const next = (): Removal | undefined =>
    db.prepare('SELECT kind, name FROM removals ORDER BY kind DESC, name LIMIT 1').get() as
      | Removal
      | undefined

  const isDue = (kind: Removal['kind'], name: string): boolean =>
    db.prepare('SELECT 1 FROM removals WHERE kind = ? AND name = ?').get(kind, name) !== undefined

  const finish = (kind: Removal['kind'], name: string): void => {
    db.prepare('DELETE FROM removals WHERE kind = ? AND name = ?').run(kind, name)
  }

  const removed = (count: number): void => {
    if (count > 0) db.prepare('UPDATE totals SET records = records - ?').run(count)
  }

  /** @returns whether more is left */
  const sliceOfRepo = (did: string): boolean => {
    // It may be wanted again by now.
    if (!isDue('repo', did)) return false
    const count = records.purge(did, SLICE)
    removed(count)
    if (count === SLICE) return true
    db.prepare('DELETE FROM purges WHERE did = ?').run(did)
    db.prepare('DELETE FROM accounts WHERE did = ?').run(did)
    finish('repo', did)
    return false
  }

  /** @returns whether more is left */
  const sliceOfCollections = (): boolean => {
    const row = db.prepare("SELECT position FROM removals WHERE kind = 'collections'").get()
    const from = (row?.['position'] as number | undefined) ?? END
    if (from === END) return false
    const { count, position } = records.purgeUnwanted(wanted.isWanted, from, SLICE, LOOKED_AT)
    removed(count)
    db.prepare("UPDATE removals SET position = ? WHERE kind = 'collections'").run(position ?? END)
    return position !== null
  }

  const hasRecords = (did: string): boolean =>
    db
      .prepare('SELECT 1 FROM records WHERE repo = (SELECT id FROM names WHERE name = ?) LIMIT 1')
      .get(did) !== undefined

  /** A repo that has nothing of what is wanted now, and was read: it need not be followed. */
  const isIdle = (did: string): boolean => {
    if (wanted.isNamed(did) || hasRecords(did)) return false
    const repo = options.repos.get(did)
    return repo !== null && repo.rev !== null && READ.has(repo.status)
  }

  const letGoOf = async (did: string): Promise<void> => {
    if (!isIdle(did)) return
    const isGone = await options.consumer.forget(did as Did, () => isIdle(did))
    const isBack = (): boolean => options.repos.get(did) !== null
    if (!isGone) return
    await db.write(() => {
      if (!isBack()) db.prepare('DELETE FROM accounts WHERE did = ?').run(did)
    })
  }

  /** Who has what is wanted is found again by its next record, or by a list; others cost rows for nothing. */
  const letGo = async (signal: AbortSignal): Promise<void> => {
    for (let after = ''; !signal.aborted;) {
      const page = db.prepare('SELECT did FROM repos WHERE did > ? ORDER BY did LIMIT ?').all(after, REPOS)
      await Promise.all(page.map((row) => letGoOf(row['did'] as string)))
      if (page.length < REPOS) return
      after = page.at(-1)!['did'] as string
    }
  }

  const removeCollections = async (signal: AbortSignal): Promise<void> => {
    while (await db.write(sliceOfCollections)) if (signal.aborted) return
    // Whoever is followed for another reason than its records stays.
    if (!wanted.everything && wanted.signal === null) await letGo(signal)
    if (signal.aborted) return
    // More may have become unwanted meanwhile: then it begins anew.
    await db.write(() => {
      db.prepare("DELETE FROM removals WHERE kind = 'collections' AND position = ?").run(END)
    })
  }

  const removeRepo = async (did: string, signal: AbortSignal): Promise<void> => {
    // Should the process have ended before it was forgotten.
    await options.consumer.forget(did as Did, () => wanted.isRemoved(did))
    while (await db.write(() => sliceOfRepo(did))) if (signal.aborted) return
  }

  const run = async (signal: AbortSignal): Promise<void> => {
    for (let removal = next(); removal !== undefined && !signal.aborted; removal = next()) {
      if (removal.kind === 'repo') await removeRepo(removal.name, signal)
      else await removeCollections(signal)
    }
  }

  return {
    run: (signal) =>
      run(signal).catch((error: unknown) => {
        // The consumer stops: the rest is removed at the next start.
        if (!(error instanceof DOMException)) throw error
      }),
    waiting() {
      const rows = db.prepare('SELECT kind, count(*) AS n FROM removals GROUP BY kind').all()
      const of = (kind: string): number => Number(rows.find((row) => row['kind'] === kind)?.['n'] ?? 0)
      return { repos: of('repo'), collections: of('collections') > 0 }
    },
  }
}

/** Statuses of a repo that was read and is not waiting for that. */
const READ: ReadonlySet<string> = new Set(['synchronized', 'unconfirmed', 'suspect'])
