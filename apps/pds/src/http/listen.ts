import { DidError } from '@avocet/did'
import type { Router } from '@avocet/xrpc-server'
import { serve, type Serving } from '@avocet/xrpc-server/node'
import type { Hono } from 'hono'

import type { PdsConfig } from '../config/config.ts'
import type { Health } from '../health/health.ts'
import type { Logger } from '../logger.ts'
import type { PageEnv } from '../operator/guard.ts'
import { FRONT_SERVERS } from './front-servers.ts'

/** What listening composes. */
export interface ListenParts {
  readonly config: PdsConfig
  readonly router: Router
  /** What is answered outside `/xrpc`. */
  readonly pages: Hono<PageEnv>
  readonly health: Health
  readonly log: Logger
}

/** Serves methods and pages at the port of the settings. Throws what `listen` throws (EADDRINUSE, …). */
export function listen({ config, router, pages, health, log }: ListenParts): Promise<Serving> {
  return serve({
    router,
    port: config.port,
    hostname: config.host,
    trustProxy: FRONT_SERVERS,
    fetch: pages.fetch,
    onError: (error) => {
      // A service broke off an answer that was being handed on: strangers do not fill the log of errors.
      if (error instanceof DidError) log.warn({ err: error }, 'an answer of another service broke off')
      else log.error({ err: error }, 'answering failed')
      health.observe(error)
    },
  })
}
