import type { RequestReport } from '@avocet/xrpc-server'

import type { Logger } from '../logger.ts'

/** Settings of the request log. */
export interface RequestLogOptions {
  /** Whether each request gets a line. */
  readonly enabled: boolean
  /** From this many milliseconds on a request gets a line of its own at level `warn`; 0: none does. */
  readonly slowMs: number
}

/** Who called, as the log names them. */
type CallerKind = 'public' | 'account' | 'app password' | 'app' | 'service' | 'operator'

/** One line a request: method, status, latency, who (kind and DID), how much. Health checks stand at level `debug`. */
export function createRequestLog(
  log: Logger,
  { enabled, slowMs }: RequestLogOptions,
): (report: RequestReport) => void {
  return (report) => {
    const { requestId, nsid, method, address, status, error, auth, length, durationMs } = report
    const ms = Math.round(durationMs * 10) / 10
    const line = {
      id: requestId,
      method,
      nsid,
      status,
      ...(error === undefined ? {} : { error }),
      ms,
      ...callerOf(auth),
      address,
      ...(length === null ? {} : { bytes: length }),
    }
    if (nsid === '_health') log.debug(line, 'request')
    else if (slowMs > 0 && ms >= slowMs && method !== 'WS') log.warn(line, 'slow request')
    else if (enabled) log.info(line, 'request')
  }
}

function callerOf(auth: unknown): { caller: CallerKind; did?: string; client?: string } {
  const { kind, did, scope, operator, clientId } = (auth ?? {}) as {
    kind?: string
    did?: string
    scope?: string
    operator?: boolean
    clientId?: string
  }
  if (operator === true) return { caller: 'operator' }
  if (did === undefined) return { caller: 'public' }
  if (kind === 'oauth') return { caller: 'app', did, client: clientId! }
  if (scope === undefined) return { caller: 'service', did }
  const isApp = scope === 'com.atproto.appPass' || scope === 'com.atproto.appPassPrivileged'
  return { caller: isApp ? 'app password' : 'account', did }
}
