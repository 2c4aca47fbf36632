import { createHmac, hash, hkdfSync } from 'node:crypto'

import { compactVerify, CompactSign } from 'jose'

import { OAuthServerError } from './error.ts'

/** What MACs are for: no one of them can be taken for another. */
export type MacPurpose = 'nonce' | 'refresh-token' | 'refresh-successor' | 'access-token-id'

/** The secrets of a server. */
export interface OAuthKeys {
  /** Signs the payload of an access token. The same payload gives the same token. */
  sign(payload: string): Promise<string>
  /** The payload of an access token that one of these keys signed; null otherwise. Never throws. */
  open(token: string): Promise<string | null>
  /** HMAC-SHA256 of a text by each of the secrets, the one in use first; base64url. */
  macs(purpose: MacPurpose, text: string): readonly string[]
  /** The public keys, for `/oauth/jwks`: none, as no other server reads these tokens. */
  readonly jwks: { readonly keys: readonly object[] }
}

const HEADER = { alg: 'HS256', typ: 'at+jwt' }

/**
 * Keys derived from secrets of at least 32 random bytes each. The first one signs; the others are former ones, whose tokens are
 * still taken: leave them in for as long as sessions live.
 *
 * @throws OAuthServerError `bad-option` for no secret, or a short one
 */
export function createOAuthKeys(secrets: readonly Uint8Array[]): OAuthKeys {
  if (secrets.length === 0 || secrets.some((secret) => secret.length < 32)) {
    throw new OAuthServerError('bad-option', 'secrets must be of at least 32 bytes each, and at least one')
  }
  const derive = (purpose: string): Uint8Array[] =>
    secrets.map(
      (secret) => new Uint8Array(hkdfSync('sha256', secret, '', `avocet oauth-server ${purpose}`, 32)),
    )
  const signing = derive('access-token')
  const macKeys: Readonly<Record<MacPurpose, readonly Uint8Array[]>> = {
    nonce: derive('nonce'),
    'refresh-token': derive('refresh-token'),
    'refresh-successor': derive('refresh-successor'),
    'access-token-id': derive('access-token-id'),
  }
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  return {
    jwks: { keys: [] },
    sign: (payload) => new CompactSign(encoder.encode(payload)).setProtectedHeader(HEADER).sign(signing[0]!),
    open: async (token) => {
      for (const key of signing) {
        try {
          const { payload, protectedHeader } = await compactVerify(token, key, { algorithms: ['HS256'] })
          return protectedHeader.typ === HEADER.typ ? decoder.decode(payload) : null
        } catch {
          // Not signed by this one.
        }
      }
      return null
    },
    macs: (purpose, text) =>
      macKeys[purpose].map((key) => createHmac('sha256', key).update(text).digest('base64url')),
  }
}

/** SHA-256 of a text, base64url: how secrets are kept. */
export function sha256(text: string): string {
  return hash('sha256', text, 'base64url')
}
