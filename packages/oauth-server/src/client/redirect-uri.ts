// https://atproto.com/specs/oauth#redirects, https://www.rfc-editor.org/rfc/rfc8252#section-7

import { quoted } from '../failure.ts'
import { isLoopbackHost, isPrintable } from './host.ts'

/** Characters of one redirect URI. */
const MAX_LENGTH = 2048

/** What the answer is made of: each of it has to be there once. */
const ANSWER = ['iss', 'state', 'code', 'error', 'error_description']

/** What a redirect URI is registered for. */
export interface RedirectRules {
  readonly native: boolean
  /** Of the client id, for private schemes; null for apps on a device, which may have none. */
  readonly host: string | null
  /** Whether https is one of the ways back. */
  readonly https: boolean
}

/** The rule that a redirect URI of a document breaks; null where it may stand there. */
export function redirectProblem(uri: unknown, rules: RedirectRules): string | null {
  if (typeof uri !== 'string' || !isPrintable(uri) || uri.length > MAX_LENGTH) {
    return `redirect_uris must be URLs of up to ${MAX_LENGTH} characters; got ${quoted(uri)}`
  }
  const rule = brokenRule(uri, rules)
  return rule === null ? null : `${rule}; got ${quoted(uri)}`
}

function brokenRule(uri: string, { native, host, https }: RedirectRules): string | null {
  const url = URL.parse(uri)
  if (url === null) return 'redirect_uris must be URLs'
  if (uri.includes('#')) return 'redirect_uris must not have a fragment'
  if (url.username !== '' || url.password !== '') return 'redirect_uris must not have a user'
  const ours = ANSWER.find((name) => url.searchParams.has(name))
  if (ours !== undefined) return `redirect_uris must not have the parameter ${ours} of the answer`
  if (url.protocol === 'https:') {
    if (!https)
      return 'redirect_uris of a client on http://localhost must be http://127.0.0.1 or http://[::1]'
    return isLoopbackHost(url.hostname) ? 'redirect_uris of https must not be on this machine' : null
  }
  if (url.protocol === 'http:') {
    if (isLoopbackHost(url.hostname) && url.hostname !== '127.0.0.1' && url.hostname !== '[::1]') {
      return 'redirect_uris on this machine must be http://127.0.0.1 or http://[::1], not localhost'
    }
    if (!isLoopbackHost(url.hostname)) return 'redirect_uris of http must be on this machine'
    return native ? null : 'redirect_uris of http are for application_type native'
  }
  if (!native) return 'redirect_uris of a private scheme are for application_type native'
  const scheme = host === null ? null : `${host.split('.').toReversed().join('.')}:`
  if (url.protocol !== scheme) return `redirect_uris must be https, or of the scheme ${scheme ?? 'http:'}`
  if (!uri.startsWith(`${scheme}/`) || uri.startsWith(`${scheme}//`)) {
    return 'redirect_uris of a private scheme must have one slash after the colon'
  }
  return null
}

/**
 * Whether a redirect URI is among those registered. They are compared as texts; but one on this machine that was registered
 * without a port is good for every port, as native apps listen on the one that is free.
 */
export function isRegistered(uri: string, registered: readonly string[]): boolean {
  if (registered.includes(uri)) return true
  const asked = loopbackParts(uri)
  if (asked === null) return false
  return registered.some((other) => {
    const parts = loopbackParts(other)
    return (
      parts !== null && parts.port === undefined && parts.host === asked.host && parts.rest === asked.rest
    )
  })
}

function loopbackParts(uri: string): { host: string; port: string | undefined; rest: string } | null {
  const match = /^http:\/\/(127\.0\.0\.1|\[::1\])(?::(\d{1,5}))?(?:([/?].*))?$/.exec(uri)
  if (match === null || URL.parse(uri) === null || uri.includes('#')) return null
  const [, host, port, rest = ''] = match
  // `URL` writes the slash that the text may leave out.
  return { host: host!, port, rest: rest === '' ? '/' : rest }
}

/** What a page's `form-action` has to allow for the answer to go there: an origin, or a scheme. */
export function redirectSource(uri: string): string {
  const url = new URL(uri)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.origin : url.protocol
}
