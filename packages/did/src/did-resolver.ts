// https://atproto.com/specs/did#blessed-did-methods
import { isDid, type Did } from '@avocet/syntax'
import { createGuardedFetch } from '#platform'
import { parseDidDocument, type DidDocument } from './document.ts'
import { fail, failWith, type DidResult } from './error.ts'
import { platformFetch, readText, withTimeout, type Fetch } from './fetch.ts'
import { throttleHosts } from './throttle.ts'

/** How a resolver is asked. */
export interface ResolveOptions {
  readonly signal?: AbortSignal
  /** Ask the source itself, whatever a cache holds. */
  readonly forceRefresh?: boolean
}

/** Finds the document of a DID. */
export interface DidResolver {
  resolve(did: Did, options?: ResolveOptions): Promise<DidResult<DidDocument>>
}

/** Options of {@link createDidResolver}. */
export interface DidResolverOptions {
  /** The did:plc directory; default `https://plc.directory`. */
  readonly plcUrl?: string
  /**
   * Reaches the hosts that did:web names. Default: `createGuardedFetch`, at most 8 requests to a host at a time. Give
   * only a fetch with a guard of its own: the hosts are strangers' choice.
   */
  readonly fetch?: Fetch
  /** Reaches the directory, whose address is the operator's choice. Default: the platform's, 32 requests at a time. */
  readonly plcFetch?: Fetch
  /** did:web of localhost, with a port, over plain http; for development. */
  readonly allowLoopback?: boolean
  /** Hosts in private networks, in the default fetch; for an operator's own network. */
  readonly allowPrivate?: boolean
  /** For a whole request once it is sent; default 10 000. */
  readonly timeoutMs?: number
  /** Of a document; default 256 KiB. */
  readonly maxBytes?: number
}

const PLC = /^did:plc:[a-z2-7]{24}$/
/** A host name, or localhost; a port only as `%3A` and digits. Paths (`:a:b`) are not used in atproto. */
const WEB = /^did:web:([A-Za-z0-9.-]+)(?:%3[Aa]([0-9]{1,5}))?$/

/**
 * A resolver of did:plc and did:web. It asks each time: wrap it in `withCache`.
 *
 * Fails with `invalid-did`, `unsupported-method`, `not-found`, `tombstoned`, `invalid-document`, `id-mismatch`,
 * `bad-status`, `too-large`, `timeout`, `network`, `throttled`, `aborted`, or a `blocked-…` code.
 */
export function createDidResolver(options: DidResolverOptions = {}): DidResolver {
  const { allowLoopback = false, allowPrivate = false, timeoutMs = 10_000, maxBytes = 256 * 1024 } = options
  const plcUrl = (options.plcUrl ?? 'https://plc.directory').replace(/^(.*[^/])?\/*$/s, '$1')
  const webFetch =
    options.fetch === undefined
      ? throttleHosts(createGuardedFetch({ allowLoopback, allowPrivate, timeoutMs, maxBytes }))
      : withTimeout(options.fetch, timeoutMs)
  const plcFetch =
    options.plcFetch === undefined
      ? throttleHosts(withTimeout(platformFetch, timeoutMs), { concurrency: 32, maxQueue: 100_000 })
      : withTimeout(options.plcFetch, timeoutMs)

  const load = async (
    did: Did,
    url: string,
    send: Fetch,
    signal?: AbortSignal,
  ): Promise<DidResult<DidDocument>> => {
    try {
      const response = await send(url, {
        headers: { accept: 'application/did+ld+json, application/json' },
        ...(signal && { signal }),
      })
      const text = await readText(response, maxBytes)
      if (!response.ok) return refusal(did, response.status, text)
      return parseDidDocument(JSON.parse(text), did)
    } catch (cause) {
      if (cause instanceof SyntaxError)
        return fail('invalid-document', `document is not JSON; did=${did}`, { cause })
      return failWith(cause, `did=${did}`, signal)
    }
  }

  return {
    async resolve(did, { signal } = {}) {
      if (!isDid(did)) return fail('invalid-did', 'not a DID')
      if (did.startsWith('did:plc:')) {
        if (!PLC.test(did)) return fail('invalid-did', `not a did:plc; did=${did}`)
        return load(did, `${plcUrl}/${did}`, plcFetch, signal)
      }
      if (!did.startsWith('did:web:'))
        return fail('unsupported-method', `method is not supported; did=${did}`)
      const url = webUrl(did, allowLoopback)
      if (url === null) return fail('invalid-did', `not a did:web of a host; did=${did}`)
      return load(did, url, webFetch, signal)
    },
  }
}

/** Where the document of a did:web is. https://w3c-ccg.github.io/did-method-web/#read-resolve */
function webUrl(did: string, allowLoopback: boolean): string | null {
  const [, host, port] = WEB.exec(did) ?? []
  if (host === undefined) return null
  const isLocal = host === 'localhost' || host === '127.0.0.1'
  if (isLocal && !allowLoopback) return null
  if (!isLocal && (port !== undefined || !host.includes('.'))) return null
  const origin = `${isLocal ? 'http' : 'https'}://${host}${port === undefined ? '' : `:${port}`}`
  return URL.canParse(origin) ? `${origin}/.well-known/did.json` : null
}

function refusal(did: Did, status: number, body: string): DidResult<never> {
  // Older directories answer 404 for a tombstone too and tell the two apart in words only.
  const isTombstone = did.startsWith('did:plc:') && (status === 410 || body.includes('DID not available'))
  if (isTombstone) return fail('tombstoned', `DID is tombstoned; did=${did}`, { status })
  if (status === 404 || status === 410) return fail('not-found', `DID is not known; did=${did}`, { status })
  return fail('bad-status', `answer is not a document; did=${did} status=${status}`, { status })
}
