import type { ClientMetadata } from './client-metadata.ts'

/**
 * How a confidential client says who it is: `createKeyset` of `@avocet/oauth-client/node`, or a backend that signs for an app in
 * a browser.
 */
export interface ClientAuth {
  /** The key that new sessions are bound to, by its id. */
  keyId(): string | Promise<string>
  /** A JWT signed by that key. Rejects where there is no such key any more. @see https://www.rfc-editor.org/rfc/rfc7523 */
  assertion(wanted: AssertionRequest): Promise<string>
}

/** What an assertion is for. */
export interface AssertionRequest {
  readonly keyId: string
  readonly clientId: string
  /** The authorization server: the audience. */
  readonly issuer: string
  /** Of the key that tokens are bound to, for the claim `cnf.jkt`; null where nothing is bound. */
  readonly dpopThumbprint: string | null
  /** Seconds since 1970, by the server's clock. */
  readonly iat: number
}

/** Whether the metadata of a client fits to how it says who it is; the rule that is broken, or null. */
export function authProblem(metadata: ClientMetadata, auth: ClientAuth | undefined): string | null {
  const isConfidential = metadata.token_endpoint_auth_method === 'private_key_jwt'
  if (isConfidential === (auth !== undefined)) return null
  return 'auth is for clients of private_key_jwt, which need it'
}
