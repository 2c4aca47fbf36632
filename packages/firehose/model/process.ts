// The consumer of a simulation, as one process: it can be killed and started again.

import type { Did } from '@avocet/syntax'
import { encodeFrame } from '@avocet/xrpc'
import {
  consume,
  type Consumer,
  type ConsumeOptions,
  type ResolvedIdentity,
  ResyncError,
  type Source,
  type VerifiedEvent,
} from '../src/index.ts'
import { collectionFilter } from '../src/filter.ts'
import type { Size } from './actions.ts'
import type { App } from './app.ts'
import type { Clock } from './clock.ts'
import { readArchives, readLists } from './copies.ts'
import { COLLECTIONS, type Network } from './network.ts'
import type { QueueWatch } from './queue-watch.ts'
import type { Random } from './random.ts'
import type { Relay } from './relays.ts'
import type { StatusWatch } from './status-watch.ts'

/** Told of what happens, to understand a difference. `at`: ms since the beginning. */
export type Trace = (at: number, did: Did | null, what: string) => void

/** Which collections are wanted, by number. */
const FILTERS: readonly (readonly string[] | undefined)[] = [undefined, [COLLECTIONS[0]], ['app.example.*']]

/** The collections of a filter. */
export function wantedBy(filter: number): (collection: string) => boolean {
  const patterns = FILTERS[filter]
  return patterns === undefined ? () => true : collectionFilter(patterns)
}

/** What is wanted: the number of a filter, and the name that rows made for it have, where the app chooses by itself. */
export type Choice = { filter: number; label: string }

/** A running process. */
export type Process = {
  readonly consumer: Consumer
  /** At once, whatever it is at. */
  kill(): void
}

/** What a process runs in. */
export type ProcessOptions = {
  readonly clock: Clock
  readonly network: Network
  readonly random: Random
  readonly app: App
  readonly queueWatch: QueueWatch
  readonly statusWatch: StatusWatch
  readonly size: Size
  readonly choice: Choice
  /** When the simulation began, ms since the epoch. */
  readonly began: number
  readonly onFault: () => void
  readonly trace?: Trace | undefined
}

/** Starts a consumer on what is stored. */
export function startProcess(options: ProcessOptions): Process {
  const { clock, network, random, app, size, trace } = options
  const { store, die } = app.open()
  const timers = clock.scope()
  const stop = new AbortController()
  options.queueWatch.restarted()
  // The question is on its way, and so is the answer: it may be old when it arrives.
  const later = <T>(work: () => T, most = 1500): Promise<T> =>
    new Promise((resolve, reject) => {
      const half = (): number => 1 + random.below(most / 2)
      timers.after(half(), () => {
        try {
          const answer = work()
          timers.after(half(), () => resolve(answer))
        } catch (error) {
          timers.after(half(), () => reject(error))
        }
      })
    })
  const tell = (did: Did | null, what: string): void => trace?.(clock.now() - options.began, did, what)

  const resolveKey = (did: Did): Promise<ResolvedIdentity | null> =>
    later(() => {
      const { directory } = network
      if (directory.until > clock.now()) {
        if (directory.mode === 'not-found') return null
        throw new Error('directory is down')
      }
      const { published, publishedHost, handles } = network.byDid.get(did)!
      const handle = directory.handlesDownUntil > clock.now() ? undefined : handles.at(-1)!
      return { key: network.keyOf(did, published), pds: network.hosts[publishedHost]!.url, handle }
    })

  const { choice } = options
  const wanted = (collection: string): boolean => wantedBy(choice.filter)(collection)
  const copies = {
    network,
    mirrored: size.mirror,
    later,
    rows: (did: Did) => app.rows.get(did) ?? new Map(),
    wanted,
  }
  const read = size.archives ? readArchives(copies) : readLists(copies)
  const collections = size.live ? undefined : FILTERS[choice.filter]
  const consumeOptions: ConsumeOptions<void> = {
    sources: network.relays.map((relay) => relaySource(relay, network, clock, later)),
    resolveKey,
    state: store,
    prover: network.prover,
    onEvent(event) {
      tell('did' in event ? event.did : null, `${event.seq} ${describe(event)}`)
      options.statusWatch.told(event)
      app.apply(event)
    },
    onIgnored: (event) => tell(event.did, `ignored ${event.reason} seq=${event.seq}`),
    ...(size.backfill
      ? {
          async *resync(request) {
            options.queueWatch.begun(request)
            tell(request.did, `read begins reason=${request.reason}`)
            try {
              yield* read(request)
            } finally {
              options.queueWatch.ended(request.did)
            }
          },
        }
      : {}),
    ...(size.check
      ? {
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
        }
      : {}),
    // Of an account that was deleted a host knows nothing any more.
    hostStatus: ({ did, identity }) =>
      later(() => {
        const { status } = network.at(identity.pds, did)
        return status === 'deleted' ? null : status
      }),
    resyncConcurrency: size.slots,
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
    ...(size.live ? { filter: () => choice.label } : {}),
    now: () => clock.now(),
    timers,
    random: () => random.below(1000) / 1000,
    signal: stop.signal,
  }
  const consumer = consume(consumeOptions)
  consumer.done.catch(options.onFault)
  return {
    consumer,
    kill() {
      die()
      timers.end()
      stop.abort()
    },
  }
}

function relaySource(
  relay: Relay,
  network: Network,
  clock: Clock,
  later: <T>(work: () => T, most?: number) => Promise<T>,
): Source {
  return {
    id: relay.id,
    ...(relay.host === null
      ? { kind: 'relay', host: null }
      : { kind: 'pds', host: network.hosts[relay.host]!.url }),
    async *frames({ cursor, report, signal }) {
      while (!signal.aborted) {
        const connection = { cut: false, wake: (): void => {} }
        signal.addEventListener('abort', () => connection.wake(), { once: true })
        await later(() => {}, 300)
        if (relay.downUntil > clock.now()) {
          await later(() => {}, 2000)
          continue
        }
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

function describe(event: VerifiedEvent): string {
  if (event.kind === 'failure') return `failure ${event.reason}: ${event.message}`
  if (event.kind === 'commit' || event.kind === 'resync') {
    const ops = event.ops.map(({ action, path }) => `${action} ${path}`).join(', ')
    return `${event.kind} rev=${event.rev} ${ops}${event.kind === 'resync' && event.last ? ' last' : ''}`
  }
  if (event.kind === 'account') return `account ${event.status ?? 'active'}`
  if (event.kind === 'identity') return `identity ${event.uncertain ? 'uncertain' : event.handle}`
  return event.kind
}
