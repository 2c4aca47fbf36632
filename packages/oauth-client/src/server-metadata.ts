// https://www.rfc-editor.org/rfc/rfc8414, https://atproto.com/specs/oauth#authorization-servers
import { shown } from './bytes.ts'
import { OAuthClientError } from './error.ts'

/** What a client needs of an authorization server. */
export interface ServerMetadata {
  readonly issuer: string
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  readonly parEndpoint: string
  /** Null where the server has none. */
  readonly revocationEndpoint: string | null
  /** Origins whose tokens it gives; null where it does not say. */
  readonly protectedResources: readonly unknown[] | null
}

type Fields = Readonly<Record<string, unknown>>

/** What has to be on each list of the document. */
const LISTS: readonly (readonly [name: string, value: string])[] = [
  ['scopes_supported', 'atproto'],
  ['response_types_supported', 'code'],
  ['grant_types_supported', 'authorization_code'],
  ['code_challenge_methods_supported', 'S256'],
  ['dpop_signing_alg_values_supported', 'ES256'],
]
/** What has to be true. */
const SWITCHES = [
  'require_pushed_authorization_requests',
  'authorization_response_iss_parameter_supported',
  'client_id_metadata_document_supported',
]
const MAX_URL = 2048

/**
 * Reads the metadata document of an authorization server.
 * @param issuer whose it must be
 * @param authMethod how the client says who it is
 * @throws {OAuthClientError} `wrong-issuer`, `invalid-metadata`
 */
export function readServerMetadata(
  document: Fields,
  issuer: string,
  authMethod: string,
  allowLoopback: boolean,
): ServerMetadata {
  if (document['issuer'] !== issuer) {
    const message = `the metadata is of another issuer; expected=${shown(issuer)} found=${shown(document['issuer'])}`
    throw new OAuthClientError('wrong-issuer', message)
  }
  for (const name of SWITCHES) {
    if (document[name] !== true) throw invalid(issuer, `${name} must be true`)
  }
  for (const [name, value] of [...LISTS, ['token_endpoint_auth_methods_supported', authMethod] as const]) {
    const list = document[name]
    if (!Array.isArray(list) || !list.includes(value)) throw invalid(issuer, `${name} must have ${value}`)
  }
  const endpoint = (name: string): string => {
    const url = serverUrl(document[name], allowLoopback)
    if (url === null) throw invalid(issuer, `${name} must be an https URL`)
    return url.href
  }
  const resources = document['protected_resources']
  return {
    issuer,
    authorizationEndpoint: endpoint('authorization_endpoint'),
    tokenEndpoint: endpoint('token_endpoint'),
    parEndpoint: endpoint('pushed_authorization_request_endpoint'),
    revocationEndpoint:
      document['revocation_endpoint'] === undefined ? null : endpoint('revocation_endpoint'),
    protectedResources: Array.isArray(resources) ? resources : null,
  }
}

/**
 * The one issuer that the metadata document of a resource names.
 * @param resource origin of the resource
 * @throws {OAuthClientError} `wrong-issuer` for the document of another resource, `invalid-metadata`
 * @see https://www.rfc-editor.org/rfc/rfc9728
 */
export function readResourceMetadata(document: Fields, resource: string, allowLoopback: boolean): string {
  if (document['resource'] !== resource) {
    const message = `the metadata is of another resource; expected=${shown(resource)} found=${shown(document['resource'])}`
    throw new OAuthClientError('wrong-issuer', message)
  }
  const servers = document['authorization_servers']
  const [issuer, ...others] = Array.isArray(servers) ? (servers as unknown[]) : []
  if (others.length > 0 || !isOrigin(issuer, allowLoopback)) {
    throw invalid(resource, 'authorization_servers must have exactly one https origin')
  }
  return issuer
}

/** A URL of https without user and fragment, or of this machine where that is allowed; null for anything else. */
export function serverUrl(value: unknown, allowLoopback: boolean): URL | null {
  if (typeof value !== 'string' || value.length > MAX_URL) return null
  const url = URL.parse(value)
  if (url === null || url.username !== '' || url.password !== '' || url.hash !== '') return null
  const isLocal = url.protocol === 'http:' && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  return url.protocol === 'https:' || (allowLoopback && isLocal) ? url : null
}

/** Whether it is a URL as {@link serverUrl} takes, of a server as a whole. */
export function isOrigin(value: unknown, allowLoopback: boolean): value is string {
  const url = serverUrl(value, allowLoopback)
  return url !== null && url.origin === value
}

function invalid(where: string, rule: string): OAuthClientError {
  return new OAuthClientError('invalid-metadata', `${rule}; server=${shown(where)}`)
}
