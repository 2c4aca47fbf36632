// https://www.rfc-editor.org/rfc/rfc9449#section-4, https://www.rfc-editor.org/rfc/rfc7638
import { base64url, sha256, utf8 } from './bytes.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** A public key of P-256 as JWK. */
export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** A public key with its secret half. */
export interface PrivateJwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y: string
  readonly d: string
}

/** A key of Web Crypto. By its class, for programs that have the types of Node and not those of the DOM. */
type WebKey = InstanceType<typeof CryptoKey>

/** The key that the tokens of one session are bound to. It can be kept as it is wherever structured clones can. */
export interface DpopKey {
  readonly privateKey: WebKey
  readonly jwk: PublicJwk
}

/** @param extractable whether the private key can be written out, as stores of text need */
export async function createDpopKey(extractable: boolean): Promise<DpopKey> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey(ALGORITHM, extractable, ['sign'])
  const { x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { privateKey, jwk: { kty: 'EC', crv: 'P-256', x: x!, y: y! } }
}

/** The private key as JWK. @throws {DOMException} for a key that is not extractable */
export async function exportDpopKey({ privateKey }: DpopKey): Promise<PrivateJwk> {
  const { kty, crv, x, y, d } = await crypto.subtle.exportKey('jwk', privateKey)
  return { kty: kty!, crv: crv!, x: x!, y: y!, d: d! }
}

/** What {@link exportDpopKey} gave. @throws {DOMException} for anything else */
export async function importDpopKey(given: PrivateJwk, extractable: boolean): Promise<DpopKey> {
  const privateKey = await crypto.subtle.importKey('jwk', { ...given }, ALGORITHM, extractable, ['sign'])
  return { privateKey, jwk: { kty: 'EC', crv: 'P-256', x: given.x, y: given.y } }
}

/** The thumbprint that authorization servers know the key by. */
export function thumbprint({ jwk: { crv, kty, x, y } }: DpopKey): Promise<string> {
  return sha256(JSON.stringify({ crv, kty, x, y }))
}

/** What a proof is for. */
export interface ProofTarget {
  readonly method: string
  readonly url: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly nonce: string | null
  /** The access token that goes with it. */
  readonly token?: string
}

/** A proof for one request. */
export async function createProof(key: DpopKey, target: ProofTarget): Promise<string> {
  const { origin, pathname } = new URL(target.url)
  // JSON leaves out what is undefined.
  const claims = {
    jti: crypto.randomUUID(),
    htm: target.method,
    htu: origin + pathname,
    iat: target.iat,
    nonce: target.nonce ?? undefined,
    ath: target.token === undefined ? undefined : await sha256(target.token),
  }
  const head = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk })
  const text = `${head}.${encode(claims)}`
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.privateKey, utf8(text))
  return `${text}.${base64url(new Uint8Array(signature))}`
}

function encode(value: object): string {
  return base64url(utf8(JSON.stringify(value)))
}
