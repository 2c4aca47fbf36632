// What several tests start from: a clock that stands, secrets, and devices that make proofs.
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from 'jose'

import { sha256 } from '../src/keys.ts'
import type { OAuthSession, ProvedRequest } from '../src/index.ts'

export const ISSUER = 'https://pds.example.com'
export const AUDIENCE = 'did:web:pds.example.com'
export const ALICE = 'did:plc:alice'
export const BOB = 'did:plc:bob'
export const SECRET: Uint8Array = new Uint8Array(32).fill(7)
/** Noon of a day, in seconds. */
export const NOON = 1_800_000_000

/** For tests of any input, in ms: with AVOCET_FUZZ those of this package try a million in all. */
export const FUZZ_TIMEOUT = 600_000

/** A clock in milliseconds that goes on when it is told to. */
export interface TestClock {
  readonly now: () => number
  readonly seconds: () => number
  /** @param seconds by how much */
  advance(seconds: number): void
}

export function createTestClock(seconds: number = NOON): TestClock {
  let time = seconds
  return {
    now: () => time * 1000,
    seconds: () => time,
    advance: (by) => {
      time += by
    },
  }
}

/** What a proof may say that is not as it should be: claims, or `undefined` to leave one out. */
export interface ProofChanges {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
}

/** A DPoP key, and what it signs. */
export interface Device {
  readonly thumbprint: string
  readonly jwk: JWK
  readonly privateKey: CryptoKey
  prove(
    method: string,
    url: string,
    options: { iat: number; nonce?: string; token?: string } & ProofChanges,
  ): Promise<string>
}

export async function createDevice(): Promise<Device> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = await exportJWK(publicKey)
  const thumbprint = await calculateJwkThumbprint(jwk)
  return {
    thumbprint,
    jwk,
    privateKey,
    prove: (method, url, { iat, nonce, token, claims = {}, header = {} }) => {
      const all: Record<string, unknown> = { jti: crypto.randomUUID(), htm: method, htu: url, iat }
      if (nonce !== undefined) all['nonce'] = nonce
      if (token !== undefined) all['ath'] = sha256(token)
      return new SignJWT(without({ ...all, ...claims }))
        .setProtectedHeader(without({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header }) as never)
        .sign(privateKey)
    },
  }
}

const without = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

/** A request to a resource, as the verifier takes it. */
export function proved(method: string, path: string, headers: Record<string, string>): ProvedRequest {
  return { method, path, header: (name) => headers[name] ?? null }
}

/** A session that was just begun. */
export function sessionOf(changes: Partial<OAuthSession> = {}): OAuthSession {
  return {
    id: 'a'.repeat(32),
    did: ALICE,
    clientId: 'https://app.example.com/client.json',
    clientKey: null,
    dpopThumbprint: 'T',
    scope: 'atproto',
    permissions: 'atproto',
    codeHash: `code of ${changes.id ?? ''}`,
    device: 'device',
    createdAt: NOON,
    generation: 1,
    refreshHash: 'H',
    refreshedAt: NOON,
    expiresAt: NOON + 86_400,
    ...changes,
  }
}
