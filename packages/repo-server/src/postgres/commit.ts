import type { Queryable } from '@avocet/postgres'
import type { RepoStatus } from '@avocet/repo'

import type { CommitChange, Outcome } from '../change.ts'
import { refuseStatus } from '../refusals.ts'
import type { Tables } from './tables.ts'

const PLACES = Array.from({ length: 31 }, (_, i) => `$${i + 1}`).join(', ')
const COMMIT = `SELECT outcome, repo_id, seqs, orphans FROM repo_server_commit_1(${PLACES})`

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
  const { did, commit, records, onlyWhile, status } = change
  const put = records.filter(({ cid }) => cid !== null)
  const old = records.filter(({ replaces }) => replaces)
  const links = put.flatMap(({ links: targets, ...path }) => targets.map((item) => ({ ...path, item })))
  const references = put.flatMap(({ blobs, ...path }) => blobs.map((item) => ({ ...path, item })))
  const events = change.events.map((event) => tables.log.prepare(event))
  const [row] = await target.query(COMMIT, [
    ...tables.repos.commitValues(commit, { onlyWhile, status }),
    ...columns(put),
    put.map(({ cid }) => cid),
    ...columns(old),
    old.map(({ cid }) => cid === null),
    ...columns(links),
    links.map(({ item }) => item),
    ...columns(references),
    references.map(({ item }) => item),
    events.map((event) => event.did),
    events.map(({ time }) => time),
    events.map(({ at }) => at),
    events.map(({ frame }) => frame.length),
    Buffer.concat(events.map(({ frame }) => frame)),
    ticket,
  ])
  const done = row!['outcome'] as 'applied' | 'stale' | RepoStatus
  if (done === 'stale') return { outcome: { status: 'stale' }, done: () => {} }
  if (done !== 'applied') return { outcome: refuseStatus(done, did, onlyWhile)!, done: () => {} }
  const seqs = (row!['seqs'] as string[]).map(Number)
  return {
    outcome: { status: 'applied', seqs, orphans: row!['orphans'] as string[] },
    done: () => {
      tables.repos.remember(commit, row!['repo_id'] as string)
      if (seqs.length > 0) tables.log.appended()
      tables.tell(change.events, seqs)
    },
  }
}

const columns = (rows: readonly { collection: string; rkey: string }[]): [string[], string[]] => [
  rows.map(({ collection }) => collection),
  rows.map(({ rkey }) => rkey),
]
