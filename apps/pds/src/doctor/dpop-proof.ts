import { createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'

/** Makes proofs of one key, as an app does. https://www.rfc-editor.org/rfc/rfc9449#section-4.2 */
export type MakeProof = (method: string, url: string, token?: string) => string

const json = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A key that was made for this look alone. */
export function createProofs(now: () => number = Date.now): MakeProof {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' })
  const head = json({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })
  return (htm, htu, token) => {
    const ath = token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }
    const claims = { jti: randomUUID(), htm, htu, iat: Math.floor(now() / 1000), ...ath }
    return `${head}.${json(claims)}.${signed(`${head}.${json(claims)}`, privateKey)}`
  }
}

const signed = (text: string, key: KeyObject): string =>
  sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
