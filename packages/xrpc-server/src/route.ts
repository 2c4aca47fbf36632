import type { Procedure, Query, Subscription } from '@avocet/lexicon'
import { DEFAULT_SUBPROTOCOL, isSubprotocol, type Subprotocol } from '@avocet/xrpc'
import type { InputChecks } from './body.ts'
import { splitRules } from './checks.ts'
import { createFrameEncoders, type FrameEncoder } from './frames.ts'
import type { Limits } from './limits.ts'
import type { RateLimitRule } from './rate-limit.ts'
import type { Auth, MethodEntry, RouterOptions, StreamEntry } from './types.ts'

type AnyMethod = MethodEntry<any, any>
/** Any method with its settings. */
export type AnyEntry = AnyMethod | StreamEntry<any, any>

/** A method as the router holds it. */
export interface Route {
  readonly schema: Query | Procedure | Subscription
  readonly needs: unknown
  readonly auth: Auth<unknown> | undefined
  readonly permit: ((context: never) => void | Promise<void>) | undefined
  readonly limits: Limits
  readonly validateOutput: boolean
  readonly inputChecks: InputChecks
  /** Rules applied before anything else of the request is looked at, and those that need to know more. */
  readonly early: readonly RateLimitRule[]
  readonly late: readonly RateLimitRule[]
  readonly handler: (context: never) => unknown
  /** Of a subscription. */
  readonly encoders: Readonly<Record<Subprotocol, FrameEncoder>> | undefined
  /** A query for everybody, any number of times. */
  readonly isPlain: boolean
}

/** The router's rules on how often. */
interface Rules {
  readonly early: readonly RateLimitRule[]
  readonly late: readonly RateLimitRule[]
}

/** A method with its settings, over those of the router. @throws {TypeError} for a subscription that declares what nobody speaks here */
export function routeOf(
  schema: Query | Procedure | Subscription,
  entry: AnyEntry,
  limits: Limits,
  general: Rules,
  options: Pick<RouterOptions, 'validateOutput' | 'validateInput' | 'truncate'>,
): Route {
  const { nsid, type } = schema
  if (type === 'subscription' && !isSubprotocol(schema.subprotocol ?? DEFAULT_SUBPROTOCOL)) {
    throw new TypeError(`subprotocol is not served; nsid=${nsid} subprotocol=${schema.subprotocol}`)
  }
  const permit = 'permit' in entry ? entry.permit : undefined
  const rules = splitRules(entry.rateLimit === undefined ? [] : [entry.rateLimit].flat())
  const validateOutput = entry.validateOutput ?? options.validateOutput ?? true
  const own: Pick<RouterOptions, 'validateInput' | 'truncate'> =
    type === 'procedure' ? (entry as AnyMethod) : {}
  const inputChecks = {
    validate: own.validateInput ?? options.validateInput ?? true,
    truncate: own.truncate ?? options.truncate ?? false,
  }
  const applies = ({ except }: RateLimitRule): boolean => except?.includes(nsid) !== true
  const early = [...general.early.filter(applies), ...rules.early]
  const late = [...general.late.filter(applies), ...rules.late]
  const isOpen = entry.auth === undefined && permit === undefined
  return {
    schema,
    needs: entry.needs,
    auth: entry.auth,
    permit,
    limits: entry.limits === undefined ? limits : { ...limits, ...entry.limits },
    validateOutput,
    inputChecks,
    early,
    late,
    isPlain: type === 'query' && isOpen && early.length + late.length === 0,
    handler: entry.handler,
    encoders: type === 'subscription' ? createFrameEncoders(schema, validateOutput) : undefined,
  }
}
