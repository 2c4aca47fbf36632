// A fetch for URLs that strangers choose. Addresses are checked where the connection takes them from: the name is
// resolved once, and the socket can only go to an address that passed. A second answer of a hostile DNS server is never
// asked for, so it cannot lead elsewhere.
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isLoopbackAddress, isPrivateAddress, isPublicAddress } from './address.ts'
import { createAddressLookup } from './dns-node.ts'
import { DidError, failWith } from './error.ts'
import { checkUrl, shown, type Fetch, type FetchInit, type GuardedFetchOptions } from './fetch.ts'
import { toResponse } from './guarded-response.ts'

/** Answers of status 1xx before the answer itself: a host may not send them for as long as it has time. */
const MAX_INTERIM = 16
/** Never sent on to another origin. */
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization', 'dpop']

/** The fetch behind `createGuardedFetch` on Node. */
export function createGuardedRequest(options: GuardedFetchOptions): Fetch {
  const { timeoutMs = 10_000, maxRedirects = 5, maxBytes = 1024 * 1024, ca } = options
  // Idle sockets do not keep a process alive, and each was opened to an address that passed.
  const pool = { keepAlive: true, maxSockets: 16, maxTotalSockets: 512, maxFreeSockets: 64, timeout: 30_000 }
  const agents = {
    'http:': new HttpAgent(pool),
    'https:': new HttpsAgent(ca === undefined ? pool : { ...pool, ca }),
  }
  const lookups = { 'http:': guardLookup(options, 'http:'), 'https:': guardLookup(options, 'https:') }

  const once = (url: URL, init: FetchInit, signal: AbortSignal): Promise<IncomingMessage> => {
    checkUrl(url, options)
    const protocol = url.protocol as 'http:' | 'https:'
    const literal = url.hostname.replace(/^\[|\]$/g, '')
    if (isIP(literal) !== 0) checkAddresses([literal], options, protocol, url.hostname)
    const requestOptions: RequestOptions = {
      method: init.method ?? 'GET',
      headers: {
        accept: '*/*',
        'accept-encoding': 'gzip, br',
        'user-agent': options.userAgent ?? 'avocet',
        ...lowerCased(init.headers),
      },
      agent: agents[protocol],
      lookup: lookups[protocol],
      signal,
    }
    const isRepeatable = init.method === undefined || init.method === 'GET' || init.method === 'HEAD'
    const send = protocol === 'https:' ? httpsRequest : httpRequest
    const attempt = (isLast: boolean): Promise<IncomingMessage> =>
      new Promise((resolve, reject) => {
        const request = send(url, requestOptions, resolve)
        let interim = 0
        request.on('information', () => {
          interim += 1
          if (interim <= MAX_INTERIM) return
          request.destroy()
          reject(new DidError('network', `too many interim answers; url=${shown(url)} max=${MAX_INTERIM}`))
        })
        // Nothing was asked to switch. Without a listener Node ends the connection and tells nobody.
        request.on('upgrade', (_, socket) => {
          socket.destroy()
          reject(new DidError('network', `the host switched to another protocol; url=${shown(url)}`))
        })
        // Stays: an abort after the answer began is reported here as well.
        request.on('error', (error: NodeJS.ErrnoException) => {
          // The host closed an idle connection just as it was used again.
          if (!isLast && request.reusedSocket && error.code === 'ECONNRESET') resolve(attempt(true))
          else reject(error)
        })
        request.end(init.body)
      })
    return attempt(!isRepeatable)
  }

  return async (input, init = {}) => {
    const controller = new AbortController()
    const timeout = new DidError('timeout', `no answer in time; url=${input.slice(0, 200)} ms=${timeoutMs}`)
    const timer = setTimeout(() => controller.abort(timeout), timeoutMs)
    const aborted = (): void => {
      // A caller's AbortSignal.timeout is a timeout, whoever set the clock.
      controller.abort(failWith(init.signal?.reason, `url=${input.slice(0, 200)}`, init.signal).error)
    }
    const done = (): void => {
      clearTimeout(timer)
      init.signal?.removeEventListener('abort', aborted)
    }
    if (init.signal?.aborted) aborted()
    else init.signal?.addEventListener('abort', aborted, { once: true })

    /** Node reports an abort as its own error; ours says why it came. */
    const explain = (cause: unknown): DidError => {
      const { reason } = controller.signal as { reason: unknown }
      if (reason instanceof DidError) return reason
      if (cause instanceof DidError) return cause
      return new DidError('network', `request failed; url=${input.slice(0, 200)}`, { cause })
    }

    try {
      let url = URL.parse(input)
      if (url === null) throw new DidError('blocked-protocol', `not a URL; url=${input.slice(0, 200)}`)
      let current = init
      for (let hops = 0; ; hops++) {
        const message = await once(url, current, controller.signal)
        const location = redirectOf(message)
        if (location === undefined || init.redirect === 'manual') {
          return toResponse(message, {
            url: url.href,
            method: current.method ?? 'GET',
            maxBytes,
            explain,
            done,
          })
        }
        message.destroy()
        if (hops >= maxRedirects || init.redirect === 'error') {
          throw new DidError(
            'too-many-redirects',
            `too many redirects; url=${shown(url)} max=${maxRedirects}`,
          )
        }
        const next = URL.parse(location, url.href)
        if (next === null) throw new DidError('network', `redirect to no URL; url=${shown(url)}`)
        current = afterRedirect(current, message.statusCode ?? 0, next.origin === url.origin)
        url = next
      }
    } catch (error) {
      done()
      throw explain(error)
    }
  }
}

function redirectOf(message: IncomingMessage): string | undefined {
  return [301, 302, 303, 307, 308].includes(message.statusCode ?? 0) ? message.headers.location : undefined
}

/** https://fetch.spec.whatwg.org/#http-redirect-fetch */
function afterRedirect(init: FetchInit, status: number, isSameOrigin: boolean): FetchInit {
  const { method = 'GET', headers, body, ...rest } = init
  const becomesGet = (status === 303 && method !== 'HEAD') || (status < 303 && method === 'POST')
  const dropped = [
    ...(isSameOrigin ? [] : CREDENTIALS),
    ...(becomesGet ? ['content-type', 'content-length'] : []),
  ]
  const kept = Object.entries(lowerCased(headers)).filter(([name]) => !dropped.includes(name))
  return {
    ...rest,
    headers: Object.fromEntries(kept),
    method: becomesGet ? 'GET' : method,
    ...(becomesGet || body === undefined ? {} : { body }),
  }
}

function lowerCased(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/**
 * The addresses that pass: loopback and private ones by either protocol where they are allowed, all others by the
 * protocols that are allowed to every address.
 * @throws {DidError} `blocked-address` when none does
 */
export function checkAddresses(
  addresses: readonly string[],
  options: GuardedFetchOptions,
  protocol: 'http:' | 'https:',
  hostname: string,
): string[] {
  const { allowLoopback = false, allowPrivate = false, protocols = ['https:'] } = options
  const { isAllowedAddress = isPublicAddress } = options
  const isForAll = protocols.includes(protocol)
  const passed = addresses.filter(
    (address) =>
      (isForAll && isAllowedAddress(address)) ||
      (allowLoopback && isLoopbackAddress(address)) ||
      (allowPrivate && isPrivateAddress(address)),
  )
  if (passed.length === 0) {
    throw new DidError(
      'blocked-address',
      `host leads to no allowed address; host=${hostname} protocol=${protocol}`,
    )
  }
  return passed
}

/** The `lookup` of a socket: what it gives is what the socket connects to. */
function guardLookup(options: GuardedFetchOptions, protocol: 'http:' | 'https:'): LookupFunction {
  const lookup =
    options.lookup ??
    createAddressLookup({ allowLoopback: options.allowLoopback === true || options.allowPrivate === true })
  return (hostname, { all }, callback) => {
    lookup(hostname)
      .then((addresses) => checkAddresses(addresses, options, protocol, hostname))
      .then(
        (passed) => {
          const found = passed.map((address) => ({ address, family: isIP(address) }))
          const [first] = found
          if (all === true) callback(null, found)
          else callback(null, first?.address ?? '', first?.family ?? 0)
        },
        (error: unknown) => callback(error as Error, all === true ? [] : ''),
      )
  }
}
