// Whether what the consumer says, and what the app holds, is the truth.

import type { Did } from '@avocet/syntax'
import { type Consumer, newRepo, type RepoState } from '../src/index.ts'
import type { Size } from './actions.ts'
import { type App, type Row, sameRecords } from './app.ts'
import type { Account, Network } from './network.ts'
import type { Content } from './records.ts'
import { wantedBy } from './process.ts'

/** What is not as it is said to be. */
export type Difference = {
  readonly when: 'at-rest' | 'in-the-end'
  readonly did: Did | null
  readonly what: string
}

/** What is compared. */
export type Comparison = {
  readonly when: Difference['when']
  readonly app: App
  readonly network: Network
  readonly consumer: Consumer
  readonly size: Size
  readonly filter: number
  /** Repos of which an event was withheld, so that nobody can know. */
  readonly withheld: ReadonlySet<Did>
}

/**
 * At rest, who is said to be whole is compared; in the end all are, and all must be said to be whole. Without backfill nothing
 * is promised for the end, but what is said has to be true all the same.
 */
export function compare(comparison: Comparison): Difference | null {
  for (const account of comparison.network.accounts) {
    const what = differenceOf(account, comparison)
    if (what === null) continue
    const repo = repoOf(account, comparison)
    const about = `status=${repo.status} reason=${repo.reason} upstream=${repo.upstreamStatus} rev=${repo.rev} truth=${account.rev} account=${account.status}`
    return { when: comparison.when, did: account.did, what: `${what}; ${about}` }
  }
  return null
}

const repoOf = ({ did }: Account, { app }: Comparison): RepoState => app.state.repos.get(did) ?? newRepo(did)

function differenceOf(account: Account, comparison: Comparison): string | null {
  const { app, withheld, when, size } = comparison
  const { did } = account
  const handle = app.handles.get(did)
  if (handle === null) return 'the handle is lost, though it never ceased to be valid'
  if (handle !== undefined && !account.handles.includes(handle)) return `the handle is ${handle}`
  const all = when === 'in-the-end' && size.backfill
  const repo = repoOf(account, comparison)
  const whole = isSaidWhole(repo, comparison.consumer)
  if (!all && (!app.state.repos.has(did) || !whole || withheld.has(did))) return null
  const status = app.statuses.get(did) ?? 'active'
  // Nobody told of it who can be believed, nothing of it was ever seen, and nothing is there to be seen: who never wrote is in no list.
  const isNowhere = account.status !== 'active' || account.rev === null
  // Who asked for such a repo by hand was told that there is none.
  const isUnseen =
    repo.reason === 'unseen' || (repo.status === 'terminal' && repo.reason === 'repo-not-found')
  const isUnknown = isUnseen && repo.rev === null && isNowhere
  if (!isUnknown && (status === 'active') !== (account.status === 'active'))
    return `app has the account ${status}`
  const rows: ReadonlyMap<string, Row> = app.rows.get(did) ?? new Map()
  if (account.status !== 'active') {
    return account.status === 'deleted' && rows.size > 0 ? 'rows of a deleted account' : null
  }
  const truth = wantedOf(account, comparison.filter)
  if (!sameRecords(rows, truth)) return `${rows.size} rows, ${truth.size} in truth`
  return all && account.rev !== null && !whole ? 'equal, but not said so' : null
}

function isSaidWhole(repo: RepoState, consumer: Consumer): boolean {
  const gap = consumer.gapAt(repo.lastSource)
  return (
    repo.status === 'synchronized' &&
    repo.flags.length === 0 &&
    (gap === null || (repo.confirmedAt ?? 0) > gap)
  )
}

function wantedOf({ records }: Account, filter: number): Map<string, Content> {
  const wanted = wantedBy(filter)
  return new Map([...records].filter(([path]) => wanted(path.split('/')[0]!)))
}
