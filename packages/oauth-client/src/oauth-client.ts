import { createClient, type OAuthClient } from './client.ts'
import { createCore, type OAuthClientOptions } from './core.ts'
import { createLock } from './lock.ts'
import { createMemoryStores } from './store.ts'

/**
 * Makes a client.
 * @throws {TypeError} for settings that do not fit to each other
 * @see https://atproto.com/specs/oauth
 */
export function createOAuthClient(options: OAuthClientOptions): OAuthClient {
  const { stores = createMemoryStores(), lock = createLock() } = options
  return createClient(createCore({ ...options, stores, lock }))
}
