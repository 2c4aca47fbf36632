// Outside Node nobody tells which address a name leads to. Browsers keep pages away from private networks themselves;
// a server runtime should inject a fetch with a guard of its own.
import { isLoopbackAddress, isPrivateAddress, isPublicAddress } from './address.ts'
import { DidError, failWith } from './error.ts'
import { checkUrl, shown, type Fetch, type GuardedFetchOptions } from './fetch.ts'

/**
 * A `fetch` for https URLs within a bound of time. Address literals that are not public are refused; what a name leads
 * to, and where redirects go, is left to the platform.
 */
export function createGuardedFetch(options: GuardedFetchOptions = {}): Fetch {
  const { timeoutMs = 10_000, allowLoopback = false, allowPrivate = false } = options
  const isAllowed = (address: string): boolean =>
    isPublicAddress(address) || (allowPrivate && isPrivateAddress(address))
  return async (input, init = {}) => {
    const url = URL.parse(input)
    if (url === null) throw new DidError('blocked-protocol', `not a URL; url=${input.slice(0, 200)}`)
    checkUrl(url, options)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const isLiteral = host.includes(':') || /^[0-9.]+$/.test(host)
    const isLoopback = host === 'localhost' || host.endsWith('.localhost') || isLoopbackAddress(host)
    if (isLoopback ? !allowLoopback : isLiteral && !isAllowed(host)) {
      throw new DidError('blocked-address', `host leads to no allowed address; host=${host}`)
    }
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = init.signal === undefined ? timeout : AbortSignal.any([init.signal, timeout])
    try {
      return await fetch(url, { ...init, signal })
    } catch (cause) {
      throw failWith(cause, `url=${shown(url)}`, init.signal).error
    }
  }
}
