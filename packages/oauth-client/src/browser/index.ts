export {
  createBrowserOAuthClient,
  type BrowserClientOptions,
  type BrowserOAuthClient,
  type BrowserSignInOptions,
  type SignedIn,
} from './browser-client.ts'
export { createIndexedDbStores } from './indexed-db.ts'
export { createBrowserResolver, type BrowserResolverOptions } from './resolver.ts'
