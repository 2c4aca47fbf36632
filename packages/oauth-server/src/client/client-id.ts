// https://atproto.com/specs/oauth#clients, https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/

import type { Result } from '@avocet/syntax'

import { quoted } from '../failure.ts'
import { isPrintable, isPublicName } from './host.ts'

/** A client id: the URL of a document, or an app on a person's own device, with the query that says what it wants. */
export type ClientId =
  | { readonly kind: 'document'; readonly url: URL }
  | { readonly kind: 'loopback'; readonly query: string }

/** Characters of the URL of a document. */
const MAX_URL = 2048
/** Characters of the id of an app on a device, which carries its scopes. It goes into each access token. */
const MAX_LOOPBACK = 4096

const LOOPBACK = /^http:\/\/localhost\/?(?:\?(.*))?$/

/** What a client id is, or which rule it breaks. Nothing is fetched. */
export function parseClientId(id: string): Result<ClientId, string> {
  if (id.length > MAX_LOOPBACK || !isPrintable(id)) {
    return { ok: false, error: `client_id must be a URL of up to ${MAX_URL} characters` }
  }
  if (id.startsWith('http:')) {
    const match = LOOPBACK.exec(id)
    if (match === null || id.includes('#')) {
      return wrong(id, 'must be https, or http://localhost with nothing but a query')
    }
    return { ok: true, value: { kind: 'loopback', query: match[1] ?? '' } }
  }
  const url = URL.parse(id)
  if (url === null || url.protocol !== 'https:') return wrong(id, 'must be an https URL')
  if (id.length > MAX_URL) return wrong(id, `must be of up to ${MAX_URL} characters`)
  if (url.username !== '' || url.password !== '') return wrong(id, 'must not have a user')
  if (id.includes('#')) return wrong(id, 'must not have a fragment')
  if (url.port !== '') return wrong(id, 'must not have a port')
  if (!isPublicName(url.hostname)) return wrong(id, 'must have a public host name')
  if (url.pathname.endsWith('/')) return wrong(id, 'must have a path that does not end with a slash')
  if (url.href !== id || /%(?![0-9A-F]{2})/.test(id)) return wrong(id, 'must be in its normal form')
  return { ok: true, value: { kind: 'document', url } }
}

function wrong(id: string, rule: string): { ok: false; error: string } {
  return { ok: false, error: `client_id ${rule}; got ${quoted(id)}` }
}
