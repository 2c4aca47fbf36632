export { createAccountResolver, type Account, type ResolveAccount } from './account.ts'
export type { Authorization, AuthorizeOptions } from './authorize.ts'
export type { OAuthClient, SessionInfo } from './client.ts'
export type { AssertionRequest, ClientAuth } from './client-auth.ts'
export {
  createClientMetadata,
  createLoopbackMetadata,
  metadataProblem,
  type ClientMetadata,
  type ClientMetadataOptions,
  type Scopes,
  type ScopeText,
} from './client-metadata.ts'
export type { OAuthClientEvent, OAuthClientOptions } from './core.ts'
export { exportDpopKey, importDpopKey, type DpopKey, type PrivateJwk, type PublicJwk } from './dpop-key.ts'
export {
  OAuthClientError,
  type OAuthClientErrorCode,
  type OAuthClientErrorData,
  type OAuthResult,
  type SessionEnding,
} from './error.ts'
export type { Fetch } from './http.ts'
export { decodeSession, decodeState, encodeSession, encodeState } from './json.ts'
export { createLock, LOCK_MS, type Lock } from './lock.ts'
export { createOAuthClient } from './oauth-client.ts'
export type { OAuthSession } from './session.ts'
export {
  createMemoryStores,
  type OAuthStores,
  type SessionData,
  type SessionStore,
  type StateData,
  type StateStore,
} from './store.ts'
