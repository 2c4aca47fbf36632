// @atproto/oauth-client-node: an app on a device, and a service with keys.
import {
  JoseKey,
  NodeOAuthClient,
  type NodeSavedSession,
  type NodeSavedState,
  type OAuthClientMetadataInput,
  type OAuthSession,
} from '@atproto/oauth-client-node'

import { CREATE, noteOf, SCOPE, type StockClientFactory } from './client.ts'

/** A store as the client wants it. */
export function inMemory<T>(): {
  readonly values: Map<string, T>
  get(key: string): Promise<T | undefined>
  set(key: string, value: T): Promise<void>
  del(key: string): Promise<void>
} {
  const values = new Map<string, T>()
  return {
    values,
    get: async (key) => values.get(key),
    set: async (key, value) => void values.set(key, value),
    del: async (key) => void values.delete(key),
  }
}

/** One after the other, by name. */
export function createLock(): <T>(name: string, run: () => T | PromiseLike<T>) => Promise<T> {
  const locks = new Map<string, Promise<unknown>>()
  return (name, run) => {
    const before = locks.get(name)
    const running = (async () => {
      await before?.catch(() => undefined)
      return run()
    })()
    locks.set(name, running)
    return running
  }
}

const SHARED = {
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  dpop_bound_access_tokens: true,
} satisfies Partial<OAuthClientMetadataInput>

/** An app on a device of its user, as the client makes one. `redirect`: a loopback address. */
export function deviceApp(options: {
  readonly redirect: `http://127.0.0.1:${number}/callback`
  readonly scope: string
  readonly pds: string
  readonly plcUrl: string
  readonly fetch?: typeof fetch
  readonly sessions?: ReturnType<typeof inMemory<NodeSavedSession>>
}): NodeOAuthClient {
  const { redirect, scope } = options
  const query = new URLSearchParams({ redirect_uri: redirect, scope })
  return newClient(options, {
    ...SHARED,
    scope,
    client_id: `http://localhost?${query.toString()}`,
    redirect_uris: [redirect],
    application_type: 'native',
    token_endpoint_auth_method: 'none',
  })
}

function newClient(
  { pds, plcUrl, fetch, sessions }: Omit<Parameters<typeof deviceApp>[0], 'redirect' | 'scope'>,
  clientMetadata: OAuthClientMetadataInput,
  keyset: JoseKey[] = [],
): NodeOAuthClient {
  return new NodeOAuthClient({
    clientMetadata,
    keyset,
    // The directory is on this machine.
    allowHttp: true,
    ...(fetch === undefined ? {} : { fetch }),
    plcDirectoryUrl: plcUrl,
    handleResolver: pds,
    stateStore: inMemory<NodeSavedState>(),
    sessionStore: sessions ?? inMemory<NodeSavedSession>(),
    requestLock: createLock(),
  })
}

/** @param kind with keys of its own, or without */
export const atprotoNode =
  (kind: 'public' | 'confidential'): StockClientFactory =>
  async ({ pds, plcUrl, fetch, app, files, loopback }, account, page) => {
    // A service of its own for each account: keys are remembered by the service.
    const place = `/atproto-node-${account.handle.split('.')[0]!}` as const
    const sessions = inMemory<NodeSavedSession>()
    const where = { pds, plcUrl, fetch, sessions }
    const client =
      kind === 'public'
        ? deviceApp({ ...where, redirect: `${loopback}/callback`, scope: SCOPE })
        : newClient(
            where,
            {
              ...SHARED,
              scope: SCOPE,
              client_id: `${app}${place}.json`,
              redirect_uris: [`${app}/callback`],
              application_type: 'web',
              token_endpoint_auth_method: 'private_key_jwt',
              token_endpoint_auth_signing_alg: 'ES256',
              jwks_uri: `${app}${place}-keys.json`,
            },
            [await JoseKey.generate(['ES256'], 'key-1')],
          )
    files.set(`${place}.json`, JSON.stringify(client.clientMetadata))
    files.set(`${place}-keys.json`, JSON.stringify(client.jwks))
    let session: OAuthSession
    let kept: NodeSavedSession | undefined
    return {
      begin: async (prompt) => {
        const options = { scope: SCOPE, ...(prompt === undefined ? {} : { prompt }) }
        return (await client.authorize(account.handle, options)).href
      },
      finish: async () => {
        const back = await client.callback(new URL(page.url()).searchParams)
        session = back.session
        return session.did
      },
      call: async () => (await session.fetchHandler(CREATE, noteOf(account))).status,
      restore: async () => {
        session = await client.restore(account.did)
      },
      scope: async () => (await session.getTokenInfo(false)).scope,
      signOut: async () => {
        kept = sessions.values.get(account.did)
        await session.signOut()
      },
      useAgain: async () => {
        sessions.values.set(account.did, kept!)
        await client.restore(account.did, true)
      },
    }
  }
