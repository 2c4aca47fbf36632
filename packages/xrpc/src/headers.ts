/**
 * Header names of the protocol, in the lower case that Fetch and Node use.
 * @see https://atproto.com/specs/xrpc#summary-of-http-headers
 */
export const headerNames = {
  /** Request: the service, `did#id`, to which a PDS forwards the request. */
  proxy: 'atproto-proxy',
  /** Request: labelers whose labels to apply, `did` or `did;redact`, comma-separated. */
  acceptLabelers: 'atproto-accept-labelers',
  /** Response: labelers whose labels were applied. */
  contentLabelers: 'atproto-content-labelers',
  /** Response: the rev of the caller's repo that the answer knows of. */
  repoRev: 'atproto-repo-rev',
  /** Response: requests allowed in the window. */
  rateLimitLimit: 'ratelimit-limit',
  /** Response: requests left in the window. */
  rateLimitRemaining: 'ratelimit-remaining',
  /** Response: when the window ends, in Unix seconds. */
  rateLimitReset: 'ratelimit-reset',
  /** Response: `<limit>;w=<seconds>`. */
  rateLimitPolicy: 'ratelimit-policy',
} as const

/** A service named by a header: its DID and the id of the entry in its DID document, without `#`. */
export interface ServiceRef {
  readonly did: string
  readonly id: string
}

/**
 * Reads the value of `atproto-proxy`, `did:web:labeler.example.com#atproto_labeler`. Only the form is checked: the
 * caller validates the DID with the syntax package where it resolves it.
 *
 * @see https://atproto.com/specs/xrpc#service-proxying
 */
export function parseServiceRef(value: string): ServiceRef | null {
  if (value.length > 2048 + 256) return null
  const match = /^(did:[a-z]+:[A-Za-z0-9._:%-]+)#([A-Za-z0-9._~:-]+)$/.exec(value.trim())
  return match ? { did: match[1]!, id: match[2]! } : null
}

/**
 * Milliseconds to wait by a `Retry-After` header: seconds or an HTTP date. Null when absent or malformed, 0 when in the
 * past.
 *
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(value: string | null, now: number): number | null {
  if (value === null) return null
  const text = value.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  // Date.parse also takes '2': only the HTTP form, which begins with a day's name, is meant here.
  if (!/^[A-Z][a-z]{2}/.test(text)) return null
  const time = Date.parse(text)
  return Number.isNaN(time) ? null : Math.max(0, time - now)
}
