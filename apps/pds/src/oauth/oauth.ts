import { hkdfSync } from 'node:crypto'

import type { Fetch, LookupTxt } from '@avocet/did'
import { createOAuthKeys, createOAuthServer, createDpopNonces, type OAuthServer } from '@avocet/oauth-server'
import { EXPANDED_LIMITS, expandScopes, parseScope, type ExpandedSet, type Scope } from '@avocet/oauth-scopes'
import type { AccountRows } from '@avocet/accounts'
import type { Nsid } from '@avocet/syntax'

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
  /**
   * What an app may do, to describe it: its scopes, with the permission sets among them, or what they give where one of those is not at
   * hand. Nobody waits for a stranger's host.
   * @param permissions as in `OAuthSession`; null where no session is left
   */
  readonly granted: (scope: string, permissions: string | null) => Promise<GrantedScopes>
  /** Forgets requests and sessions that are over. */
  readonly chores: Chores
}

/** What somebody allowed an app. */
export interface GrantedScopes {
  readonly scopes: readonly Scope[]
  readonly sets: readonly ExpandedSet[]
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
  const permissionSets = createPermissionSets(config.resolveLexicons ? { dids, lookupTxt, fetch } : null)
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
      permissionSets,
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
    granted: async (text, permissions) => {
      const scopes = knownScopes(text)
      const names = new Set(scopes.flatMap((scope) => (scope.resource === 'include' ? [scope.nsid] : [])))
      const documents = new Map<Nsid, unknown>()
      const { signal } = new AbortController()
      for (const nsid of names) {
        documents.set(nsid, await permissionSets.document(nsid, 'renewal', signal))
      }
      const { sets, failed } = expandScopes(scopes, (nsid) => documents.get(nsid))
      return failed.length > 0 && permissions !== null
        ? { scopes: knownScopes(permissions), sets: [] }
        : { scopes, sets }
    },
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

/** Scopes by themselves: those of several sessions together may be more than one request has. */
function knownScopes(text: string): Scope[] {
  return text.split(' ').flatMap((one) => {
    const parsed = parseScope(one, EXPANDED_LIMITS)
    return parsed.kind === 'known' ? [parsed.scope] : []
  })
}
