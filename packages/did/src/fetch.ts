import { DidError } from './error.ts'

/** The part of `fetch` this package needs; the platform's is one. */
export type Fetch = (url: string, init?: FetchInit) => Promise<Response>

/** What a request may be given. */
export interface FetchInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly redirect?: 'follow' | 'manual' | 'error'
  readonly signal?: AbortSignal
}

/** Options of `createGuardedFetch`. */
export interface GuardedFetchOptions {
  /** For development: loopback addresses too, and plain http to them. */
  readonly allowLoopback?: boolean
  /** For an operator's own network: private addresses too (`isPrivateAddress`), and plain http to them. */
  readonly allowPrivate?: boolean
  /** Protocols allowed to every address; default `https:` alone. */
  readonly protocols?: readonly ('https:' | 'http:')[]
  /** Which addresses may be connected to, in place of the public ones. */
  readonly isAllowedAddress?: (address: string) => boolean
  /** Addresses of a host name; default: the system's DNS servers. Asked once per connection. */
  readonly lookup?: (hostname: string) => Promise<readonly string[]>
  /** Largest body after decompression, in bytes; default 1 MiB. */
  readonly maxBytes?: number
  /** From the call to the last byte of the body, redirects included, in milliseconds; default 10 000. */
  readonly timeoutMs?: number
  /** Default 5. */
  readonly maxRedirects?: number
  /** Certificate authorities in place of the system's, as PEM; for development and tests. */
  readonly ca?: string
  /** Default `avocet`. */
  readonly userAgent?: string
}

/** What the guard refuses before it looks at addresses. @throws {DidError} `blocked-protocol` */
export function checkUrl(url: URL, options: GuardedFetchOptions): void {
  const { protocols = ['https:'], allowLoopback = false, allowPrivate = false } = options
  const allowed: readonly string[] =
    allowLoopback || allowPrivate ? [...protocols, 'https:', 'http:'] : protocols
  if (!allowed.includes(url.protocol)) {
    throw new DidError('blocked-protocol', `protocol is not allowed; url=${shown(url)}`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new DidError('blocked-protocol', `credentials in a URL are not allowed; host=${url.host}`)
  }
}

/** A URL for messages: without query, not too long. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`.slice(0, 200)
}

/** The body as text. @throws {DidError} `too-large` past `maxBytes`, with the connection given up */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  const tooLarge = (): DidError => new DidError('too-large', `answer is too large; max=${maxBytes}`)
  if (Number(response.headers.get('content-length') ?? 0) > maxBytes) {
    await response.body?.cancel()
    throw tooLarge()
  }
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  const reader = response.body.getReader()
  let text = ''
  let size = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      size += value.length
      if (size > maxBytes) throw tooLarge()
      text += decoder.decode(value, { stream: true })
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** Bounds a whole request, body included, in time: from when it is sent, not from when it was queued. */
export function withTimeout(inner: Fetch, timeoutMs: number): Fetch {
  return (url, init) => {
    const timeout = AbortSignal.timeout(timeoutMs)
    const signal = init?.signal === undefined ? timeout : AbortSignal.any([init.signal, timeout])
    return inner(url, { ...init, signal })
  }
}

const RESET: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

/**
 * The platform's fetch, for GET alone: asks once more when the host closed an idle connection just as it was used again.
 */
export async function platformFetch(url: string, init?: FetchInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    const { cause } = error as { cause?: { code?: unknown } }
    if (!RESET.has(cause?.code)) throw error
    return fetch(url, init)
  }
}
