// What browsers send of passkeys, read with bounds before anything decodes it. https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'

/** Longest texts, in characters of base64url. The largest id of a credential has 1023 bytes. */
const MAX_ID = 1364
const MAX_CLIENT_DATA = 4096
const MAX_ATTESTATION = 8192
const MAX_AUTHENTICATOR_DATA = 2048
const MAX_SIGNATURE = 1024
const MAX_USER_HANDLE = 88

/** How browsers reach an authenticator; what else one may say is left out. */
const TRANSPORTS = ['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'] as const
type Transport = (typeof TRANSPORTS)[number]

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Base64url of 1 to `max` characters. */
const isBytes = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= max && /^[\w-]+$/.test(value)

/** The common part: a credential of the one type there is, named twice alike. */
function readCredential(
  json: unknown,
): { readonly id: string; readonly inner: Record<string, unknown> } | null {
  if (!isObject(json) || json['type'] !== 'public-key' || !isObject(json['response'])) return null
  const { id, rawId, response } = json
  if (!isBytes(id, MAX_ID) || rawId !== id) return null
  if (!isBytes(response['clientDataJSON'], MAX_CLIENT_DATA)) return null
  return { id, inner: response }
}

/** A new credential, with nothing but what is used; null for what is none, or too large. */
export function readRegistration(json: unknown): RegistrationResponseJSON | null {
  const read = readCredential(json)
  if (read === null || !isBytes(read.inner['attestationObject'], MAX_ATTESTATION)) return null
  const { id, inner } = read
  const named: readonly unknown[] = Array.isArray(inner['transports']) ? inner['transports'].slice(0, 16) : []
  const response = {
    clientDataJSON: inner['clientDataJSON'] as string,
    attestationObject: inner['attestationObject'] as string,
    transports: TRANSPORTS.filter((name) => named.includes(name)),
  }
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response }
}

/** A signature by a credential, the same way. */
export function readAssertion(json: unknown): AuthenticationResponseJSON | null {
  const read = readCredential(json)
  if (read === null) return null
  const { id, inner } = read
  const { clientDataJSON, authenticatorData, signature, userHandle } = inner
  if (!isBytes(authenticatorData, MAX_AUTHENTICATOR_DATA) || !isBytes(signature, MAX_SIGNATURE)) return null
  // Absent, null or empty where the authenticator told none.
  const isToldNone = userHandle === undefined || userHandle === null || userHandle === ''
  if (!isToldNone && !isBytes(userHandle, MAX_USER_HANDLE)) return null
  const response = {
    clientDataJSON: clientDataJSON as string,
    authenticatorData,
    signature,
    ...(isToldNone ? {} : { userHandle }),
  }
  return { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response }
}

/** What a browser is asked for a new passkey, as `PublicKeyCredential.parseCreationOptionsFromJSON` reads it. */
export interface CreationOptions {
  readonly challenge: string
  readonly rp: { readonly id: string; readonly name: string }
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string }
  readonly pubKeyCredParams: readonly { readonly type: 'public-key'; readonly alg: number }[]
  readonly timeout: number
  readonly attestation: 'none'
  readonly authenticatorSelection: {
    readonly residentKey: 'required'
    readonly requireResidentKey: true
    readonly userVerification: 'required'
  }
  readonly excludeCredentials: readonly CredentialDescriptor[]
}

/** What a browser is asked for a signature, as `PublicKeyCredential.parseRequestOptionsFromJSON` reads it. */
export interface RequestOptions {
  readonly challenge: string
  readonly rpId: string
  readonly timeout: number
  readonly userVerification: 'required'
  /** Empty: whichever passkey its owner chooses. */
  readonly allowCredentials: readonly CredentialDescriptor[]
}

/** A passkey by its id. */
export interface CredentialDescriptor {
  readonly type: 'public-key'
  readonly id: string
  readonly transports: readonly Transport[]
}

/** How a factor is named to a browser. */
export function describeCredential(factor: {
  readonly id: string
  readonly transports: readonly string[]
}): CredentialDescriptor {
  const transports = TRANSPORTS.filter((name) => factor.transports.includes(name))
  return { type: 'public-key', id: factor.id, transports }
}
