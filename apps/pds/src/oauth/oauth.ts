import { hkdfSync } from 'node:crypto'

import type { Fetch, LookupTxt } from '@avocet/did'
import { createOAuthKeys, createOAuthServer, createDpopNonces, type OAuthServer } from '@avocet/oauth-server'
import type { AccountRows } from '@avocet/accounts'

import { hostingStatus } from '../account.ts'
import type { AppTokens } from '../auth/app-tokens.ts'
import type { PdsConfig } from '../config/config.ts'
import type { PublicAddress } from '../identity/address.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import type { Logger } from '../logger.ts'
import type { Chores } from '../operations/chores.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Stores } from '../stores/stores.ts'
import { createAdmission } from './admission.ts'
import { createPermissionSets } from './permission-sets.ts'
import { createProofUses } from './proof-uses.ts'

/** Signing in to apps. */
export interface OAuth {
  /** The authorization server. It is made at its first use: its issuer is known once the socket is bound. */
  readonly server: () => OAuthServer
  /** What checks the tokens of apps. */
  readonly appTokens: AppTokens
  /** Forgets requests and sessions that are over. */
  readonly chores: Chores
}

/** What signing in to apps composes. */
export interface OAuthParts {
  readonly config: PdsConfig
  readonly stores: { readonly oauth: Stores['oauth']; readonly accounts: AccountRows }
  readonly address: PublicAddress
  readonly outbound: Pick<Outbound, 'dids'> & { readonly fetch: Fetch }
  readonly lookupTxt: LookupTxt
  readonly counts: SharedCounts
  /** What keys are derived from. */
  readonly secret: string
  /** Tags of the languages of the pages. */
  readonly locales: readonly string[]
  readonly log: Logger
}

/** Rows forgotten at a time. */
const FORGOTTEN = 1000

/** An authorization server over the stores of this server. */
export function createOAuth(parts: OAuthParts): OAuth {
  const { config, stores, address, outbound, lookupTxt, counts, secret, locales, log } = parts
  const { oauth, accounts } = stores
  const { dids, fetch } = outbound
  const keys = createOAuthKeys([new Uint8Array(hkdfSync('sha256', secret, '', 'avocet pds oauth', 32))])
  const nonces = createDpopNonces(keys, Date.now)
  let made: OAuthServer | null = null
  const server = (): OAuthServer =>
    (made ??= createOAuthServer({
      issuer: address.url(),
      audience: () => address.serviceDid(),
      keys,
      nonces,
      replay: createProofUses(counts),
      store: oauth,
      accounts: {
        status: async (did) => {
          const account = await accounts.get(did)
          return account === null ? null : hostingStatus(account)
        },
      },
      fetch,
      permissionSets: createPermissionSets(config.resolveLexicons ? { dids, lookupTxt, fetch } : null),
      trustedClients: config.trustedClients,
      ...(config.rateLimitsEnabled ? { admit: createAdmission(counts.rateLimits) } : {}),
      locales,
      onEvent: (event) => {
        if (event.type === 'refused') log.debug(event, 'an app was refused')
        else log.info(event, 'a session of an app')
      },
      onError: (error, endpoint) => log.error({ err: error, endpoint }, 'answering an app failed'),
    }))
  return {
    server,
    appTokens: { nonces, verifyAccess: (request) => server().verifyAccess(request) },
    chores: {
      byAge: [
        async () => {
          const now = Math.floor(Date.now() / 1000)
          await oauth.apply([{ type: 'forgetExpired', now, limit: FORGOTTEN }])
        },
      ],
      others: [],
    },
  }
}
