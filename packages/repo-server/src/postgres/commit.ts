import type { Queryable } from '@avocet/postgres'
import type { RepoStatus } from '@avocet/repo'
import type { PreparedEvent } from '@avocet/sequencer/postgres'

import type { CommitChange, Outcome } from '../change.ts'
import { refuseStatus } from '../refusals.ts'
import type { Tables } from './tables.ts'

const PLACES = Array.from({ length: 27 }, (_, i) => `$${i + 1}`).join(', ')
const COMMIT = `SELECT outcomes, repo_ids, seqs, orphan_of, orphans FROM repo_server_commit_2(${PLACES})`

/** What became of a commit; `done` is called once it is durable. */
export interface Committed {
  readonly outcome: Outcome
  readonly done: () => void
}

/** Makes a commit, its rows and its events in one statement; its claims were checked. @param ticket of a writer whose turn it is */
export async function commitTo(
  tables: Tables,
  target: Queryable,
  change: CommitChange,
  ticket: string | null = null,
): Promise<Committed> {
  const [committed] = await call(tables, target, [change], ticket)
  return committed!
}

/**
 * The same for several, each of another repository, none with claims. Each stands for itself; null where somebody is at work on the
 * repository: nothing of that one was written, and whoever brings it alone waits for its turn.
 */
export function commitAllTo(
  tables: Tables,
  target: Queryable,
  changes: readonly CommitChange[],
): Promise<(Committed | null)[]> {
  return call(tables, target, changes)
}

/** @param ticket null for who waits without one; absent for who does not wait */
async function call(
  tables: Tables,
  target: Queryable,
  changes: readonly CommitChange[],
  ticket?: string | null,
): Promise<(Committed | null)[]> {
  const rows = changes.flatMap((change, i) => rowsOf(change, i + 1))
  const eventOf: number[] = []
  const events: PreparedEvent[] = []
  const starts: number[] = []
  let end = 1
  for (const [i, change] of changes.entries()) {
    for (const event of change.events) {
      const prepared = tables.log.prepare(event)
      eventOf.push(i + 1)
      events.push(prepared)
      starts.push(end)
      end += prepared.frame.length
    }
  }
  const values = [
    ticket !== undefined,
    ticket ?? null,
    ...tables.repos.commitValues(changes),
    rows.map(({ of }) => of),
    rows.map(({ kind }) => kind),
    rows.map(({ collection }) => collection),
    rows.map(({ rkey }) => rkey),
    rows.map(({ value }) => value),
    eventOf,
    events.map(({ did }) => did),
    events[0]?.time ?? null,
    events.map(({ at }) => at),
    starts,
    events.map(({ frame }) => frame.length),
    Buffer.concat(events.map(({ frame }) => frame)),
  ]
  const [row] = await target.query(COMMIT, values, 'repo_server_commit_2')
  const outcomes = row!['outcomes'] as ('applied' | 'stale' | 'busy' | RepoStatus)[]
  const ids = row!['repo_ids'] as (string | null)[]
  const numbers = ((row!['seqs'] ?? []) as string[]).map(Number)
  const orphans = (row!['orphans'] ?? []) as string[]
  const orphanOf = (row!['orphan_of'] ?? []) as number[]
  let taken = 0
  return changes.map((change, i) => {
    const { did, commit, onlyWhile } = change
    const result = outcomes[i]!
    if (result === 'busy') return null
    if (result !== 'applied') {
      tables.repos.forget(did)
      const outcome: Outcome =
        result === 'stale' ? { status: 'stale' } : refuseStatus(result, did, onlyWhile)!
      return { outcome, done: () => {} }
    }
    const seqs = numbers.slice(taken, (taken += change.events.length))
    return {
      outcome: { status: 'applied', seqs, orphans: orphans.filter((_, n) => orphanOf[n] === i + 1) },
      done: () => {
        tables.repos.remember(commit, ids[i]!)
        if (seqs.length > 0) tables.log.appended()
        tables.tell(change.events, seqs)
      },
    }
  })
}

/** A row of the statement: what a commit does at one place. */
interface CommitRow {
  readonly of: number
  readonly kind: 'put' | 'old' | 'gone' | 'link' | 'blob'
  readonly collection: string
  readonly rkey: string
  readonly value: string | null
}

function rowsOf({ records }: CommitChange, of: number): CommitRow[] {
  const rows: CommitRow[] = []
  for (const { collection, rkey, cid, links, blobs, replaces } of records) {
    const add = (kind: CommitRow['kind'], value: string | null): void =>
      void rows.push({ of, kind, collection, rkey, value })
    if (replaces) add(cid === null ? 'gone' : 'old', null)
    if (cid === null) continue
    add('put', cid)
    for (const target of links) add('link', target)
    for (const blob of blobs) add('blob', blob)
  }
  return rows
}
