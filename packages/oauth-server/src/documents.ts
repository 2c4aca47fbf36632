// https://www.rfc-editor.org/rfc/rfc8414, https://www.rfc-editor.org/rfc/rfc9728, https://atproto.com/specs/oauth#authorization-servers

import { ASSERTION_ALGORITHMS } from './client/jwks.ts'
import { DPOP_ALGORITHMS } from './dpop.ts'

/** The paths of a server. The last one is a page: see `open`. */
export const PATHS = {
  server: '/.well-known/oauth-authorization-server',
  resource: '/.well-known/oauth-protected-resource',
  par: '/oauth/par',
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  jwks: '/oauth/jwks',
  authorize: '/oauth/authorize',
} as const

/** What the server says of itself as a resource. Clients compare `resource` with the URL they came by, as text. */
export function resourceDocument(issuer: string, documentation: string): object {
  return {
    resource: issuer,
    authorization_servers: [issuer],
    scopes_supported: [],
    bearer_methods_supported: ['header'],
    resource_documentation: documentation,
  }
}

/** What the server says of itself as an authorization server. What there is none of is said too: some clients need that. */
export function serverDocument(issuer: string, locales: readonly string[]): object {
  return {
    issuer,
    authorization_endpoint: issuer + PATHS.authorize,
    token_endpoint: issuer + PATHS.token,
    pushed_authorization_request_endpoint: issuer + PATHS.par,
    revocation_endpoint: issuer + PATHS.revoke,
    jwks_uri: issuer + PATHS.jwks,
    require_pushed_authorization_requests: true,
    scopes_supported: ['atproto', 'transition:email', 'transition:generic', 'transition:chat.bsky'],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    protected_resources: [issuer],
    request_parameter_supported: false,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
    prompt_values_supported: ['none', 'login', 'consent', 'select_account', 'create'],
    ui_locales_supported: locales,
    display_values_supported: ['page', 'popup', 'touch'],
  }
}
