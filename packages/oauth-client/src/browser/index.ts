export { createBrowserOAuthClient, type BrowserOAuthClient } from './browser-client.ts'
export { createIndexedDbStores } from './indexed-db.ts'
export {
  createRedirectOAuthClient,
  type BrowserClientOptions,
  type BrowserSignInOptions,
  type RedirectOAuthClient,
  type SignedIn,
} from './redirect-client.ts'
export { createBrowserResolver, type BrowserResolverOptions } from './resolver.ts'
