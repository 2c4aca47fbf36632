// https://www.rfc-editor.org/rfc/rfc7523#section-3, https://atproto.com/specs/oauth#confidential-client-authentication

import type { Result } from '@avocet/syntax'
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose'

import { refuse, type OAuthFailure, type Refused } from '../failure.ts'
import { isObject, parseJson } from '../json.ts'
import { sha256 } from '../keys.ts'
import type { ReplayGuard } from '../replay.ts'
import type { ClientKey } from '../rows.ts'
import type { Client } from './client.ts'
import type { Asker, Clients } from './clients.ts'

/** What a client sends to prove who it is; absent and empty are the same. */
export interface Assertion {
  readonly type: string | null
  readonly assertion: string | null
}

/** Checks who a client is. */
export interface Authenticator {
  /**
   * @param dpopThumbprint of the proof that came with it; null where there is none
   * @returns the key that the client used; null for a public one
   */
  authenticate(
    client: Client,
    assertion: Assertion,
    dpopThumbprint: string | null,
    asker: Asker,
  ): Promise<Result<ClientKey | null, OAuthFailure>>
}

/** What {@link createAuthenticator} needs. */
export interface AuthenticatorOptions {
  readonly issuer: string
  readonly clients: Clients
  readonly replay: ReplayGuard
  /** In ms since 1970. */
  readonly now: () => number
}

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const MAX_ASSERTION = 16_384
const MAX_JTI = 256
/** Seconds that an assertion may be old, and that clocks may differ. */
const MAX_AGE = 60
const SKEW = 30

const DECODER = new TextDecoder()

/** Checks assertions by the keys that clients publish. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { issuer, clients, replay, now } = options
  return {
    authenticate: async (client, { type, assertion }, dpopThumbprint, asker) => {
      const { id, auth } = client
      if (auth.method === 'none') {
        return assertion === null && type === null
          ? { ok: true, value: null }
          : invalid('a client whose token_endpoint_auth_method is none has no client_assertion')
      }
      if (type !== JWT_BEARER) return invalid(`client_assertion_type must be ${JWT_BEARER}`)
      if (assertion === null) return invalid('client_assertion is missing')
      if (assertion.length > MAX_ASSERTION)
        return invalid(`client_assertion is of more than ${MAX_ASSERTION} characters`)
      const header = parseJson(
        Buffer.from(assertion.slice(0, assertion.indexOf('.')), 'base64url').toString(),
      )
      if (!isObject(header)) return invalid('client_assertion must be a JWT')
      const { kid, alg } = header
      if (typeof kid !== 'string') return invalid('client_assertion must have a kid')
      if (alg !== auth.alg) return invalid(`client_assertion must have the alg ${auth.alg} of the document`)
      const found = await clients.key(client, kid, asker)
      if (!found.ok) return found
      const key = found.value
      if (key === null || (key.alg !== undefined && key.alg !== alg)) {
        return invalid('client_assertion has a kid that the client does not publish')
      }
      let claims: unknown
      let thumbprint: string
      try {
        const { payload } = await compactVerify(assertion, await importJWK(key.jwk, alg), {
          algorithms: [alg],
        })
        claims = parseJson(DECODER.decode(payload))
        thumbprint = await calculateJwkThumbprint(key.jwk)
      } catch {
        return invalid('client_assertion has a signature that does not match its key')
      }
      const problem = claimsProblem(claims, id, issuer, now() / 1000, dpopThumbprint)
      if (problem !== null) return invalid(problem)
      if (thumbprint === dpopThumbprint) return invalid('client_assertion must not be of the key of DPoP')
      const { jti, iat } = claims as { jti: string; iat: number }
      // It is remembered for as long as its iat is taken.
      const until = (iat + MAX_AGE + SKEW + 1) * 1000
      if (!(await replay.use(`assertion:${sha256(`${id} ${jti}`)}`, until))) {
        return invalid('client_assertion was used before')
      }
      return { ok: true, value: { id: kid, alg, thumbprint } }
    },
  }
}

function invalid(message: string): Refused {
  return refuse('invalid_client', message)
}

function claimsProblem(
  claims: unknown,
  clientId: string,
  issuer: string,
  now: number,
  dpopThumbprint: string | null,
): string | null {
  if (!isObject(claims)) return 'client_assertion must have claims'
  const { iss, sub, aud, jti, iat, exp, nbf, cnf } = claims
  if (iss !== clientId || sub !== clientId) return 'client_assertion must have iss and sub of the client_id'
  const isForUs = aud === issuer || (Array.isArray(aud) && aud.length === 1 && aud[0] === issuer)
  if (!isForUs) return `client_assertion must have the aud ${issuer}`
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI) {
    return `client_assertion must have a jti of up to ${MAX_JTI} characters`
  }
  if (typeof iat !== 'number' || !(iat >= now - MAX_AGE - SKEW && iat <= now + SKEW)) {
    return `client_assertion must have an iat of the last ${MAX_AGE} seconds`
  }
  if (exp !== undefined && !(typeof exp === 'number' && exp > now - SKEW)) return 'client_assertion is over'
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + SKEW))
    return 'client_assertion is not good yet'
  if (cnf === undefined) return null
  // The client's backend may say which key the tokens are for.
  const jkt = isObject(cnf) ? cnf['jkt'] : undefined
  return dpopThumbprint === null || jkt === dpopThumbprint
    ? null
    : 'client_assertion is for another key of DPoP'
}
