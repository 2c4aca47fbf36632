// Finding repos while the stream runs: what hosts list and what the configuration names is asked for; what the stream shows is
// found by the firehose itself.

import type { Consumer } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { RepoReader } from '../queries/repos.ts'
import { type ListRepos, type ListedRepo, discover, sleep } from './discover.ts'

/** The stream goes first: a repo whose events are all there needs no export. */
const HEAD_START_MS = 2000

/** How long the stream has to bring a repo up to date that a host lists as newer. */
const CATCH_UP_MS = 30_000
const MAX_BEHIND = 100_000

/** A running discovery. */
export type Discovery = { stop(): Promise<void> }

/** Starts reading the lists of all hosts, each at its own pace. */
export function startDiscovery(options: {
  readonly db: Database
  /** Origins (http or https) to ask for their lists. */
  readonly hosts: readonly string[]
  /** Repos to index whatever the hosts list. */
  readonly dids: readonly Did[]
  readonly listRepos: ListRepos
  readonly repos: RepoReader
  readonly consumer: Pick<Consumer, 'requestResync'>
  readonly onTrouble: (message: string) => void
  readonly now: () => number
}): Discovery {
  const { db, repos, consumer, listRepos, onTrouble, now } = options
  const stopped = new AbortController()
  const { signal } = stopped

  // Repos that a host has newer than the index. Most of them are only a moment behind.
  const behind = new Map<string, string>()

  const ask = async (listed: readonly ListedRepo[]): Promise<void> => {
    const unknown: ListedRepo[] = []
    for (const repo of listed) {
      if (!repo.active) continue
      const known = repos.get(repo.did)
      if (known === null) unknown.push(repo)
      else if (known.status === 'synchronized' && repo.rev !== null && repo.rev > (known.rev ?? '')) {
        if (behind.size < MAX_BEHIND) behind.set(repo.did, repo.rev)
      }
    }
    await Promise.all(unknown.map(({ did }) => consumer.requestResync(did as Did, 'discovered')))
  }

  /** Those that the stream has not brought up to date by now missed something: a cursor that was too old, a lost event. */
  const catchUp = async (): Promise<void> => {
    if (behind.size === 0) return
    await sleep(CATCH_UP_MS, signal)
    for (const [did, rev] of behind) {
      if (signal.aborted) return
      if ((repos.get(did)?.rev ?? '') < rev) await consumer.requestResync(did as Did, 'behind')
    }
    behind.clear()
  }

  const run = async (): Promise<void> => {
    await sleep(HEAD_START_MS, signal)
    if (signal.aborted) return
    await ask(options.dids.map((did) => ({ did, rev: null, active: true, status: null })))
    await Promise.all(
      options.hosts.map((host) => discover({ db, host, listRepos, onPage: ask, onTrouble, now, signal })),
    )
    await catchUp()
  }
  const running = run().catch((error: unknown) => {
    if (!signal.aborted) onTrouble(`discovery stopped: ${String(error)}`)
  })
  return {
    async stop() {
      stopped.abort()
      await running
    },
  }
}
