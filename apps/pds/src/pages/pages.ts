import type { AccountStore } from '@avocet/accounts'
import { PATHS } from '@avocet/oauth-server'
import { networkOf } from '@avocet/xrpc-server'
import { Hono } from 'hono'

import type { Accounts } from '../accounts/accounts.ts'
import { RESET_PATH } from '../accounts/password-resets.ts'
import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import { createBypass } from '../limits/rate-limits.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import type { OAuth } from '../oauth/oauth.ts'
import type { Chores } from '../operations/chores.ts'
import { addressOf, type PageEnv } from '../operator/guard.ts'
import type { DeviceRows } from '../stores/device-rows.ts'
import { createAuthorize } from './authorize.ts'
import { brandOf } from './brand.ts'
import { createBrowsers } from './browsers.ts'
import { createFormTokens } from './form.ts'
import { createLayout } from './layout.ts'
import { createPageLimits } from './page-limits.ts'
import { createResetPasswordPage } from './reset-password.ts'
import { createSignInForms } from './sign-in-forms.ts'
import { createSignUpPage } from './sign-up.ts'
import { createVisits, type Visit } from './visit.ts'
import { createWellKnownPages } from './well-known.ts'

/** What the pages of owners compose. */
export interface OwnerPagesParts {
  readonly config: PdsConfig
  readonly oauth: OAuth
  readonly store: AccountStore
  readonly devices: DeviceRows
  readonly accounts: Pick<Accounts, 'signIns' | 'signUps' | 'passwordResets' | 'pageAudit'>
  readonly address: PublicAddress
  readonly counts: Pick<SharedCounts, 'rateLimits'>
  /** What keys are derived from. */
  readonly secret: string
  readonly onError: (error: unknown) => void
}

/** The pages of owners, and the endpoints of OAuth. */
export interface OwnerPages {
  readonly pages: Hono<PageEnv>
  /** Forgets browsers in which nobody is signed in any more. */
  readonly chores: Chores
}

/** Pages on which owners sign in and let apps in. */
export function createOwnerPages(parts: OwnerPagesParts): OwnerPages {
  const { config, oauth, store, devices, address, counts, secret, onError } = parts
  const { signIns, signUps, passwordResets, pageAudit: audit } = parts.accounts
  const isSecure = address.url().startsWith('https:')
  const browsers = createBrowsers({ devices, store, isSecure })
  const limits = createPageLimits(counts.rateLimits, createBypass(config))
  const visits = createVisits({
    origin: () => address.url(),
    isSecure,
    layout: createLayout(brandOf(config)),
    browsers,
    formTokens: createFormTokens(secret),
    limits,
    onError,
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
  const { accounts } = store
  const reset = createResetPasswordPage({ accounts, passwordResets, audit, limits, keepOpen })
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
      return oauth.server().fetch(context.req.raw, { from: from === null ? null : networkOf(from) })
    })
  }
  return { pages, chores: { byAge: [browsers.collect], others: [] } }
}

const ALLOW = { allow: 'GET, POST' }
