import type { Hono } from 'hono'

import type { Accounts } from '../accounts/accounts.ts'
import { createAccountView } from '../accounts/views.ts'
import type { Auth } from '../auth/auth.ts'
import { findAccount } from '../auth/lookup.ts'
import type { PdsConfig } from '../config/config.ts'
import { PdsError } from '../errors.ts'
import type { Events } from '../events/events.ts'
import { createSeal } from '../factors/sealed.ts'
import type { Post } from '../mail/post.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import { NO_CHORES, type Capability } from '../operations/capability.ts'
import type { LastErrors } from '../operations/last-errors.ts'
import type { Watch } from '../operations/watch.ts'
import type { Repos } from '../repos/repos.ts'
import type { Stores } from '../stores/stores.ts'
import { createAccountActs } from './account-acts.ts'
import { createAccountReads } from './account-reads.ts'
import type { OperatorDesk } from './desk-pages.ts'
import type { PageEnv } from './guard.ts'
import { addOperatorMethods } from './methods.ts'
import { createModeration } from './moderation.ts'
import { createOperatorFactor, type OperatorFactor } from './operator-factor.ts'
import { createOperatorPages } from './pages.ts'
import { createServerReads } from './server-reads.ts'

/** What the operator of this server can see and do. */
export interface OperatorDoors extends Capability {
  /** Pages that take the operator's password. */
  readonly pages: Hono<PageEnv>
  /** What guards the operator's page beside the password. */
  readonly factor: OperatorFactor
  /** What pages show and do, as commands do. */
  readonly desk: OperatorDesk
}

/** What the operator's doors compose. */
export interface OperatorParts {
  readonly config: PdsConfig
  readonly stores: Stores
  readonly auth: Auth
  readonly watch: Watch
  readonly counts: SharedCounts
  readonly post: Post
  readonly repos: Repos
  readonly accounts: Accounts
  readonly events: Pick<Events, 'sequencer' | 'relays'>
  readonly errors: LastErrors
  /** What secrets of factors are sealed with, and proofs of commands are made of. */
  readonly jwtSecret: string
}

/** The operator's methods and pages. */
export function createOperatorDoors(parts: OperatorParts): OperatorDoors {
  const { config, stores, auth, watch, counts, post, repos, accounts, events, errors, jwtSecret } = parts
  const { accountStore } = stores
  const { lifecycle, credentials, handleChanges, rotations, announce, factors } = accounts
  const { quotas, repairs, host } = repos
  const factor = createOperatorFactor({
    rows: stores.operator,
    seal: createSeal(jwtSecret),
    hostname: config.hostname,
  })
  const desk: OperatorDesk = {
    accounts: createAccountReads({ stores, quotas, factors }),
    acts: createAccountActs({ stores, ...accounts, quotas }),
    server: createServerReads({
      stores: { totals: stores.totals, vitals: stores.vitals, log: stores.server.log },
      sequencer: events.sequencer,
      problem: () => watch.health.problem(),
      quota: { blobBytes: config.accountBlobQuota, records: config.accountRecordQuota },
      folders: watch.folders,
      relays: () => events.relays(),
      hits: counts.hits,
      errors,
      mails: post.mails,
      rounds: watch.rounds,
    }),
    find: async (name) => {
      const account = typeof name === 'string' ? await findAccount(stores.accounts, name) : null
      if (account === null) throw new PdsError('account-not-found', 'Account not found')
      return account
    },
  }
  return {
    factor,
    desk,
    methods: (router) =>
      addOperatorMethods(router, {
        ...auth,
        accountStore,
        accountView: createAccountView(accountStore),
        lifecycle,
        credentials,
        handleChanges,
        moderation: createModeration(stores.accounts, stores.server, lifecycle),
        outbox: post.operatorOutbox,
        hostname: config.hostname,
      }),
    pages: createOperatorPages({
      config,
      stores,
      watch,
      counts,
      authorizer: auth.authorizer,
      quotas,
      outbox: post.outbox,
      repairs,
      imports: host.parts.imports,
      rotations,
      announce,
      factors,
      operatorFactor: factor,
      desk,
      jwtSecret,
    }),
    chores: NO_CHORES,
  }
}
