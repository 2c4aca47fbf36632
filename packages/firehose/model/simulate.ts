// One interleaving: a consumer on a simulated network, a list of actions, and the question whether what it says is true.

import { cidEquals } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import {
  consume,
  type Consumer,
  type ConsumeOptions,
  type CopyHost,
  newRepo,
  readCopies,
  type RepoState,
  type ResolvedIdentity,
  ResyncError,
  type ResyncPart,
  type ResyncRequest,
  type Source,
  type VerifiedEvent,
  type VerifiedOp,
} from '../src/index.ts'
import { encodeFrame } from '@avocet/xrpc'
import type { Action, Size } from './actions.ts'
import { createApp, sameRecords } from './app.ts'
import { createClock } from './clock.ts'
import { type Account, COLLECTIONS, createNetwork, type Relay, type Snapshot } from './network.ts'
import { createRandom } from './random.ts'

/** What is not as it is said to be. */
export type Difference = {
  readonly when: 'at-rest' | 'in-the-end'
  readonly did: Did
  readonly what: string
}

/** Told of what happens, to understand a difference. `at`: ms since the beginning. */
export type Trace = (at: number, did: Did | null, what: string) => void

function describe(event: VerifiedEvent): string {
  if (event.kind === 'failure') return `failure ${event.reason}: ${event.message}`
  if (event.kind === 'commit' || event.kind === 'resync') {
    const ops = event.ops.map(({ action, path }) => `${action} ${path}`).join(', ')
    return `${event.kind} rev=${event.rev} ${ops}${event.kind === 'resync' && event.last ? ' last' : ''}`
  }
  if (event.kind === 'account') return `account ${event.status ?? 'active'}`
  return event.kind
}

/** Which collections are wanted, by number. */
const FILTERS: readonly (readonly string[] | undefined)[] = [undefined, [COLLECTIONS[0]], ['app.example.*']]
const START = Date.parse('2026-01-01T00:00:00Z')
const MINUTE = 60_000

/**
 * Plays the actions and lets everything come to rest. First what is said must be true: whoever is `synchronized` and not known in
 * part is equal to the truth. Then, after the lists were read, all must be equal and synchronized.
 */
export async function simulate(
  seed: number,
  size: Size,
  actions: readonly Action[],
  trace?: Trace,
): Promise<Difference | null> {
  const clock = createClock(START)
  const network = createNetwork(clock, size)
  const random = createRandom(seed)
  const app = createApp()
  let wanted = 0
  let process = start()
  // Of these an event was withheld since the last list: nobody can know.
  const withheld = new Set<Did>()
  let faults = 0

  function start(): { consumer: Consumer; kill(): void } {
    const { store, die } = app.open()
    const timers = clock.scope()
    const stop = new AbortController()
    const later = <T>(work: () => T, most = 1500): Promise<T> =>
      new Promise((resolve, reject) => {
        timers.after(1 + random.below(most), () => {
          try {
            resolve(work())
          } catch (error) {
            reject(error)
          }
        })
      })

    const resolveKey = (did: Did): Promise<ResolvedIdentity | null> =>
      later(() => {
        if (network.directory.until > clock.now()) {
          if (network.directory.mode === 'not-found') return null
          throw new Error('directory is down')
        }
        const { published, publishedHost } = network.byDid.get(did)!
        return { key: network.keyOf(did, published), pds: network.hosts[publishedHost]!.url, handle: null }
      })

    const own: CopyHost<Snapshot> = {
      own: true,
      open: ({ did, identity }) =>
        later(() => {
          const account = network.at(identity?.pds ?? null, did)
          if (account.status !== 'active') {
            throw new ResyncError(
              account.status === 'deleted' ? 'repo-not-found' : 'repo-deactivated',
              'gone',
            )
          }
          return network.snapshot(account) ?? fail('repo-not-found')
        }),
    }
    const mirror: CopyHost<Snapshot> = {
      own: false,
      open: ({ did }) =>
        later(() => {
          if (network.mirror.mode === 'html') throw new ResyncError('invalid-repo', 'HTML')
          return network.mirror.copies.get(did) ?? fail('repo-not-found')
        }),
    }
    const fail = (code: 'repo-not-found'): never => {
      throw new ResyncError(code, 'no such repo')
    }

    async function* read(did: Did, copy: Snapshot, least: string | null): AsyncGenerator<ResyncPart> {
      const { rev, data } = copy
      if (least !== null && rev < least) throw new ResyncError('rev-regression', 'old copy')
      const part = (ops: readonly VerifiedOp[], last: boolean): ResyncPart => ({
        rev,
        data,
        commit: data,
        ops,
        last,
      })
      let ops: VerifiedOp[] = []
      const paths = new Set([...copy.records.keys(), ...(app.rows.get(did)?.keys() ?? [])])
      for (const path of [...paths].toSorted()) {
        const [collection = '', rkey = ''] = path.split('/')
        const filter = FILTERS[wanted]
        const there = filter === undefined || filter.includes(collection) || filter[0]!.endsWith('*')
        const cid = there ? (copy.records.get(path) ?? null) : null
        const prev = app.rows.get(did)?.get(path) ?? null
        if (cid === null ? prev === null : prev !== null && cidEquals(prev, cid)) continue
        const action = cid === null ? 'delete' : prev === null ? 'create' : 'update'
        const bytes = cid && new Uint8Array(0)
        ops.push({ action, path, collection, rkey, cid, record: cid && {}, recordBytes: bytes, prev })
        yield part(ops, false)
        ops = []
        await later(() => {}, 800)
      }
      yield part(ops, true)
    }

    const collections = FILTERS[wanted]
    const options: ConsumeOptions<void> = {
      sources: network.relays.map((relay) => sourceOf(relay)),
      resolveKey: (did) => resolveKey(did),
      state: store,
      prover: network.prover,
      onEvent(event) {
        trace?.(clock.now() - START, 'did' in event ? event.did : null, `${event.seq} ${describe(event)}`)
        app.apply(event)
      },
      onIgnored: (event) =>
        trace?.(clock.now() - START, event.did, `ignored ${event.reason} seq=${event.seq}`),
      resync: (request: ResyncRequest) =>
        readCopies(request, size.mirror ? [mirror, own] : [own], (copy, least) =>
          read(request.did, copy, least),
        ),
      latestRev: ({ did, identity }) =>
        later(() => {
          try {
            const account = network.at(identity.pds, did)
            return account.status === 'active' ? account.rev : null
          } catch (error) {
            if (error instanceof ResyncError && error.code !== 'fetch-failed') return null
            throw error
          }
        }),
      hostStatus: ({ did, identity }) => later(() => network.at(identity.pds, did).status),
      resyncConcurrency: 2,
      checkConcurrency: 2,
      resyncPolicy: {
        intervalMs: 10_000,
        backoffMs: 5000,
        maxBackoffMs: 60_000,
        pollMs: 20_000,
        graceMs: 10_000,
      },
      identity: { refreshMs: 60_000, retryMs: [500, 2000] },
      ...(collections === undefined ? {} : { collections }),
      now: () => clock.now(),
      timers,
      random: () => random.below(1000) / 1000,
      signal: stop.signal,
    }
    const consumer = consume(options)
    consumer.done.catch(() => {
      faults++
    })
    return {
      consumer,
      kill() {
        die()
        timers.end()
        stop.abort()
      },
    }

    function sourceOf(relay: Relay): Source {
      return {
        id: relay.id,
        kind: 'relay',
        host: null,
        async *frames({ cursor, report, signal }) {
          while (!signal.aborted) {
            const connection = { cut: false, wake: (): void => {} }
            await later(() => {}, 300)
            const from = cursor()
            if (from !== undefined && from > relay.seq) {
              report({ type: 'cursor-ahead', message: 'future' })
              cursor()
            }
            relay.listener = (what) => {
              if (what === 'cut') connection.cut = true
              connection.wake()
            }
            let at = from === undefined || from > relay.seq ? relay.seq : from
            report({ type: 'connected' })
            if (at + 1 < relay.oldest) {
              yield encodeFrame('#info', { name: 'OutdatedCursor' })
              at = relay.oldest - 1
            }
            while (!connection.cut && !signal.aborted) {
              const entry = relay.log.find(({ seq }) => seq > at)
              if (entry === undefined) {
                await new Promise<void>((resolve) => {
                  connection.wake = resolve
                })
                continue
              }
              at = entry.seq
              await later(() => {}, 50)
              if (!connection.cut) yield entry.frame
            }
            report({ type: 'disconnected', message: 'cut' })
          }
        },
      }
    }
  }

  const publish = (account: Account, announced: boolean): void => {
    account.published = account.key
    account.publishedHost = account.host
    if (announced) network.tellIdentity(account)
  }

  /** Reads the lists of all relays, as they are now. */
  const list = async (): Promise<void> => {
    for (const did of withheld) {
      const { rev } = network.byDid.get(did)!
      if (network.relays.every(({ known }) => known.get(did)?.rev === rev)) withheld.delete(did)
    }
    for (const { id, known } of network.relays) {
      for (const [did, { rev, status }] of known) {
        process.consumer
          .reportListed({ did, rev, status, own: false, source: id, at: clock.now() })
          .catch(() => {})
      }
    }
    await clock.run(5000)
    process.consumer.confirmRest().catch(() => {})
  }

  const restart = (): void => {
    process.kill()
    for (const relay of network.relays) relay.listener = null
    process = start()
  }

  const act = async (action: Action): Promise<void> => {
    trace?.(clock.now() - START, null, JSON.stringify(action))
    switch (action.do) {
      case 'write': {
        const account = network.accounts[action.account]!
        if (action.damage === 'dropped') withheld.add(account.did)
        return network.write(account, action.record, action.damage)
      }
      case 'forge':
        return network.forge(network.accounts[action.account]!, network.relays[action.relay]!)
      case 'status':
        return network.setStatus(network.accounts[action.account]!, action.status)
      case 'rotate': {
        const account = network.accounts[action.account]!
        account.key++
        return publish(account, action.announced)
      }
      case 'migrate': {
        const account = network.accounts[action.account]!
        account.host = action.host
        return publish(account, action.announced)
      }
      case 'identity':
        return network.tellIdentity(network.accounts[action.account]!)
      case 'gap': {
        const relay = network.relays[action.relay]!
        relay.oldest = relay.seq + 1
        relay.log = []
        relay.listener?.('cut')
        // So far that whoever reads on has lost something, or cannot know that it has not.
        relay.seq += 10
        relay.oldest = relay.seq + 1
        return
      }
      case 'reset': {
        const relay = network.relays[action.relay]!
        // As a restored server should: it leaves a margin, but below what it had sent.
        relay.seq = Math.max(0, 9000 - 1000 * relay.resets++)
        relay.oldest = relay.seq + 1
        relay.log = []
        relay.listener?.('cut')
        return
      }
      case 'cut':
        return network.relays[action.relay]!.listener?.('cut')
      case 'lag': {
        const relay = network.relays[action.relay]!
        relay.lagUntil = clock.now() + action.ms
        clock.after(action.ms, () => network.release(relay))
        return
      }
      case 'directory':
        network.directory.mode = action.mode
        network.directory.until = clock.now() + action.ms
        return
      case 'host-down':
        network.hosts[action.host]!.downUntil = clock.now() + action.ms
        return
      case 'clock':
        network.hosts[action.host]!.skewMs = action.ms
        return
      case 'mirror':
        network.mirror.mode = action.mode
        return
      case 'list':
        await list()
        return
      case 'crash':
        return restart()
      case 'filter':
        wanted = action.wanted
        return restart()
      case 'app-fails':
        app.failNext = true
        return
      case 'lose-row': {
        await clock.run(10 * MINUTE)
        const rows = app.rows.get(network.accounts[action.account]!.did)
        for (const path of [...(rows?.keys() ?? [])].slice(0, 1)) rows!.delete(path)
        return
      }
      case 'wait':
        return clock.run(action.ms)
      default:
        return action satisfies never
    }
  }

  const isSaidWhole = (repo: RepoState): boolean => {
    const gap = process.consumer.gapAt(repo.lastSource)
    return (
      repo.status === 'synchronized' &&
      repo.flags.length === 0 &&
      (gap === null || (repo.confirmedAt ?? 0) > gap)
    )
  }

  const wantedOf = (account: Account): Map<string, Account['data']> => {
    const filter = FILTERS[wanted]
    const all = filter === undefined || filter[0]!.endsWith('*')
    return new Map([...account.records].filter(([path]) => all || filter.includes(path.split('/')[0]!)))
  }

  const compare = (when: Difference['when']): Difference | null => {
    for (const account of network.accounts) {
      const { did } = account
      const repo = app.state.repos.get(did) ?? newRepo(did)
      if (!app.state.repos.has(did) && when === 'at-rest') continue
      const rows = app.rows.get(did) ?? new Map()
      const status = app.statuses.get(did) ?? 'active'
      const about = `status=${repo.status} reason=${repo.reason} upstream=${repo.upstreamStatus} rev=${repo.rev} truth=${account.rev} account=${account.status}`
      const differ = (what: string): Difference => ({ when, did, what: `${what}; ${about}` })
      if (when === 'at-rest' && (!isSaidWhole(repo) || withheld.has(did))) continue
      if ((status === 'active') !== (account.status === 'active'))
        return differ(`app has the account ${status}`)
      if (account.status !== 'active') {
        if (account.status === 'deleted' && rows.size > 0) return differ('rows of a deleted account')
        continue
      }
      if (!sameRecords(rows, wantedOf(account)))
        return differ(`${rows.size} rows, ${wantedOf(account).size} in truth`)
      if (when === 'in-the-end' && account.rev !== null && !isSaidWhole(repo))
        return differ('equal, but not said so')
    }
    return null
  }

  try {
    await clock.run(1000)
    for (const action of actions) {
      await act(action)
      await clock.run(random.below(400))
    }
    for (const relay of network.relays) network.release(relay)
    network.directory.until = 0
    network.mirror.mode = 'fresh'
    for (const account of network.accounts) {
      const copy = network.snapshot(account)
      if (copy !== null) network.mirror.copies.set(account.did, copy)
    }
    for (const host of network.hosts) {
      host.downUntil = 0
      host.skewMs = 0
    }
    app.failNext = false
    await clock.run(3 * MINUTE)
    if (faults > 0) return { when: 'at-rest', did: network.accounts[0]!.did, what: 'consumer stopped' }
    const early = compare('at-rest')
    if (early !== null) return early
    for (let round = 0; round < 3; round++) {
      await list()
      await clock.run(40 * MINUTE)
    }
    return compare('in-the-end')
  } finally {
    process.kill()
  }
}
