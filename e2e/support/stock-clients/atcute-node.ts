// @atcute/oauth-node-client: an app on a device, and a service with keys.
import {
  generateClientAssertionKey,
  MemoryStore,
  OAuthClient,
  type OAuthSession,
  type StoredSession,
  type StoredState,
} from '@atcute/oauth-node-client'

import { CREATE, noteOf, SCOPE, type StockClientFactory } from './client.ts'

/** @param kind with keys of its own, or without */
export const atcuteNode =
  (kind: 'public' | 'confidential'): StockClientFactory =>
  async ({ pds, fetch, app, files, loopback }, account, page) => {
    // A service of its own for each account: keys are remembered by the service.
    const place = `/atcute-node-${account.handle.split('.')[0]!}` as const
    const sessions = new MemoryStore<typeof account.did, StoredSession>()
    const options = {
      actorResolver: { resolve: async () => ({ ...account, pds }) },
      stores: { sessions, states: new MemoryStore<string, StoredState>() },
      fetch,
    }
    const client =
      kind === 'public'
        ? new OAuthClient({
            ...options,
            metadata: { redirect_uris: [`${loopback}/callback`], scope: SCOPE },
          })
        : new OAuthClient({
            ...options,
            metadata: {
              client_id: `${app}${place}.json`,
              redirect_uris: [`${app}/callback`],
              scope: SCOPE,
              jwks_uri: `${app}${place}-keys.json`,
            },
            keyset: [await generateClientAssertionKey('key-1', 'ES256')],
          })
    files.set(`${place}.json`, JSON.stringify(client.metadata))
    files.set(`${place}-keys.json`, JSON.stringify(client.jwks ?? null))
    let session: OAuthSession
    let kept: StoredSession | undefined
    return {
      begin: async (prompt) => {
        const target = { type: 'account', identifier: account.handle } as const
        const { url } = await client.authorize({ target, ...(prompt === undefined ? {} : { prompt }) })
        return url.href
      },
      finish: async () => {
        session = (await client.callback(new URL(page.url()).searchParams)).session
        return session.did
      },
      call: async () => (await session.handle(CREATE, noteOf(account))).status,
      restore: async () => {
        session = await client.restore(account.did)
      },
      scope: async () => (await session.getTokenInfo(false)).scope,
      signOut: async () => {
        kept = sessions.get(account.did)
        await session.signOut()
      },
      useAgain: async () => {
        sessions.set(account.did, kept!)
        await client.restore(account.did, { refresh: true })
      },
    }
  }
