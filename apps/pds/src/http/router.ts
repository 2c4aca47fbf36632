import { BlobError } from '@avocet/blobs'
import type { Catalog } from '@avocet/lexicon'
import { createRouter, type Router } from '@avocet/xrpc-server'

import type { Auth } from '../auth/auth.ts'
import type { Authorizer } from '../auth/authorizer.ts'
import type { PdsConfig } from '../config/config.ts'
import { createHealthCheck } from '../health/health-check.ts'
import { createBypass, GLOBAL_LIMIT } from '../limits/rate-limits.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import type { Logger } from '../logger.ts'
import type { Watch } from '../operations/watch.ts'
import type { ServiceProxy } from '../proxy/service-proxy.ts'
import { readVersion } from '../version.ts'
import { toXrpcError } from '../wire-errors.ts'

/** What the router composes. */
export interface PdsRouterParts {
  readonly config: PdsConfig
  readonly authorizer: Authorizer
  readonly answerHeaders: Auth['answerHeaders']
  readonly watch: Watch
  readonly counts: SharedCounts
  /** Lexicons of methods that are added by their NSID. */
  readonly catalog: Catalog | undefined
  /** Answers methods that nobody added. */
  readonly fallback: ServiceProxy
  readonly log: Logger
}

/** A router without methods, with the errors, limits and health check of this server. */
export function createPdsRouter(parts: PdsRouterParts): Router {
  const { config, authorizer, answerHeaders, watch, counts, catalog, fallback, log } = parts
  const { health } = watch
  return createRouter({
    ...(catalog === undefined ? {} : { catalog }),
    mapError: (error) => {
      health.observe(error)
      if (error instanceof BlobError) log.error({ err: error }, 'the store of blobs failed')
      return toXrpcError(error)
    },
    // Clients may send parameters of newer lexicons than those known here.
    unknownParams: 'ignore',
    // And `cursor=` for no cursor.
    emptyParams: 'ignore',
    rateLimit: {
      store: counts.rateLimits,
      rules: [GLOBAL_LIMIT],
      bypass: createBypass(config),
      onRefused: (rule, { address }) => counts.hits.refused(rule, address),
    },
    fallback,
    answerHeaders,
    health: createHealthCheck(
      health,
      (request) => authorizer.isAdmin(request),
      `avocet-pds ${readVersion()}`,
      () => counts.problem(),
    ),
    onError: (error, context) => log.error({ err: error, ...context }, 'request failed'),
    onRequest: watch.observe,
  })
}
