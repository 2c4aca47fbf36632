import { createDidResolver, DidError, type DidResult } from '@avocet/did'
import { isDid, type Did, type Handle } from '@avocet/syntax'

import { createAccountResolver, type ResolveAccount } from '../account.ts'
import { exchange, readObject } from '../http.ts'

/** Where accounts are found from a page. */
export interface BrowserResolverOptions {
  /**
   * Origin of a service that resolves handles, as every PDS and app view does: a page can ask no DNS, and few sites that handles
   * name let it ask them. The service learns who signs in: choose it with care.
   */
  readonly handleResolver: string
  /** The did:plc directory; default `https://plc.directory`. */
  readonly plcUrl?: string
  readonly allowLoopback?: boolean
}

const BOUNDS = { timeoutMs: 10_000, maxBytes: 16 * 1024 }

/** Finds accounts from a page, by `com.atproto.identity.resolveHandle` of a service. */
export function createBrowserResolver(options: BrowserResolverOptions): ResolveAccount {
  const { handleResolver, plcUrl, allowLoopback = false } = options
  const dids = createDidResolver({ allowLoopback, ...(plcUrl === undefined ? {} : { plcUrl }) })
  const resolve = async (handle: Handle): Promise<DidResult<Did>> => {
    const url = new URL('/xrpc/com.atproto.identity.resolveHandle', handleResolver)
    url.searchParams.set('handle', handle)
    try {
      const { status, text } = await exchange((to, init) => fetch(to, init), { url: url.href }, BOUNDS)
      const did = readObject(text)?.['did']
      if (status === 200 && isDid(did)) return { ok: true, value: did }
      const code = status === 400 || status === 404 ? 'not-found' : 'bad-status'
      return { ok: false, error: new DidError(code, `handle is not known; handle=${handle}`, { status }) }
    } catch (cause) {
      return {
        ok: false,
        error: new DidError('network', `handle resolver failed; handle=${handle}`, { cause }),
      }
    }
  }
  return createAccountResolver({ dids, handles: { resolve } })
}
