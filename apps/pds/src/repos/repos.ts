import type { LookupTxt } from '@avocet/did'
import {
  BUNDLED_LEXICONS,
  collectOrphans,
  createKeyedLock,
  createRepairs,
  mountRepo,
  mountSync,
  type KeyedLock,
  type Removals,
  type Repairs,
  type RepoHost,
} from '@avocet/repo-server'
import { createTidClock, type TidClock } from '@avocet/syntax'

import type { Logger } from '../logger.ts'
import type { BelievedClock } from '../stores/rows.ts'
import type { Capability } from '../operations/capability.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Stores } from '../stores/stores.ts'
import { createHost, type HostParts } from './host.ts'
import { createRecordLexicons } from './lexicons.ts'
import { createQuotas, type Quotas } from './quotas.ts'

/** The longest from the writing of a file to its row, in milliseconds: by far. */
const NOTED_MS = 60 * 60 * 1000

/** The repositories of this server. */
export interface Repos extends Capability, AsyncDisposable {
  readonly host: RepoHost
  readonly quotas: Quotas
  readonly removals: Removals
  readonly repairs: Repairs
  /** One writer of a repository, and one change of an account, at a time. */
  readonly locks: KeyedLock
  readonly tids: TidClock
}

/** What repositories compose. */
export interface ReposParts extends Omit<
  HostParts,
  'dids' | 'quotas' | 'lexicons' | 'locks' | 'tids' | 'stores' | 'onError'
> {
  readonly stores: Pick<Stores, 'server' | 'files' | 'accounts' | 'quotas' | 'isShared'>
  readonly outbound: Pick<Outbound, 'dids' | 'fetch'>
  readonly lookupTxt: LookupTxt
  readonly clock: BelievedClock
  readonly log: Logger
  /** Told of what failed in the background. */
  readonly onError: (error: unknown) => void
}

/** Repositories over the stores of this server. */
export function createRepos(parts: ReposParts): Repos {
  const { config, stores, outbound, signers, lookupTxt, clock, log } = parts
  const { server, files, accounts } = stores
  const { dids, fetch } = outbound
  // What this process wrote itself is no orphan; another one may be about to note a file that it has written.
  const startedAt = Date.now() - (stores.isShared ? NOTED_MS : 0)
  const locks = createKeyedLock()
  const tids = createTidClock()
  const quotas = createQuotas(stores.quotas, config, server)
  const lexicons = config.resolveLexicons ? createRecordLexicons(dids, lookupTxt, fetch) : BUNDLED_LEXICONS
  const onError = (error: unknown): void => {
    log.error({ err: error }, 'removing a blob failed')
    parts.onError(error)
  }
  const host = createHost({ ...parts, dids, quotas, lexicons, locks, tids, onError })
  const { uploads, imports, removals } = host.parts
  return {
    host,
    quotas,
    removals,
    repairs: createRepairs({ store: server, keyOf: (did) => signers.get(did), locks, tids, clock }),
    locks,
    tids,
    methods: (router) => {
      mountRepo(router, host)
      mountSync(router, host)
    },
    chores: {
      byAge: [
        () => uploads.collect(),
        () => collectOrphans(() => accounts.dids(), server, files, uploads, startedAt),
      ],
      others: [() => imports.clean(), () => removals.run()],
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  }
}
