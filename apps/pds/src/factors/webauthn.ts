/** Passkeys: https://www.w3.org/TR/webauthn-3/. The formats (CBOR, COSE, signatures) are read by `@simplewebauthn/server`. */
import { createHash } from 'node:crypto'

import type { Factor } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'

import type { PublicAddress } from '../identity/address.ts'
import { describeCredential, type CreationOptions, type RequestOptions } from './webauthn-json.ts'

/** A passkey that was made for this server. */
export interface NewPasskey {
  readonly id: string
  /** COSE. */
  readonly publicKey: Uint8Array
  readonly counter: number
  readonly transports: readonly string[]
}

/** What a signature shows. `copied`: it is good, and its counter is not above the one before, so there are two of the passkey. */
export type Assertion =
  | { readonly ok: true; readonly counter: number }
  | { readonly ok: false; readonly reason: 'invalid' | 'copied' }

/** The relying party of WebAuthn: this server, by its public address. */
export interface RelyingParty {
  creationOptions(account: OwnerName, challenge: Uint8Array, known: readonly Factor[]): CreationOptions
  /** @param allowed the passkeys that may sign; none: any */
  requestOptions(challenge: Uint8Array, allowed: readonly Factor[]): RequestOptions
  /** Null unless it was made here, for this challenge, by a person who showed who they are. */
  verifyNew(response: RegistrationResponseJSON, challenge: Uint8Array): Promise<NewPasskey | null>
  verify(response: AuthenticationResponseJSON, challenge: Uint8Array, passkey: Factor): Promise<Assertion>
}

/** How an account is shown by whatever keeps its passkey. */
export interface OwnerName {
  readonly did: Did
  readonly name: string
}

/** What browsers wait for their user, in milliseconds. */
const TIMEOUT_MS = 5 * 60 * 1000
/** COSE algorithms: Ed25519, ES256, RS256. */
const ALGORITHMS = [-8, -7, -257]
/** A key of RSA with 4096 bits has 530 bytes: larger ones would make each signature costly to check. */
const MAX_KEY_BYTES = 600

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

/** The name of an account in its passkeys: no DID, which a lost security key would tell. https://www.w3.org/TR/webauthn-3/#sctn-user-handle-privacy */
export const userHandle = (did: Did): string =>
  createHash('sha256').update(`avocet-pds passkeys of ${did}`).digest('base64url')

/** The part of a page's own words that the library does not look at. */
function isFramed(clientDataJSON: string): boolean {
  const { crossOrigin } = JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString()) as {
    crossOrigin?: unknown
  }
  return crossOrigin !== undefined && crossOrigin !== false
}

/** A relying party at `address`, named `name` to people. */
export function createRelyingParty(address: Pick<PublicAddress, 'url'>, name: string): RelyingParty {
  const origin = (): string => new URL(address.url()).origin
  const rpId = (): string => new URL(address.url()).hostname
  const expected = (challenge: Uint8Array) => ({
    expectedChallenge: base64url(challenge),
    expectedOrigin: origin(),
    expectedRPID: rpId(),
    requireUserVerification: true,
  })

  return {
    creationOptions: (account, challenge, known) => ({
      challenge: base64url(challenge),
      rp: { id: rpId(), name },
      user: { id: userHandle(account.did), name: account.name, displayName: account.name },
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
      timeout: TIMEOUT_MS,
      attestation: 'none',
      authenticatorSelection: {
        residentKey: 'required',
        requireResidentKey: true,
        userVerification: 'required',
      },
      excludeCredentials: known.map((factor) => describeCredential(factor)),
    }),
    requestOptions: (challenge, allowed) => ({
      challenge: base64url(challenge),
      rpId: rpId(),
      timeout: TIMEOUT_MS,
      userVerification: 'required',
      allowCredentials: allowed.map((factor) => describeCredential(factor)),
    }),
    verifyNew: async (response, challenge) => {
      // Loaded where it is used: a start, and who has no passkeys, do not wait for it.
      const [{ verifyRegistrationResponse }, { decodeAttestationObject }] = await Promise.all([
        import('@simplewebauthn/server'),
        import('@simplewebauthn/server/helpers'),
      ])
      try {
        const { clientDataJSON, attestationObject, transports = [] } = response.response
        if (isFramed(clientDataJSON)) return null
        // Nobody was asked who made the authenticator. Statements about that have certificates, whose checks are work and could ask
        // other servers.
        const attestation = decodeAttestationObject(
          new Uint8Array(Buffer.from(attestationObject, 'base64url')),
        )
        if (attestation.get('fmt') !== 'none') return null
        const { verified, registrationInfo } = await verifyRegistrationResponse({
          response,
          ...expected(challenge),
          supportedAlgorithmIDs: ALGORITHMS,
        })
        if (!verified) return null
        const { id, publicKey, counter } = registrationInfo.credential
        if (id !== response.id || publicKey.length > MAX_KEY_BYTES) return null
        return { id, publicKey: new Uint8Array(publicKey), counter, transports }
      } catch {
        return null
      }
    },
    verify: async (response, challenge, passkey) => {
      const { verifyAuthenticationResponse } = await import('@simplewebauthn/server')
      try {
        if (isFramed(response.response.clientDataJSON)) return { ok: false, reason: 'invalid' }
        const told = response.response.userHandle
        if (response.id !== passkey.id || (told !== undefined && told !== userHandle(passkey.did))) {
          return { ok: false, reason: 'invalid' }
        }
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          response,
          ...expected(challenge),
          // The counter is looked at below, once the signature is known to be good: else anybody could claim that there is a copy.
          credential: { id: passkey.id, publicKey: new Uint8Array(passkey.secret), counter: 0 },
        })
        if (!verified) return { ok: false, reason: 'invalid' }
        // Most passkeys do not count, and say 0 for ever. https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
        const counter = authenticationInfo.newCounter
        const counts = counter > 0 || passkey.counter > 0
        if (counts && counter <= passkey.counter) return { ok: false, reason: 'copied' }
        return { ok: true, counter }
      } catch {
        return { ok: false, reason: 'invalid' }
      }
    },
  }
}
