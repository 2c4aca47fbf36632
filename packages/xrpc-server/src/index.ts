export type { Answer, BodyBytes, Call, HeaderRecord } from './call.ts'
export type { BreakerOptions } from './breaker.ts'
export type { CorsOptions } from './cors.ts'
export type { RequestInfo } from './info.ts'
export { networkOf } from './network.ts'
export { defaultLimits, type Limits } from './limits.ts'
export { OutputError } from './output.ts'
export {
  createMemoryRateLimitStore,
  type RateLimitContext,
  type RateLimitCount,
  type RateLimitOptions,
  type RateLimitRule,
  type RateLimitStore,
} from './rate-limit.ts'
export { createFallbackRateLimitStore, type FallbackOptions } from './rate-limit-fallback.ts'
export { createRedisRateLimitStore } from './rate-limit-redis.ts'
export { boundRedis, type RedisEval } from './redis-eval.ts'
export { createRedisReplayGuard } from './replay-redis.ts'
export { redirect, Reply, respond, type ReplyInit } from './reply.ts'
export { printFailure } from './reports.ts'
export { createRouter } from './router.ts'
export { TextFrame, type SentFrame } from './frames.ts'
export type { Connection, FrameSocket, Subscriber } from './subscription.ts'
export type {
  AddedMethod,
  Auth,
  AuthContext,
  HandlerContext,
  HandlerInput,
  HandlerOutput,
  MethodEntry,
  MethodHandler,
  FallbackContext,
  RequestReport,
  Router,
  RouterOptions,
  StreamContext,
  StreamEntry,
  StreamHandler,
  StreamItem,
  UntypedContext,
  UntypedEntry,
  UntypedHandler,
} from './types.ts'
export { streamOf } from './stream.ts'
