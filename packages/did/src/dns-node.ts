// https://nodejs.org/docs/latest-v24.x/api/dns.html: the resolver that does not occupy the thread pool.
import { lookup, Resolver } from 'node:dns/promises'
import { DidError, fail } from './error.ts'
import { MAX_DNS_NAME, type LookupTxt } from './dns.ts'

/** Options of {@link createTxtLookup}. */
export interface TxtLookupOptions {
  /** `address` or `address:port` of DNS servers; default: the system's. */
  readonly servers?: readonly string[]
  /** Per try, in milliseconds; default 2 000. */
  readonly timeoutMs?: number
  /** Default 2. */
  readonly tries?: number
}

/** TXT records by DNS. Fails with `timeout`, `dns-failure` (a server that failed or refused) or `aborted`. */
export function createTxtLookup(options: TxtLookupOptions = {}): LookupTxt {
  const { servers, timeoutMs = 2_000, tries = 2 } = options
  return async (name, { signal } = {}) => {
    if (name.length > MAX_DNS_NAME) return { ok: true, value: [] }
    // One resolver per question: its `cancel` ends every question it has.
    const resolver = createResolver(servers, timeoutMs, tries)
    const cancel = (): void => resolver.cancel()
    if (signal?.aborted) return fail('aborted', `lookup was aborted; name=${name}`)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const records = await resolver.resolveTxt(name)
      return { ok: true, value: records.map((pieces) => pieces.join('')) }
    } catch (cause) {
      const { code } = cause as { code?: string }
      if (code === 'ENOTFOUND' || code === 'ENODATA') return { ok: true, value: [] }
      if (code === 'ETIMEOUT') return fail('timeout', `DNS did not answer in time; name=${name}`, { cause })
      if (code === 'ECANCELLED') return fail('aborted', `lookup was aborted; name=${name}`, { cause })
      return fail('dns-failure', `DNS failed; name=${name} code=${code ?? 'unknown'}`, { cause })
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }
}

/** Options of {@link createAddressLookup}. */
export interface AddressLookupOptions extends TxtLookupOptions {
  /** Asks the operating system, and so its hosts file, for names; for development and private networks. */
  readonly allowLoopback?: boolean
}

/**
 * IPv4 and IPv6 addresses of a host by DNS.
 *
 * Not by `getaddrinfo`: it holds one of four threads for as long as a hostile name server lets it wait.
 */
export function createAddressLookup(
  options: AddressLookupOptions = {},
): (hostname: string) => Promise<readonly string[]> {
  const { servers, timeoutMs = 2_000, tries = 2, allowLoopback = false } = options
  return async (hostname) => {
    if (allowLoopback && servers === undefined) {
      const found = await lookup(hostname, { all: true, order: 'ipv4first' })
      return found.map(({ address }) => address)
    }
    const resolver = createResolver(servers, timeoutMs, tries)
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    const found = [v4, v6].flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    if (found.length > 0) return found
    const cause: unknown = v4.status === 'rejected' ? v4.reason : undefined
    const code = (cause as { code?: string } | undefined)?.code === 'ETIMEOUT' ? 'timeout' : 'dns-failure'
    throw new DidError(code, `host has no address; host=${hostname}`, { cause })
  }
}

function createResolver(servers: readonly string[] | undefined, timeout: number, tries: number): Resolver {
  const resolver = new Resolver({ timeout, tries })
  if (servers !== undefined) resolver.setServers(servers)
  return resolver
}
