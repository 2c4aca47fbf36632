export {
  carriesDpopToken,
  createAccessVerifier,
  type Access,
  type AccessFailure,
  type AccessResult,
  type AccessVerifierOptions,
  type ProvedRequest,
  type VerifyAccess,
} from './access.ts'
export type {
  ConsentChange,
  OAuthChange,
  OAuthOutcome,
  OAuthRefusal,
  RequestChange,
  SessionChange,
  WholeChange,
} from './change.ts'
export { OAuthServerError, type OAuthServerErrorCode } from './error.ts'
export type { OAuthEvent } from './events.ts'
export { createOAuthKeys, type MacPurpose, type OAuthKeys } from './keys.ts'
export { LIFETIMES, LIMITS, type Lifetimes, type OAuthLimits } from './limits.ts'
export { createMemoryOAuthStore, type MemoryOAuthStore } from './memory/memory-store.ts'
export { createDpopNonces, type DpopNonces } from './nonces.ts'
export type {
  AccountLookup,
  AccountStatus,
  Admission,
  Attempt,
  ClientFetch,
  OAuthServerOptions,
  PermissionSets,
} from './options.ts'
export type {
  AuthorizationPage,
  AuthorizationRedirect,
  ConsentState,
  DenialCode,
  PageFailure,
  ShownClient,
} from './page.ts'
export { createReplayGuard, type ReplayGuard, type ReplayGuardOptions } from './replay.ts'
export type {
  AuthorizationRequest,
  ClientKey,
  Consent,
  Granted,
  OAuthSession,
  Prompt,
  RequestParameters,
  ResponseMode,
} from './rows.ts'
export type {
  AtOnce,
  Awaitable,
  ConsentRows,
  OAuthReads,
  OAuthSessionRows,
  OAuthStore,
  RequestRows,
} from './store.ts'
export type { AskedScope } from './scopes.ts'
export { nameClient } from './shown-client.ts'
export { redirectResponse } from './redirect.ts'
export { createOAuthServer } from './oauth-server.ts'
export { PATHS } from './documents.ts'
export type { OAuthServer, PageVisit } from './types.ts'
