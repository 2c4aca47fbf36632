export { createServiceJwt, type ServiceJwtOptions } from './create.ts'
export { ServiceAuthError, type ServiceAuthErrorCode, type ServiceAuthResult } from './error.ts'
export { createReplayGuard, type ReplayGuard, type ReplayGuardOptions } from './replay.ts'
export {
  verifyServiceJwt,
  type ResolveKeyOptions,
  type ServiceToken,
  type VerifyServiceJwtOptions,
} from './verify.ts'
