// Finding the repos that have what is wanted: hosts are asked for them by collection, at the start, every few hours, when a source lost
// events, and when something new is wanted. Of a PDS that has no such list each account is asked what collections it has.

import { type Consumer, type HostFetch, ResyncError } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import {
  askJson,
  createListByCollection,
  createListRepos,
  discover,
  isUnsupported,
  type ListedRepo,
  type ListRepos,
  sleep,
  Unsupported,
} from './discover.ts'
import { HEAD_START_MS, isMostlyRefused, type ListedHost, orStopped, RELIST_MS } from './discovery.ts'
import { createFilter } from './collections.ts'
import type { Wanted } from './wanted.ts'

/** How far a host was asked for the repos that have a collection. */
export type FindingStatus = {
  readonly host: string
  /** An exact name; several are asked for at once where each account is asked. */
  readonly collections: readonly string[]
  /** `list`: the host lists repos by collection. `accounts`: each account of it is asked for what it has. */
  readonly by: 'list' | 'accounts'
  /**
   * `reading`; `read` to its end; `unsupported`: the host has no such list, so others have to know, or repos be named; `failing`: it is
   * tried again.
   */
  readonly state: 'reading' | 'read' | 'unsupported' | 'failing'
  /** DIDs that it named since it was last begun. */
  readonly named: number
  /** When it was last read to its end, ms since the epoch. */
  readonly readAt: number | null
}

/** A running search. */
export type Finding = { status(): FindingStatus[]; stop(): Promise<void> }

/** What finding needs. */
export type FindingOptions = {
  readonly db: Database
  readonly hosts: readonly ListedHost[]
  readonly wanted: Wanted
  /** Repos to read whatever the hosts list. */
  readonly dids: readonly Did[]
  /** Names of records that are known, for namespaces: no host lists those. */
  readonly known: () => readonly string[]
  /** Guarded against addresses inside the network, redirects included. */
  readonly fetch: HostFetch
  readonly isFollowed: (did: string) => boolean
  readonly consumer: Pick<Consumer, 'requestResync' | 'reportListed' | 'confirmRest' | 'gapAt'>
  readonly onTrouble: (message: string) => void
  readonly now: () => number
  readonly headStartMs?: number
}

/** How often is looked whether something is to be asked again. */
const LOOK_MS = 500
/** Entries of a list looked at side by side, and accounts asked. */
const SIDE_BY_SIDE = 16
const ASKED_AT_ONCE = 4
/** Longest wait for a host that has no time for a question, ms. */
const MAX_BUSY_MS = 60_000
const MAX_COLLECTIONS = 10_000
/** Failures in a row after which a list makes room for the others of its host, and how long it does, ms. */
const TRIES = 3
const AGAIN_MS = 5 * 60_000

/** One thing to ask a host for. */
type Search = { readonly by: FindingStatus['by']; readonly collections: readonly string[] }

/** Starts to ask all hosts, each at its own pace. */
export function startFinding(options: FindingOptions): Finding {
  const { db, wanted, consumer, onTrouble, now } = options
  const stopped = new AbortController()
  const { signal } = stopped
  const listBy = createListByCollection(options.fetch)
  const listRepos = createListRepos(options.fetch)
  const statuses = new Map<string, { -readonly [K in keyof FindingStatus]: FindingStatus[K] }>()

  const report = ({ did, rev }: ListedRepo, host: ListedHost, at: number): Promise<boolean> => {
    if (wanted.isRemoved(did) || options.isFollowed(did)) return Promise.resolve(true)
    const { source, own } = host
    return consumer.reportListed({ did: did as Did, rev, status: 'active', own, source, at, follow: true })
  }

  /** What an account has, by its host; null: that it does not say. Waits while the host has no time. */
  const describe = async (host: string, did: string): Promise<readonly string[] | null> => {
    const url = `${host}/xrpc/com.atproto.repo.describeRepo?${new URLSearchParams({ repo: did }).toString()}`
    let isAnswered = false
    const asking: HostFetch = async (...request) => {
      const response = await options.fetch(...request)
      if (await isUnsupported(response)) throw new Unsupported(`host=${host} status=${response.status}`)
      isAnswered = true
      return response
    }
    for (;;) {
      try {
        const { collections } = (await askJson(asking, url, host, signal)) as { collections?: unknown }
        if (!Array.isArray(collections)) throw new Error(`host=${host} answer has no collections`)
        return collections.slice(0, MAX_COLLECTIONS).filter((name) => typeof name === 'string')
      } catch (error) {
        // One account that a host cannot describe holds up no others.
        if (isAnswered) return null
        if (!(error instanceof ResyncError) || error.code !== 'host-busy' || signal.aborted) throw error
        await sleep(Math.min(error.retryAfterMs ?? 1000, MAX_BUSY_MS), signal)
      }
    }
  }

  /** The accounts of a page that have something of it. */
  const having = async (
    host: ListedHost,
    repos: readonly ListedRepo[],
    isMeant: (collection: string) => boolean,
  ): Promise<ListedRepo[]> => {
    const found: ListedRepo[] = []
    const asked = repos.filter(({ did }) => !options.isFollowed(did) && !wanted.isRemoved(did))
    for (let i = 0; i < asked.length; i += ASKED_AT_ONCE) {
      const some = asked.slice(i, i + ASKED_AT_ONCE)
      const has = await Promise.all(
        some.map(async ({ did }) => (await describe(host.url, did))?.some(isMeant)),
      )
      found.push(...some.filter((_, at) => has[at] === true))
    }
    return found
  }

  const read = async (host: ListedHost, search: Search): Promise<FindingStatus['state']> => {
    const key = `${host.url} ${search.by} ${search.collections.join(',')}`
    const status = statuses.get(key) ?? {
      host: host.url,
      ...search,
      state: 'reading',
      named: 0,
      readAt: null,
    }
    statuses.set(key, Object.assign(status, { state: 'reading', named: 0 }))
    let refused = 0
    const list: ListRepos = search.by === 'list' ? listBy(search.collections[0]!) : listRepos
    const isMeant = createFilter(search.collections)
    const onPage = async (repos: readonly ListedRepo[], at: number): Promise<boolean> => {
      const found = search.by === 'list' ? repos : await having(host, repos, isMeant)
      status.state = 'reading'
      status.named += found.length
      for (let i = 0; i < found.length; i += SIDE_BY_SIDE) {
        const some = found.slice(i, i + SIDE_BY_SIDE)
        const known = await orStopped(Promise.all(some.map((repo) => report(repo, host, at))), signal)
        refused += known.filter((isKnown) => !isKnown).length
      }
      if (!isMostlyRefused(refused, status.named)) return true
      onTrouble(
        `${host.url} names accounts that nobody has: ${refused} of ${status.named} for ${search.collections.join(', ')}; the list was left`,
      )
      return false
    }
    const onFailing = (message: string): void => {
      status.state = 'failing'
      onTrouble(message)
    }
    try {
      const about = { db, host: host.url, key, listRepos: list, now, signal, tries: TRIES }
      const isRead = await discover({ ...about, onPage, onTrouble: onFailing })
      if (isRead) Object.assign(status, { state: 'read', readAt: now() })
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error
      status.state = 'unsupported'
    }
    return status.state
  }

  /** Hosts that were found not to list by collection, though they host accounts: those are asked. */
  const lacking = new Set<string>()

  const searchesOf = (host: ListedHost): Search[] => {
    const patterns = wanted.discovered() ?? []
    const isWhole = host.own && (lacking.has(host.url) || patterns.some((pattern) => pattern.endsWith('.*')))
    if (isWhole) return patterns.length === 0 ? [] : [{ by: 'accounts', collections: patterns.toSorted() }]
    const isMeant = createFilter(patterns)
    const exact = patterns.filter((pattern) => !pattern.endsWith('.*'))
    const names = new Set([...exact, ...options.known().filter(isMeant)])
    return [...names].map((name) => ({ by: 'list', collections: [name] }))
  }

  const nameOf = ({ by, collections }: Search): string => `${by} ${collections.join(',')}`

  const follow = async (host: ListedHost): Promise<void> => {
    /** When each was last begun. */
    const begun = new Map<string, number>()
    /** When those that failed are begun again. */
    const failed = new Map<string, number>()
    while (!signal.aborted) {
      const gap = (host.own ? consumer.gapAt(host.source) : consumer.gapAt(null)) ?? -Infinity
      const isDue = (search: Search): boolean => {
        const name = nameOf(search)
        const again = failed.get(name)
        if (again !== undefined) return now() >= again
        const at = begun.get(name) ?? -Infinity
        return now() - at >= RELIST_MS || gap >= at
      }
      const due = searchesOf(host).find(isDue)
      if (due === undefined) {
        await sleep(LOOK_MS, signal)
        continue
      }
      const name = nameOf(due)
      const hadFailed = failed.delete(name)
      begun.set(name, now())
      const state = await read(host, due)
      if (signal.aborted) return
      if (state === 'failing') failed.set(name, now() + AGAIN_MS)
      if (state === 'unsupported') tellUnsupported(host, due)
      // Whoever is followed and is not confirmed since a gap is asked for one by one; not each time that one list fails again.
      else if (!(hadFailed && state === 'failing') && !searchesOf(host).some(isDue))
        await orStopped(consumer.confirmRest(), signal)
    }
  }

  const told = new Set<string>()
  const tellUnsupported = (host: ListedHost, { by }: Search): void => {
    if (by === 'list' && host.own) {
      lacking.add(host.url)
      for (const [key, { host: url, by: how }] of statuses)
        if (url === host.url && how === 'list') statuses.delete(key)
    }
    if (told.has(`${host.url} ${by}`)) return
    told.add(`${host.url} ${by}`)
    const next =
      by === 'list' && host.own
        ? 'each of its accounts is asked what it has'
        : 'name a host that does (--directory), or repos (--repos); what is written from now on is found in the stream'
    onTrouble(`${host.url} does not list repos by collection: ${next}`)
  }

  const run = async (): Promise<void> => {
    await sleep(options.headStartMs ?? HEAD_START_MS, signal)
    if (signal.aborted) return
    await orStopped(Promise.all(options.dids.map((did) => consumer.requestResync(did, 'discovered'))), signal)
    await Promise.all(options.hosts.map(follow))
  }
  const running = run().catch((error: unknown) => {
    if (!signal.aborted) onTrouble(`discovery stopped: ${String(error)}`)
  })
  return {
    status: () => [...statuses.values()].map((status) => ({ ...status })),
    async stop() {
      stopped.abort()
      await running
    },
  }
}
