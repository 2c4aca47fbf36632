// https://atproto.com/specs/handle#handle-resolution
import { isDid, isDisallowedTld, isHandle, normalizeHandle, type Did, type Handle } from '@avocet/syntax'
import { createDefaultTxtLookup, createGuardedFetch } from '#platform'
import type { LookupTxt } from './dns.ts'
import { fail, failWith, type DidResult } from './error.ts'
import { readText, type Fetch } from './fetch.ts'
import type { ResolveOptions } from './did-resolver.ts'
import { throttleHosts } from './throttle.ts'

/** Finds the DID a handle leads to. Whether the DID claims the handle is `resolveIdentity`'s question. */
export interface HandleResolver {
  resolve(handle: Handle, options?: ResolveOptions): Promise<DidResult<Did>>
}

/** Options of {@link createHandleResolver}. */
export interface HandleResolverOptions {
  /** TXT records. Default: DNS on Node, DNS over HTTPS elsewhere; null asks no DNS. */
  readonly dns?: LookupTxt | null
  /** Reaches the hosts that handles name. Default: `createGuardedFetch`, 8 requests to a host; null asks no host. */
  readonly fetch?: Fetch | null
  /** For each way; default 5 000. */
  readonly timeoutMs?: number
  /** How long an answer by HTTPS waits for one by DNS, which goes before it; default 1 000. */
  readonly dnsGraceMs?: number
  /** Resolve handles under `.test`; for development. */
  readonly allowTestTld?: boolean
  /** Loopback hosts and plain http in the default fetch; for development. */
  readonly allowLoopback?: boolean
  /** Hosts in private networks, in the default fetch; for an operator's own network. */
  readonly allowPrivate?: boolean
  /** The well-known URL of a handle; default `https://<handle>/.well-known/atproto-did`. */
  readonly wellKnownUrl?: (handle: Handle) => string
}

/** A DID of the longest legal length and some white space. */
const MAX_BYTES = 4_096

/**
 * A resolver of handles by DNS TXT and by HTTPS, both asked at once. The policy:
 *
 * 1. A DID by DNS wins as soon as it comes.
 * 2. Several different DIDs by DNS are `ambiguous`, whatever HTTPS says.
 * 3. A DID by HTTPS counts once DNS has nothing, has failed, or stays silent for `dnsGraceMs`.
 * 4. Neither has one: `not-found`, but the failure of a way that could not be asked where there was one.
 */
export function createHandleResolver(options: HandleResolverOptions = {}): HandleResolver {
  const {
    timeoutMs = 5_000,
    dnsGraceMs = 1_000,
    allowLoopback = false,
    allowPrivate = false,
    allowTestTld = false,
  } = options
  const dns = options.dns === undefined ? createDefaultTxtLookup() : options.dns
  const send =
    options.fetch === undefined
      ? throttleHosts(createGuardedFetch({ allowLoopback, allowPrivate, timeoutMs, maxBytes: MAX_BYTES }))
      : options.fetch
  const wellKnownUrl = options.wellKnownUrl ?? ((handle) => `https://${handle}/.well-known/atproto-did`)

  const byDns = async (handle: Handle, signal: AbortSignal): Promise<DidResult<Did>> => {
    if (dns === null) return fail('not-found', `DNS is not asked; handle=${handle}`)
    const records = await dns(`_atproto.${handle}`, { signal })
    if (!records.ok) return records
    const dids = new Set(
      records.value
        .filter((text) => text.startsWith('did='))
        .map((text) => text.slice('did='.length))
        .filter(isDid),
    )
    const [did] = dids
    if (dids.size > 1) return fail('ambiguous', `DNS names several DIDs; handle=${handle} dids=${dids.size}`)
    return did === undefined
      ? fail('not-found', `DNS names no DID; handle=${handle}`)
      : { ok: true, value: did }
  }

  const byHttps = async (handle: Handle, signal: AbortSignal): Promise<DidResult<Did>> => {
    if (send === null) return fail('not-found', `host is not asked; handle=${handle}`)
    try {
      const response = await send(wellKnownUrl(handle), { headers: { accept: 'text/plain' }, signal })
      const text = (await readText(response, MAX_BYTES)).trim()
      const { status } = response
      if (status >= 500)
        return fail('bad-status', `host failed; handle=${handle} status=${status}`, { status })
      if (response.ok && isDid(text)) return { ok: true, value: text }
      return fail('not-found', `host names no DID; handle=${handle} status=${status}`, { status })
    } catch (cause) {
      return failWith(cause, `handle=${handle}`, signal)
    }
  }

  return {
    async resolve(input, { signal } = {}) {
      if (!isHandle(input)) return fail('invalid-handle', 'not a handle')
      const handle = normalizeHandle(input)
      if (isDisallowedTld(handle) || (handle.endsWith('.test') && !allowTestTld)) {
        return fail('reserved-handle', `top-level domain is reserved; handle=${handle}`)
      }
      const settled = new AbortController()
      const timeout = AbortSignal.timeout(timeoutMs)
      const all = AbortSignal.any([settled.signal, timeout, ...(signal === undefined ? [] : [signal])])
      try {
        const result = await decide(byDns(handle, all), byHttps(handle, all), dnsGraceMs)
        if (!result.ok && result.error.code === 'aborted' && timeout.aborted && signal?.aborted !== true) {
          return fail('timeout', `handle was not resolved in time; handle=${handle} ms=${timeoutMs}`)
        }
        return result
      } finally {
        settled.abort()
      }
    },
  }
}

async function decide(
  dns: Promise<DidResult<Did>>,
  https: Promise<DidResult<Did>>,
  graceMs: number,
): Promise<DidResult<Did>> {
  let timer: NodeJS.Timeout | undefined
  /** Once HTTPS has a DID, DNS has this long to come first. */
  const late = https.then(
    (found) =>
      new Promise<DidResult<Did>>((resolve) => {
        if (found.ok) timer = setTimeout(resolve, graceMs, found)
      }),
  )
  try {
    const first = await Promise.race([dns, late])
    if (first.ok || first.error.code === 'ambiguous') return first
  } finally {
    clearTimeout(timer)
  }
  const [byDns, byHttps] = await Promise.all([dns, https])
  if (byHttps.ok) return byHttps
  return !byDns.ok && byDns.error.code !== 'not-found' ? byDns : byHttps
}
