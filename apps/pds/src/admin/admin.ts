import { Hono } from 'hono'

import type { Authorizer } from '../auth/authorizer.ts'
import type { PdsConfig } from '../config/config.ts'
import type { Secrets } from '../config/secrets.ts'
import { createCodeLimits } from '../factors/code-limits.ts'
import type { PublicAddress } from '../identity/address.ts'
import { createBypass } from '../limits/rate-limits.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import type { Logger } from '../logger.ts'
import type { Chores } from '../operations/chores.ts'
import type { Watch } from '../operations/watch.ts'
import type { PageEnv } from '../operator/guard.ts'
import { createOperatorSessions } from '../operator/operator-sessions.ts'
import type { OperatorDoors } from '../operator/operator.ts'
import { brandOf } from '../pages/brand.ts'
import { createFormTokens } from '../pages/form.ts'
import { createLayout } from '../pages/layout.ts'
import { createPageLimits } from '../pages/page-limits.ts'
import type { Stores } from '../stores/stores.ts'
import { createAdminSections } from './sections.ts'
import { createAdminSignInLimits, NO_ADMIN_LIMITS, OPERATOR_CODES } from './sign-in-limits.ts'
import { createAdminSignIn } from './sign-in.ts'
import { ADMIN_STYLE } from './style.ts'
import { createAdminVisits } from './visit.ts'

/** What the operator's page composes. */
export interface AdminPagesParts {
  readonly config: PdsConfig
  readonly stores: Pick<Stores, 'operator' | 'accountStore' | 'accounts' | 'audit'>
  readonly secrets: Pick<Secrets, 'adminPassword' | 'jwtSecret'>
  readonly authorizer: Authorizer
  readonly watch: Watch
  readonly counts: SharedCounts
  readonly address: PublicAddress
  readonly operator: Pick<OperatorDoors, 'factor' | 'desk'>
  readonly log: Logger
}

/** The operator's page. */
export interface AdminPages {
  readonly pages: Hono<PageEnv>
  readonly chores: Chores
}

/** Pages for whoever runs the server, by the operator's password and a factor of its own. In English alone. */
export function createAdminPages(parts: AdminPagesParts): AdminPages {
  const { config, stores, secrets, authorizer, watch, counts, address, operator, log } = parts
  const { factor, desk } = operator
  const isSecure =
    config.publicUrl === null ? config.hostname !== 'localhost' : config.publicUrl.startsWith('https:')
  const bypass = createBypass(config)
  const sessions = createOperatorSessions({
    rows: stores.operator,
    activeFactor: () => factor.activeId(),
    adminPassword: secrets.adminPassword,
    secret: secrets.jwtSecret,
  })
  const answer = createAdminVisits({
    origin: () => address.url(),
    isSecure,
    layout: createLayout(brandOf(config), ADMIN_STYLE),
    sessions,
    formTokens: createFormTokens(secrets.jwtSecret),
    limits: createPageLimits(counts.rateLimits, bypass),
    onError: (error) => log.error({ err: error }, "answering the operator's page failed"),
  })
  const isKnown = (from: string | null): Promise<boolean> => sessions.isKnown(from)
  const limits = createAdminSignInLimits({
    counts: counts.rateLimits,
    codes: createCodeLimits({
      counts: counts.rateLimits,
      isTrusted: (_, from) => isKnown(from),
      onFlood: (page) => {
        if (page !== OPERATOR_CODES) return
        log.error({}, "somebody knows the operator's password, and guesses codes: choose another one")
      },
    }),
    isKnown,
  })
  const signIn = createAdminSignIn({
    authorizer,
    factor,
    sessions,
    audit: watch.audit,
    limits: ({ sighting, header }) =>
      bypass({ header, address: sighting.address }) ? NO_ADMIN_LIMITS : limits,
  })

  const pages = new Hono<PageEnv>()
  const sections = createAdminSections({
    desk,
    factor,
    sessions,
    stores,
    invites: stores.accountStore.invites,
    audit: watch.audit,
  })
  // For whoever is signed in; others sign in first.
  for (const [path, handler] of sections.pages) {
    pages.get(
      path,
      answer(false, (visit) => (visit.session === null ? signIn.show(visit) : handler(visit))),
    )
  }
  for (const [path, handler] of sections.forms) {
    pages.post(
      path,
      answer(true, (visit) => (visit.session === null ? signIn.refuse(visit) : handler(visit))),
    )
  }
  pages.post('/admin/sign-in', answer(true, signIn.signIn))
  pages.post('/admin/sign-out', answer(true, signIn.signOut))
  return { pages, chores: { byAge: [sessions.collect], others: [] } }
}
