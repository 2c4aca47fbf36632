// https://atproto.com/specs/oauth#client-id-metadata-document
import { parseScopes } from '@avocet/oauth-scopes'

/** The document that a client's id leads to, with the fields that matter to a client itself. */
export interface ClientMetadata {
  /** URL of this document; or `http://localhost…` for an app on a person's own machine. */
  readonly client_id: string
  readonly client_name?: string
  readonly client_uri?: string
  readonly logo_uri?: string
  readonly tos_uri?: string
  readonly policy_uri?: string
  readonly application_type?: 'web' | 'native'
  readonly redirect_uris: readonly [string, ...string[]]
  /** All that may ever be asked for, separated by spaces. */
  readonly scope: string
  readonly grant_types: readonly string[]
  readonly response_types: readonly string[]
  readonly dpop_bound_access_tokens: true
  readonly token_endpoint_auth_method: 'none' | 'private_key_jwt'
  readonly token_endpoint_auth_signing_alg?: string
  readonly jwks?: { readonly keys: readonly object[] }
  readonly jwks_uri?: string
}

/** What {@link createClientMetadata} is told. */
export interface ClientMetadataOptions {
  /** Where the document will be, like `https://app.example.com/oauth-client-metadata.json`. */
  readonly clientId: string
  readonly redirectUris: readonly [string, ...string[]]
  readonly scope: Scopes
  readonly name?: string
  readonly applicationType?: 'web' | 'native'
  /** Public keys, or where they are: for a client that proves who it is. */
  readonly jwks?: { readonly keys: readonly object[] }
  readonly jwksUri?: string
  /** Further fields: `client_uri`, `logo_uri`, `tos_uri`, `policy_uri`. */
  readonly more?: Pick<ClientMetadata, 'client_uri' | 'logo_uri' | 'tos_uri' | 'policy_uri'>
}

/** The text of one scope. What it may be is said by `@avocet/oauth-scopes`: `formatScope` writes one. */
export type ScopeText =
  | 'atproto'
  | `transition:${'generic' | 'email' | 'chat.bsky'}`
  | `${'repo' | 'rpc' | 'blob' | 'account' | 'identity' | 'include'}${':' | '?'}${string}`

/** Scopes: a list, or one text. */
export type Scopes = string | readonly ScopeText[]

/** Scopes as one text, with `atproto`, each once. */
export function scopeText(scopes: Scopes): string {
  const texts = typeof scopes === 'string' ? scopes.split(' ') : scopes
  return [...new Set(['atproto', ...texts.filter((text) => text !== '')])].join(' ')
}

/**
 * The document of a client, checked by the rules that servers check it by.
 * @throws {TypeError} naming the field, what it is and the rule that it breaks
 */
export function createClientMetadata(options: ClientMetadataOptions): ClientMetadata {
  const { clientId, redirectUris, name, applicationType = 'web', jwks, jwksUri, more } = options
  const isConfidential = jwks !== undefined || jwksUri !== undefined
  const metadata: ClientMetadata = {
    client_id: clientId,
    ...(name === undefined ? {} : { client_name: name }),
    ...more,
    application_type: applicationType,
    redirect_uris: redirectUris,
    scope: scopeText(options.scope),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    dpop_bound_access_tokens: true,
    token_endpoint_auth_method: isConfidential ? 'private_key_jwt' : 'none',
    ...(isConfidential ? { token_endpoint_auth_signing_alg: 'ES256' } : {}),
    ...(jwks === undefined ? {} : { jwks }),
    ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
  }
  const problem = metadataProblem(metadata)
  if (problem !== null) throw new TypeError(problem)
  return metadata
}

/** The rule that the document of a client breaks; null where servers will take it. */
export function metadataProblem(metadata: ClientMetadata): string | null {
  const { client_id: id, application_type: type = 'web', jwks, jwks_uri: keysAt } = metadata
  const url = URL.parse(id)
  if (url?.protocol !== 'https:' || url.href !== id || url.pathname === '/' || id.endsWith('/')) {
    return `client_id must be an https URL with a path, written as URLs are: got ${id}`
  }
  if (url.username !== '' || url.hash !== '' || url.port !== '') {
    return `client_id must have neither user, nor port, nor fragment: got ${id}`
  }
  if (
    !url.hostname.includes('.') ||
    /^[\d.]+$|^\[|\.(?:local|test|invalid|example|localhost)$/.test(url.hostname)
  ) {
    return `client_id must be on a public host: got ${id}`
  }
  for (const uri of metadata.redirect_uris) {
    const broken = redirectProblem(uri, type, url)
    if (broken !== null) return `redirect_uris ${broken}: got ${uri}`
  }
  const scopes = parseScopes(metadata.scope)
  if (!scopes.ok) return `scope must be scopes: got ${metadata.scope}`
  const odd = scopes.value.find(({ kind }) => kind === 'malformed')
  if (odd !== undefined) return `scope has one that is malformed: got ${odd.text}`
  if (type === 'native' && metadata.token_endpoint_auth_method !== 'none') {
    return 'application_type native is for clients without keys'
  }
  const sources = [jwks, keysAt].filter((source) => source !== undefined).length
  if (sources !== (metadata.token_endpoint_auth_method === 'none' ? 0 : 1)) {
    return 'one of jwks and jwks_uri must be there for private_key_jwt, and none for none'
  }
  return null
}

function redirectProblem(uri: string, type: 'web' | 'native', client: URL): string | null {
  const url = URL.parse(uri)
  if (url === null || url.username !== '' || uri.includes('#'))
    return 'must be URLs without user and fragment'
  if (url.protocol === 'https:') return null
  if (type === 'web') return 'must be https for application_type web'
  if (url.protocol === 'http:') {
    return /^(?:127\.0\.0\.1|\[::1\])$/.test(url.hostname)
      ? null
      : 'of http must be http://127.0.0.1 or http://[::1]'
  }
  const scheme = `${client.hostname.split('.').toReversed().join('.')}:`
  return url.protocol === scheme && /^[^:]+:\/(?:[^/]|$)/.test(uri)
    ? null
    : `must be https, or begin with ${scheme}/ and have one slash`
}

/**
 * The metadata of an app on a person's own machine: there is no document, the id says it all.
 * @param redirectUri `http://127.0.0.1/…` or `http://[::1]/…`; a port may be added when it is used
 * @see https://atproto.com/specs/oauth#localhost-client-development
 */
export function createLoopbackMetadata(options: {
  readonly redirectUri: string
  readonly scope: Scopes
}): ClientMetadata {
  const scope = scopeText(options.scope)
  const query = new URLSearchParams({ redirect_uri: options.redirectUri, scope })
  return {
    client_id: `http://localhost?${query.toString()}`,
    application_type: 'native',
    redirect_uris: [options.redirectUri],
    scope,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    dpop_bound_access_tokens: true,
    token_endpoint_auth_method: 'none',
  }
}
