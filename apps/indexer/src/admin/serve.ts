// The listener of the admin API: apart from the one that everybody may ask.

import { createRouter } from '@avocet/xrpc-server'
import { serve, type Serving } from '@avocet/xrpc-server/node'
import type { AdminConfig } from '../config.ts'
import { listenError } from '../http/listen.ts'
import { loadPage } from '../http/page.ts'
import { type AdminParts, createAdmin } from './api.ts'
import { isLoopback } from './door.ts'

/** Starts it. @throws IndexerError `port-in-use`, `cannot-listen` */
export async function serveAdmin(
  { host, port, token }: AdminConfig,
  parts: Omit<AdminParts, 'token' | 'onLoopback' | 'page'>,
  onError: (error: unknown) => void,
): Promise<Serving> {
  try {
    return await serve({
      router: createRouter(),
      hostname: host,
      port,
      requestMs: 30_000,
      stopMs: 1000,
      fetch: createAdmin({ ...parts, token, onLoopback: isLoopback(host), page: loadPage('operator') }),
      onError,
    })
  } catch (cause) {
    throw listenError(host, port, cause, '--admin-port')
  }
}
