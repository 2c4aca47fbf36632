// Consumers of the log that acknowledge what they are given: Tap's groups, and webhooks.

import { type DidResolver, isLoopbackAddress } from '@avocet/did'
import type { Database } from '@avocet/sqlite'
import type { IndexerConfig } from './config.ts'
import { createPlaceStore } from './delivery/store.ts'
import type { Group } from './delivery/group-types.ts'
import type { GroupParts } from './delivery/groups.ts'
import { createSnapshotReader } from './delivery/snapshot.ts'
import { IndexerError } from './errors.ts'
import { createGuesses } from './http/guesses.ts'
import type { Status } from './http/status.ts'
import type { Identities } from './identity/identities.ts'
import type { RecordReader } from './queries/records.ts'
import type { RepoReader } from './queries/repos.ts'
import type { StreamEvent } from './stream/event.ts'
import type { Wire } from './stream/sockets.ts'
import type { Did } from '@avocet/syntax'
import { tapText } from './tap/event.ts'
import { createTapFacts } from './tap/facts.ts'
import type { TapRepos } from './tap/routes.ts'
import { openTap, type TapSide } from './tap/tap.ts'
import { startWebhooks, type Webhooks } from './webhooks/webhooks.ts'

/** What names begin with. */
const TAP = 'tap/'
const WEBHOOK = 'webhook/'

/** All of them. */
export type Consumers = {
  /** Where groups go on; what they are made of is at hand only now. @returns the wires that they speak */
  open(parts: Pick<GroupParts, 'hub' | 'log'>): readonly Wire[]
  /** Sends to webhooks from now on. @throws IndexerError `bad-config` */
  start(): Promise<void>
  /** Answers Tap's calls; null for other paths. */
  fetch(request: Request, caller: { readonly address: string | null }): Promise<Response> | Response | null
  stats(): Status['consumers']
  /** The oldest number of the log that a consumer needs still; Infinity: none does. */
  needs(): number
  /** By the name that its status has: `tap/NAME`, `webhook/NAME`. */
  find(name: string): Group | null
  /** Forgets a group of Tap. @returns whether it was there, and nobody at it */
  remove(name: string): Promise<boolean>
  /** What was acknowledged is durable then. */
  close(): Promise<void>
}

/**
 * Nobody is served or sent to yet.
 * @throws IndexerError `bad-config` for Tap's side without a password where others reach it
 */
export function createConsumers(options: {
  readonly config: Pick<IndexerConfig, 'tap' | 'webhooks' | 'host' | 'allowLoopback' | 'streams'>
  readonly db: Database
  readonly records: RecordReader
  readonly repos: RepoReader
  /** For questions of clients: bounded. */
  readonly dids: DidResolver
  readonly identities: Pick<Identities, 'describe'>
  readonly tapRepos: TapRepos
  readonly now: () => number
  readonly onLog: (line: string) => void
}): Consumers {
  const { config, db, records, repos, now, onLog } = options
  if (config.tap?.password === null && !isLoopbackHost(config.host))
    throw new IndexerError(
      'bad-config',
      `Tap's side needs a password (AVOCET_TAP_PASSWORD) where others reach it: ${config.host}`,
    )
  const onError = (error: unknown): void => onLog(`consumer failed: ${String(error)}`)
  const store = createPlaceStore(db, now)
  const write = (value: StreamEvent): string => tapText(value, (did) => records.account(did))
  let parts: GroupParts
  let tap: TapSide | null = null
  let webhooks: Webhooks | null = null

  const stats = (): Status['consumers'] => [...(tap?.groups.stats() ?? []), ...(webhooks?.stats() ?? [])]

  return {
    open({ hub, log }) {
      parts = { hub, log, store, snapshots: createSnapshotReader(db, now), now, onLog, onError }
      if (config.tap === undefined) return []
      const calls = {
        ...createTapFacts(db, { records, repos, identities: options.identities }),
        repos: options.tapRepos,
        webhook: (name: string) => webhooks?.get(name) ?? null,
        consumers: stats,
        resolve: (did: Did, signal: AbortSignal) => resolve(options.dids, did, signal),
      }
      const perAddress = config.streams?.perAddress !== 0
      tap = openTap(parts, config.tap, write, calls, createGuesses({ perAddress, now }))
      return [tap.wire]
    },
    async start() {
      const hooks = (config.webhooks ?? []).map((hook) => ({
        ...hook,
        allowLoopback: hook.allowLoopback ?? config.allowLoopback,
      }))
      if (hooks.length > 0) webhooks = await startWebhooks(parts, hooks, write)
    },
    fetch: (request, caller) => tap?.fetch(request, caller) ?? null,
    stats,
    find: (name) =>
      name.startsWith(TAP)
        ? (tap?.groups.get(name.slice(TAP.length)) ?? null)
        : (name.startsWith(WEBHOOK) && webhooks?.get(name.slice(WEBHOOK.length))) || null,
    remove: async (name) =>
      name.startsWith(TAP) && (await tap?.groups.remove(name.slice(TAP.length))) === true,
    needs: () => Math.min(tap?.groups.needs() ?? Infinity, webhooks?.needs() ?? Infinity),
    async close() {
      // A disk that fails is told of elsewhere; what could not be written is given again.
      await webhooks?.stop().catch(onError)
      await tap?.groups.close().catch(onError)
    },
  }
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host)
}

async function resolve(
  dids: DidResolver,
  did: Parameters<DidResolver['resolve']>[0],
  signal: AbortSignal,
): Promise<object | null | undefined> {
  const found = await dids.resolve(did, { signal })
  if (found.ok) return found.value
  return found.error.isTransient ? undefined : null
}
