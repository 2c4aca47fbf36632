// Finding repos while the stream runs, and comparing what is stored with what hosts list: at the start, every few hours, and whenever a
// source lost events. What the configuration names is asked for; what the stream shows is found by the firehose itself.

import type { Consumer } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { type ListRepos, type ListedRepo, discover, sleep } from './discover.ts'

/** The stream goes first: a repo whose events are all there needs no export. */
export const HEAD_START_MS: number = 2000
/** Between two readings of a list. */
export const RELIST_MS: number = 6 * 3_600_000
/** How often is looked whether a source lost events. */
const LOOK_MS = 1000
/** Entries of a list looked at side by side. */
const SIDE_BY_SIDE = 16
/** A list of so many accounts that nobody has, more than half of it, is not read on. */
const MAX_REFUSED = 500

/** Whose list is read: an origin (http or https), the source it belongs to, and whether it hosts its accounts itself. */
export type ListedHost = { readonly url: string; readonly source: string; readonly own: boolean }

/** Whether a list is about accounts that nobody has, for the most part. */
export const isMostlyRefused = (refused: number, entries: number): boolean =>
  refused > MAX_REFUSED && refused * 2 > entries

/** The network that the consumer waits for must not keep what asks it from stopping. @throws when `signal` aborts */
export function orStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** A running discovery. */
export type Discovery = { stop(): Promise<void> }

/** Starts reading the lists of all hosts, each at its own pace. */
export function startDiscovery(options: {
  readonly db: Database
  readonly hosts: readonly ListedHost[]
  /** Repos to index whatever the hosts list. */
  readonly dids: readonly Did[]
  readonly listRepos: ListRepos
  readonly consumer: Pick<Consumer, 'requestResync' | 'reportListed' | 'confirmRest' | 'gapAt'>
  readonly onTrouble: (message: string) => void
  readonly now: () => number
  readonly headStartMs?: number
}): Discovery {
  const { db, hosts, consumer, listRepos, onTrouble, now } = options
  const stopped = new AbortController()
  const { signal } = stopped

  const readList = async (host: ListedHost): Promise<void> => {
    let entries = 0
    let refused = 0
    const report = async ({ did, rev, active, status }: ListedRepo, at: number): Promise<void> => {
      const word = active ? 'active' : (status ?? 'inactive')
      const { source, own } = host
      entries++
      if (!(await consumer.reportListed({ did: did as Did, rev, status: word, own, source, at }))) refused++
    }
    const onPage = async (repos: readonly ListedRepo[], at: number): Promise<boolean> => {
      for (let i = 0; i < repos.length; i += SIDE_BY_SIDE) {
        const some = repos.slice(i, i + SIDE_BY_SIDE)
        await orStopped(Promise.all(some.map((repo) => report(repo, at))), signal)
      }
      if (!isMostlyRefused(refused, entries)) return true
      onTrouble(
        `the list of ${host.url} names accounts that nobody has: ${refused} of ${entries}; it was left`,
      )
      return false
    }
    await discover({ db, host: host.url, listRepos, onPage, onTrouble, now, signal })
  }

  /** Reads one list again and again: when its source lost events since, or after some hours. */
  const follow = async (host: ListedHost): Promise<void> => {
    while (!signal.aborted) {
      const began = now()
      await readList(host)
      if (signal.aborted) return
      // Who is in no list any more is asked for one by one.
      await orStopped(consumer.confirmRest(), signal)
      const isDue = (): boolean =>
        now() - began >= RELIST_MS || (consumer.gapAt(host.source) ?? -Infinity) >= began
      while (!signal.aborted && !isDue()) await sleep(LOOK_MS, signal)
    }
  }

  const run = async (): Promise<void> => {
    await sleep(options.headStartMs ?? HEAD_START_MS, signal)
    if (signal.aborted) return
    const asked = options.dids.map((did) => consumer.requestResync(did, 'discovered'))
    await orStopped(Promise.all(asked), signal)
    await Promise.all(hosts.map(follow))
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
