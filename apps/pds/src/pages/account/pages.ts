import type { Hono } from 'hono'

import type { Accounts } from '../../accounts/accounts.ts'
import type { PublicAddress } from '../../identity/address.ts'
import type { PageEnv } from '../../operator/guard.ts'
import type { Repos } from '../../repos/repos.ts'
import type { Stores } from '../../stores/stores.ts'
import { createAccountFrame, type AccountFrameParts } from './account.ts'
import { createFactorsPage } from './factors.ts'
import { createOverview } from './overview.ts'

/** What the pages of accounts compose. */
export interface AccountPagesParts {
  readonly frame: AccountFrameParts
  readonly accounts: Pick<Accounts, 'factors' | 'credentials' | 'letters'>
  readonly address: PublicAddress
  readonly repos: Pick<Repos, 'quotas'>
  readonly stores: Pick<Stores, 'server'>
}

/** The pages of accounts for their owners, in the order of their navigation. */
export function createAccountPages(parts: AccountPagesParts): Hono<PageEnv> {
  const { frame, accounts, address, repos, stores } = parts
  const { quotas } = repos
  const blobBytes = async (did: Parameters<Stores['server']['blobs']['bytes']>[0]): Promise<number> =>
    stores.server.blobs.bytes(did)
  return createAccountFrame(frame, [
    createOverview({ address, quotas, blobBytes }),
    createFactorsPage(accounts),
  ])
}
