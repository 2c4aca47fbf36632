export { createGuardedFetch } from '#platform'
export { INVALID_HANDLE, resolveAccount, type Account, type IdentityResolvers } from './account.ts'
export { isLoopbackAddress, isPrivateAddress, isPublicAddress } from './address.ts'
export type { CacheOptions, CacheStore, StoredEntry } from './cache.ts'
export {
  createDidResolver,
  type DidResolver,
  type DidResolverOptions,
  type ResolveOptions,
} from './did-resolver.ts'
export { createDohLookup, type DohOptions } from './dns-https.ts'
export type { LookupTxt } from './dns.ts'
export {
  handleOf,
  labelerEndpoint,
  pdsEndpoint,
  serviceEndpoint,
  signingKey,
  verificationKey,
  verificationMethods,
} from './document-fields.ts'
export { parseDidDocument, type DidDocument, type DidService, type VerificationMethod } from './document.ts'
export { DidError, type DidErrorCode, type DidResult } from './error.ts'
export type { Fetch, FetchInit, GuardedFetchOptions } from './fetch.ts'
export { createHandleResolver, type HandleResolver, type HandleResolverOptions } from './handle-resolver.ts'
export { resolveIdentity, type Identity } from './identity.ts'
export { throttleHosts, type ThrottleOptions } from './throttle.ts'
export {
  withCache,
  withHandleCache,
  type CachedDidResolver,
  type CachedHandleResolver,
} from './with-cache.ts'
export { createXrpcHandleResolver, type XrpcHandleResolverOptions } from './xrpc-handle-resolver.ts'
export { createResolveKey, createResolveLabelKey, type VerificationIdentity } from './resolve-key.ts'
