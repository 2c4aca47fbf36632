import type { Hono } from 'hono'

import type { Accounts } from '../../accounts/accounts.ts'
import type { PdsConfig } from '../../config/config.ts'
import type { PublicAddress } from '../../identity/address.ts'
import type { Identity } from '../../identity/identity.ts'
import type { OAuth } from '../../oauth/oauth.ts'
import type { PageEnv } from '../../operator/guard.ts'
import type { Repos } from '../../repos/repos.ts'
import type { Stores } from '../../stores/stores.ts'
import { createAccountFrame, type AccountFrameParts } from './account.ts'
import { createFactorsPage } from './factors.ts'
import { createAppPasswordsPage } from './app-passwords.ts'
import { createAppsPage } from './apps.ts'
import { createArchivePage } from './archive.ts'
import { createEmailPage } from './email.ts'
import { createHandlePage } from './handle.ts'
import { createLeavingPage } from './leaving.ts'
import { createOverview } from './overview.ts'
import { createPasswordPage } from './password.ts'
import { createSessionsPage } from './sessions.ts'

/** What the pages of accounts compose. */
export interface AccountPagesParts {
  readonly frame: AccountFrameParts
  readonly config: PdsConfig
  readonly address: PublicAddress
  readonly identity: Pick<Identity, 'documents'>
  readonly repos: Pick<Repos, 'quotas' | 'host'>
  readonly stores: Pick<Stores, 'server' | 'accountStore' | 'oauth'>
  readonly oauth: Pick<OAuth, 'granted'>
  readonly accounts: Accounts
}

/** The pages of accounts for their owners, in the order of their navigation. */
export function createAccountPages(parts: AccountPagesParts): Hono<PageEnv> {
  const { frame, config, address, identity, repos, stores, oauth, accounts } = parts
  const { quotas, host } = repos
  const { server, accountStore: store } = stores
  const { credentials, letters, appPasswords, handleChanges } = accounts
  const { browsers } = frame
  return createAccountFrame(frame, [
    createOverview({ address, quotas, blobs: server.blobs }),
    createEmailPage({ credentials, letters }),
    createPasswordPage(credentials),
    createHandlePage({ config, handleChanges }),
    createFactorsPage(accounts),
    createAppPasswordsPage({ appPasswords, rows: store.appPasswords }),
    createAppsPage({ store: stores.oauth, oauth }),
    createSessionsPage({ browsers, store }),
    createArchivePage({ host, blobs: server.blobs, address }),
    createLeavingPage({ ...accounts, documents: identity.documents }),
  ])
}
