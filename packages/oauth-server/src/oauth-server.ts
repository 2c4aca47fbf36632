import { createAccessVerifier } from './access.ts'
import { createAuthenticator } from './client/authenticate.ts'
import { createClients } from './client/clients.ts'
import { isLoopbackHost } from './client/host.ts'
import type { Core } from './core.ts'
import { createDpopVerifier } from './dpop.ts'
import { createPages } from './authorize.ts'
import { OAuthServerError } from './error.ts'
import { createEndpoints } from './http/endpoints.ts'
import { LIFETIMES, LIMITS } from './limits.ts'
import { createDpopNonces } from './nonces.ts'
import type { OAuthServerOptions } from './options.ts'
import { createReplayGuard } from './replay.ts'
import type { OAuthServer } from './types.ts'

/**
 * An authorization server of the AT Protocol.
 *
 * @throws OAuthServerError `bad-option` for an issuer that is no origin, or of http beyond this machine
 */
export function createOAuthServer(options: OAuthServerOptions): OAuthServer {
  const { issuer, audience, keys, store, accounts, fetch, now = Date.now } = options
  checkIssuer(issuer)
  const lifetimes = { ...LIFETIMES, ...options.lifetimes }
  const limits = { ...LIMITS, ...options.limits }
  const { nonces = createDpopNonces(keys, now), admit = () => ({ ok: true }) } = options
  // Each kind has a guard of its own, so that no one of them pushes another's uses out.
  const guard = (): NonNullable<typeof options.replay> => options.replay ?? createReplayGuard({ now })
  const trusted = new Set(options.trustedClients)
  const { clientCacheBytes: cacheBytes, clientFetches: maxFetches } = limits
  const clients = createClients({ fetch, admit, now, cacheBytes, maxFetches })
  const core: Core = {
    issuer,
    audience,
    keys,
    store,
    accounts,
    permissionSets: options.permissionSets ?? { document: () => null },
    clients,
    authenticator: createAuthenticator({ issuer, clients, replay: guard(), now }),
    dpop: createDpopVerifier({ origin: issuer, nonces, replay: guard(), now }),
    challenges: guard(),
    isTrusted: (clientId) => trusted.has(clientId),
    admit,
    lifetimes,
    limits,
    now,
    onEvent: options.onEvent ?? (() => undefined),
  }
  const { documentation = 'https://atproto.com', locales = ['en'], onError = () => undefined } = options
  return {
    fetch: createEndpoints(core, nonces, { documentation, locales, onError }),
    ...createPages(core),
    verifyAccess: createAccessVerifier({
      issuer,
      audience,
      keys,
      sessions: store.sessions,
      nonces,
      replay: guard(),
      now,
    }),
  }
}

function checkIssuer(issuer: string): void {
  const url = URL.parse(issuer)
  if (url?.origin !== issuer || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new OAuthServerError('bad-option', `issuer must be an origin; got ${issuer}`)
  }
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    throw new OAuthServerError('bad-option', `issuer must be https but on this machine; got ${issuer}`)
  }
}
