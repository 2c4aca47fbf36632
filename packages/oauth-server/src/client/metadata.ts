// https://atproto.com/specs/oauth#client-id-metadata-document

import type { Result } from '@avocet/syntax'

import { quoted } from '../failure.ts'
import { isObject } from '../json.ts'
import type { Client, ClientAuth } from './client.ts'
import { ASSERTION_ALGORITHMS, readKeys } from './jwks.ts'
import { redirectProblem } from './redirect-uri.ts'

type Fields = Readonly<Record<string, unknown>>

const MAX_REDIRECTS = 100
const GRANTS: readonly unknown[] = ['authorization_code', 'refresh_token']

/** A client by its document, or the rule that the document breaks. Never throws, whatever it is. */
export function readClientMetadata(url: URL, document: unknown): Result<Client, string> {
  if (!isObject(document)) return wrong('the document must be a JSON object')
  const id = url.href
  if (document['client_id'] !== id) {
    return wrong(`client_id must be ${quoted(id)}; got ${quoted(document['client_id'])}`)
  }
  const problem = generalProblem(document, url) ?? grantProblem(document)
  if (problem !== null) return wrong(problem)
  const native = document['application_type'] === 'native'
  const redirectUris = document['redirect_uris']
  if (!Array.isArray(redirectUris) || redirectUris.length === 0 || redirectUris.length > MAX_REDIRECTS) {
    return wrong(`redirect_uris must be an array of 1 to ${MAX_REDIRECTS} URLs`)
  }
  for (const uri of redirectUris as unknown[]) {
    const broken = redirectProblem(uri, { native, host: url.hostname, https: true })
    if (broken !== null) return wrong(broken)
  }
  const scopes = readScopes(document['scope'])
  if (typeof scopes === 'string') return wrong(scopes)
  const auth = readAuth(document, native)
  if (typeof auth === 'string') return wrong(auth)
  const value: Client = {
    id,
    isLoopback: false,
    redirectUris: redirectUris as string[],
    scopes,
    renews: (document['grant_types'] as unknown[]).includes('refresh_token'),
    auth,
    shown: {
      name: document['client_name'],
      logoUri: httpsUrl(document['logo_uri']),
      termsUri: httpsUrl(document['tos_uri']),
      policyUri: httpsUrl(document['policy_uri']),
    },
  }
  return { ok: true, value }
}

function wrong(error: string): { ok: false; error: string } {
  return { ok: false, error }
}

/** What breaks a rule that has to do with neither grants, nor redirects, nor keys. */
function generalProblem(document: Fields, url: URL): string | null {
  const { application_type: type, subject_type: subject, client_uri: uri } = document
  if (type !== undefined && type !== 'web' && type !== 'native') {
    return `application_type must be web or native; got ${quoted(type)}`
  }
  if (subject !== undefined && subject !== 'public') {
    return `subject_type must be public or absent; got ${quoted(subject)}`
  }
  if (document['dpop_bound_access_tokens'] !== true) {
    return `dpop_bound_access_tokens must be true; got ${quoted(document['dpop_bound_access_tokens'])}`
  }
  const foreign = Object.keys(document).find((name) => /^(?:id_token_|userinfo_)/.test(name))
  if (foreign !== undefined) return `${quoted(foreign)} is for OpenID, which there is none of here`
  if (uri === undefined) return null
  const page = typeof uri === 'string' ? URL.parse(uri) : null
  if (page?.origin !== url.origin || !isParentPath(page.pathname, url.pathname)) {
    return `client_uri must be on the origin of client_id, on its path or above; got ${quoted(uri)}`
  }
  return null
}

function isParentPath(parent: string, path: string): boolean {
  const folder = parent.endsWith('/') ? parent : `${parent}/`
  return path === parent || path.startsWith(folder)
}

function grantProblem(document: Fields): string | null {
  const { grant_types: grants, response_types: responses } = document
  if (!Array.isArray(grants) || !grants.includes('authorization_code')) {
    return `grant_types must include authorization_code; got ${quoted(grants)}`
  }
  if (!grants.every((grant) => GRANTS.includes(grant))) {
    return `grant_types must be authorization_code and refresh_token; got ${quoted(grants)}`
  }
  if (!Array.isArray(responses) || !responses.includes('code')) {
    return `response_types must include code; got ${quoted(responses)}`
  }
  return null
}

/** The texts of the scopes, known here or not; or the rule that they break. */
export function readScopes(scope: unknown): ReadonlySet<string> | string {
  if (typeof scope !== 'string') return `scope must be a text; got ${quoted(scope)}`
  const texts = scope.split(' ')
  const scopes = new Set(texts)
  if (scopes.has('')) return 'scope must be separated by one space each'
  if (scopes.size !== texts.length) return 'scope must not name one scope twice'
  return scopes.has('atproto') ? scopes : `scope must include atproto; got ${quoted(scope)}`
}

function readAuth(document: Fields, native: boolean): ClientAuth | string {
  const { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: alg } = document
  if (method === 'none') {
    return alg === undefined
      ? { method }
      : 'token_endpoint_auth_signing_alg must be absent where token_endpoint_auth_method is none'
  }
  if (method !== 'private_key_jwt') {
    return `token_endpoint_auth_method must be none or private_key_jwt; got ${quoted(method)}`
  }
  if (native) return 'token_endpoint_auth_method must be none where application_type is native'
  if (typeof alg !== 'string' || !ASSERTION_ALGORITHMS.includes(alg)) {
    return `token_endpoint_auth_signing_alg must be one of ${ASSERTION_ALGORITHMS.join(', ')}; got ${quoted(alg)}`
  }
  const { jwks, jwks_uri: uri } = document
  if ((jwks === undefined) === (uri === undefined)) return 'one of jwks and jwks_uri must be there, not both'
  if (uri !== undefined) {
    const where = httpsUrl(uri)
    return where === null ? `jwks_uri must be an https URL; got ${quoted(uri)}` : { method, alg, keys: where }
  }
  const keys = readKeys(jwks)
  return keys === null ? 'jwks must be a set of up to 100 keys' : { method, alg, keys }
}

function httpsUrl(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 2048) return null
  const url = URL.parse(value)
  return url?.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : null
}
