import { PATHS } from '@avocet/oauth-server'
import { networkOf } from '@avocet/xrpc-server'
import { Hono } from 'hono'

import type { Accounts } from '../accounts/accounts.ts'
import { RESET_PATH } from '../accounts/password-resets.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { createOwnerAudit } from '../audit/owner-audit.ts'
import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { Identity } from '../identity/identity.ts'
import { createBypass } from '../limits/rate-limits.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import type { Logger } from '../logger.ts'
import type { OAuth } from '../oauth/oauth.ts'
import type { Chores } from '../operations/chores.ts'
import { addressOf, type PageEnv } from '../operator/guard.ts'
import type { Repos } from '../repos/repos.ts'
import type { Stores } from '../stores/stores.ts'
import { createAccountPages } from './account/pages.ts'
import { createNotices } from './account/notices.ts'
import { createAuthorize } from './authorize.ts'
import { brandOf } from './brand.ts'
import { createBrowsers } from './browsers.ts'
import { createFormTokens } from './form.ts'
import { createLayout } from './layout.ts'
import { createPageLimits } from './page-limits.ts'
import { createResetPasswordPage } from './reset-password.ts'
import { createSignInFlow } from './sign-in-flow.ts'
import { createSignInForms } from './sign-in-forms.ts'
import { createSignUpPage } from './sign-up.ts'
import { createVisits, type Visit } from './visit.ts'
import { createWellKnownPages } from './well-known.ts'

/** What the pages of owners compose. */
export interface OwnerPagesParts {
  readonly config: PdsConfig
  readonly oauth: OAuth
  readonly stores: Stores
  readonly accounts: Accounts
  readonly repos: Pick<Repos, 'quotas' | 'host'>
  readonly identity: Pick<Identity, 'documents'>
  readonly address: PublicAddress
  readonly counts: Pick<SharedCounts, 'rateLimits'>
  /** What keys are derived from. */
  readonly secret: string
  readonly audit: AuditLog
  readonly log: Logger
}

/** The pages of owners, and the endpoints of OAuth. */
export interface OwnerPages {
  readonly pages: Hono<PageEnv>
  /** Forgets browsers in which nobody is signed in any more. */
  readonly chores: Chores
}

/** Pages on which owners sign in and let apps in. */
export function createOwnerPages(parts: OwnerPagesParts): OwnerPages {
  const { config, oauth, stores, accounts, repos, identity, address, counts, secret, audit, log } = parts
  const { accountStore: store, devices } = stores
  const { signIns, signUps, passwordResets, pageAudit } = accounts
  const isSecure = address.url().startsWith('https:')
  const browsers = createBrowsers({ devices, store, isSecure })
  const isUnlimited = createBypass(config)
  const limits = createPageLimits(counts.rateLimits, isUnlimited)
  const visits = createVisits({
    origin: () => address.url(),
    isSecure,
    layout: createLayout(brandOf(config)),
    browsers,
    formTokens: createFormTokens(secret),
    limits,
    onError: (error) => log.error({ err: error }, 'answering a page failed'),
  })
  const signUp = createSignUpPage({ config, signUps, browsers, limits })
  const authorize = createAuthorize({ oauth: oauth.server, browsers, signUp })
  const forms = createSignInForms({ authorize, browsers, signIns, signUp })

  const pages = new Hono<PageEnv>()
  const show = visits.show(authorize.show)
  const take = visits.take(forms)
  pages.get('/oauth/authorize', (context) => {
    // Looking is done by whoever navigates: this would open the request for nobody.
    return context.req.method === 'HEAD' ? new Response(null, { status: 405, headers: ALLOW }) : show(context)
  })
  pages.post('/oauth/authorize', take)
  pages.all('/oauth/authorize', () => new Response(null, { status: 405, headers: ALLOW }))

  const keepOpen = (visit: Visit): Promise<void> => authorize.keepOpen(visit)
  const reset = createResetPasswordPage({
    accounts: stores.accounts,
    passwordResets,
    audit: pageAudit,
    limits,
    keepOpen,
  })
  pages.get(RESET_PATH, visits.show(reset.show))
  pages.post(RESET_PATH, visits.take(reset.take))
  pages.route('/', createWellKnownPages(address))

  for (const path of Object.values(PATHS)) {
    if (path === '/oauth/authorize') continue
    pages.all(path, (context): Promise<Response> | Response => {
      // Under another name this is not the server that the documents speak of.
      if (new URL(context.req.url).hostname !== new URL(address.url()).hostname) {
        return context.json({ error: 'NotFound', message: 'Not found' }, 404)
      }
      const from = addressOf(context)
      const header = (name: string): string | null => context.req.header(name) ?? null
      return oauth.server().fetch(context.req.raw, {
        from: from === null ? null : networkOf(from),
        unlimited: isUnlimited({ header, address: from }),
      })
    })
  }
  const frame = {
    visits,
    browsers,
    signInForms: createSignInFlow({ browsers, signIns }),
    limits,
    notices: createNotices(secret),
    audit: createOwnerAudit(audit, log),
  }
  pages.route('/', createAccountPages({ frame, config, address, identity, repos, stores, oauth, accounts }))
  return { pages, chores: { byAge: [browsers.collect], others: [] } }
}

const ALLOW = { allow: 'GET, POST' }
