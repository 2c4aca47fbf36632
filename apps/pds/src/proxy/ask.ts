import type { JsonObject } from '@avocet/data'
import type { Fetch } from '@avocet/did'
import type { Did } from '@avocet/syntax'

import type { ServiceEndpoint } from '../config/config.ts'
import { PdsError } from '../errors.ts'
import type { Signers } from '../identity/signers.ts'
import { readBody } from './bounded-body.ts'
import { userToken } from './service-proxy.ts'

/** How a query of this server's own is bounded. */
export interface AskBounds {
  readonly token?: string
  /** In milliseconds. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

/**
 * Asks a service a query, for this server's own use.
 * @returns the object it answers with, or null when it refuses (a status from 300 on)
 * @throws PdsError `upstream-failed` when there is no answer, or one that is too large or no JSON object
 */
export async function askService(
  fetch: Fetch,
  serviceUrl: string,
  nsid: string,
  params: Readonly<Record<string, string>>,
  { token, timeoutMs, maxBytes }: AskBounds,
): Promise<JsonObject | null> {
  try {
    const query = new URLSearchParams(params).toString()
    const response = await fetch(`${serviceUrl.replace(/\/$/, '')}/xrpc/${nsid}?${query}`, {
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok) {
      await response.body?.cancel()
      return null
    }
    const read = response.body === null ? null : await readBody(response.body, maxBytes)
    if (read?.whole !== true) {
      await read?.stream.cancel()
      throw new Error(`answer is too large, or none; max=${maxBytes}`)
    }
    const value: unknown = JSON.parse(Buffer.from(read.bytes).toString())
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object')
    return value as JsonObject
  } catch (cause) {
    throw new PdsError('upstream-failed', 'Upstream service unreachable', { cause })
  }
}

/** Asks the AppView in the name of an account. @throws PdsError `upstream-failed`, also when it refuses */
export type AskAppView = (
  did: Did,
  nsid: string,
  params: Readonly<Record<string, string>>,
) => Promise<JsonObject>

const BOUNDS: AskBounds = { timeoutMs: 3000, maxBytes: 1024 * 1024 }

/** Asks `appView`. */
export function createAskAppView(fetch: Fetch, appView: ServiceEndpoint, signers: Signers): AskAppView {
  return async (did, nsid, params) => {
    const token = await userToken(signers, did, appView.did, nsid)
    const answer = await askService(fetch, appView.url, nsid, params, { ...BOUNDS, token })
    if (answer === null) throw new PdsError('upstream-failed', `Upstream service refused ${nsid}`)
    return answer
  }
}
