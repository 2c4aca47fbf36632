// An authenticator in software: makes ES256 passkeys and signs with them as a browser hands it on, and as hostile ones would.
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

import type { CreationOptions, RequestOptions } from '../src/factors/webauthn-json.ts'
import { ORIGIN } from './factor-parts.ts'

/** What of an answer is other than it should be. */
export interface Odd {
  readonly origin?: string
  readonly rpId?: string
  /** In base64url. */
  readonly challenge?: string
  readonly type?: string
  readonly crossOrigin?: boolean
  /** Whether the person was there, and showed who they are. */
  readonly flags?: number
  readonly counter?: number
  readonly userHandle?: string | null
  readonly fmt?: string
  readonly credentialId?: Uint8Array
  readonly publicKey?: Uint8Array
  /** More members of the client data. */
  readonly padding?: string
}

/** A passkey in software. */
export interface Passkey {
  readonly id: string
  create(options: CreationOptions, odd?: Odd): Record<string, unknown>
  get(options: RequestOptions, odd?: Odd): Record<string, unknown>
}

const PRESENT = 0x01
const VERIFIED = 0x04
const ATTESTED = 0x40

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const sha256 = (bytes: string | Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

/** A head of CBOR: https://www.rfc-editor.org/rfc/rfc8949#section-3 */
function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value])
  if (value < 0x100) return Buffer.from([(major << 5) | 24, value])
  return Buffer.from([(major << 5) | 25, value >> 8, value & 255])
}
type Cbor = number | string | Uint8Array | readonly (readonly [Cbor, Cbor])[]
export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value])
  return Buffer.concat([head(5, value.length), ...value.flatMap(([key, item]) => [cbor(key), cbor(item)])])
}

/** https://www.w3.org/TR/webauthn-3/#sctn-encoded-credPubKey-examples */
function coseKey(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: 'jwk' }) as { x: string; y: string }
  return cbor([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ])
}

/** @param counts whether it counts its signatures, as security keys do */
export function createPasskey({ counts = false } = {}): Passkey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const credentialId = randomBytes(32)
  let counter = 0
  let handle = ''

  const clientData = (type: string, challenge: string, odd: Odd): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: odd.type ?? type,
        challenge: odd.challenge ?? challenge,
        origin: odd.origin ?? ORIGIN,
        crossOrigin: odd.crossOrigin ?? false,
        ...(odd.padding === undefined ? {} : { padding: odd.padding }),
      }),
    )
  const authenticatorData = (rpId: string, flags: number, odd: Odd, more: Uint8Array = Buffer.alloc(0)) => {
    if (counts) counter += 1
    const count = Buffer.alloc(4)
    count.writeUInt32BE(odd.counter ?? counter)
    return Buffer.concat([sha256(odd.rpId ?? rpId), Buffer.from([odd.flags ?? flags]), count, more])
  }

  return {
    id: text(credentialId),
    create: ({ challenge, rp, user }, odd = {}) => {
      handle = user.id
      const id = odd.credentialId ?? credentialId
      const length = Buffer.from([id.length >> 8, id.length & 255])
      const attested = Buffer.concat([Buffer.alloc(16), length, id, odd.publicKey ?? coseKey(publicKey)])
      const flags = PRESENT | VERIFIED | ATTESTED
      const authData = authenticatorData(
        rp.id,
        flags,
        odd.flags === undefined ? odd : { ...odd, flags: odd.flags | ATTESTED },
        attested,
      )
      const client = clientData('webauthn.create', challenge, odd)
      // The passkey's own word for who made it: https://www.w3.org/TR/webauthn-3/#sctn-packed-attestation
      const signature = sign('sha256', Buffer.concat([authData, sha256(client)]), privateKey)
      const statement: Cbor =
        odd.fmt === 'packed'
          ? [
              ['alg', -7],
              ['sig', signature],
            ]
          : []
      const attestation: Cbor = [
        ['fmt', odd.fmt ?? 'none'],
        ['attStmt', statement],
        ['authData', authData],
      ]
      return {
        id: text(id),
        rawId: text(id),
        type: 'public-key',
        clientExtensionResults: { credProps: { rk: true } },
        response: {
          clientDataJSON: text(client),
          attestationObject: text(cbor(attestation)),
          transports: ['internal', 'hybrid', 'telepathy'],
        },
      }
    },
    get: ({ challenge, rpId }, odd = {}) => {
      const client = clientData('webauthn.get', challenge, odd)
      const data = authenticatorData(rpId, PRESENT | VERIFIED, odd)
      const signature = sign('sha256', Buffer.concat([data, sha256(client)]), privateKey)
      const userHandle = odd.userHandle === undefined ? handle : odd.userHandle
      return {
        id: text(credentialId),
        rawId: text(credentialId),
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: text(client),
          authenticatorData: text(data),
          signature: text(signature),
          ...(userHandle === null ? {} : { userHandle }),
        },
      }
    },
  }
}
