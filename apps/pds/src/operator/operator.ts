import type { Hono } from 'hono'

import type { Accounts } from '../accounts/accounts.ts'
import { createAccountView } from '../accounts/views.ts'
import type { Auth } from '../auth/auth.ts'
import type { PdsConfig } from '../config/config.ts'
import { createSeal } from '../factors/sealed.ts'
import type { Post } from '../mail/post.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import { NO_CHORES, type Capability } from '../operations/capability.ts'
import type { Watch } from '../operations/watch.ts'
import type { Repos } from '../repos/repos.ts'
import type { Stores } from '../stores/stores.ts'
import type { PageEnv } from './guard.ts'
import { addOperatorMethods } from './methods.ts'
import { createModeration } from './moderation.ts'
import { createOperatorFactor, type OperatorFactor } from './operator-factor.ts'
import { createOperatorPages } from './pages.ts'

/** What the operator of this server can see and do. */
export interface OperatorDoors extends Capability {
  /** Pages that take the operator's password. */
  readonly pages: Hono<PageEnv>
  /** What guards the operator's page beside the password. */
  readonly factor: OperatorFactor
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
  /** What secrets of factors are sealed with, and proofs of commands are made of. */
  readonly jwtSecret: string
}

/** The operator's methods and pages. */
export function createOperatorDoors(parts: OperatorParts): OperatorDoors {
  const { config, stores, auth, watch, counts, post, repos, accounts, jwtSecret } = parts
  const { accountStore } = stores
  const { lifecycle, credentials, handleChanges, rotations, announce, factors } = accounts
  const { quotas, repairs, host } = repos
  const factor = createOperatorFactor({
    rows: stores.operator,
    seal: createSeal(jwtSecret),
    hostname: config.hostname,
  })
  return {
    factor,
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
      jwtSecret,
    }),
    chores: NO_CHORES,
  }
}
