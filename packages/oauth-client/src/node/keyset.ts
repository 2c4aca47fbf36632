// https://www.rfc-editor.org/rfc/rfc7523#section-3, https://atproto.com/specs/oauth#confidential-client-authentication
import { importJWK, SignJWT, type CryptoKey, type JWK } from 'jose'

import type { ClientAuth } from '../client-auth.ts'

/** The signing keys of a confidential client. */
export interface Keyset extends ClientAuth {
  /** What the client's document publishes, at `jwks` or behind `jwks_uri`: the public halves. */
  readonly publicJwks: { readonly keys: readonly JWK[] }
}

const LIFE = 60

/**
 * Keys of ES256, as private JWKs with `kid`. New sessions are bound to the first; the others serve the sessions that were bound to
 * them, until they are taken out, which ends those.
 * @throws {TypeError} for something that is no such key, or two of one `kid`
 */
export async function createKeyset(keys: readonly [JWK, ...JWK[]]): Promise<Keyset> {
  const byId = new Map<string, CryptoKey>()
  const published: JWK[] = []
  for (const { kid, kty, crv, x, y, d } of keys) {
    if (kid === undefined || kid === '' || kty !== 'EC' || crv !== 'P-256' || !x || !y || !d) {
      throw new TypeError(`not a private key of P-256 with a kid: kid=${kid ?? 'none'} kty=${kty ?? 'none'}`)
    }
    if (byId.has(kid)) throw new TypeError(`two keys of one kid: kid=${kid}`)
    byId.set(kid, (await importJWK({ kty, crv, x, y, d }, 'ES256')) as CryptoKey)
    published.push({ kty, crv, x, y, kid, use: 'sig', alg: 'ES256' })
  }
  return {
    publicJwks: { keys: published },
    keyId: () => published[0]!.kid!,
    assertion: async ({ keyId, clientId, issuer, dpopThumbprint, iat }) => {
      const key = byId.get(keyId)
      if (key === undefined) throw new TypeError(`the key of the session is gone: kid=${keyId}`)
      const claims = dpopThumbprint === null ? {} : { cnf: { jkt: dpopThumbprint } }
      return new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: keyId })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(issuer)
        .setJti(crypto.randomUUID())
        .setIssuedAt(iat)
        .setExpirationTime(iat + LIFE)
        .sign(key)
    },
  }
}
