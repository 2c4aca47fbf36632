// https://atproto.com/specs/did#representation-of-atproto-metadata-in-did-documents
import { parseVerificationMethod, type PublicKey } from '@avocet/crypto'
import { isHandle, normalizeHandle, type Handle } from '@avocet/syntax'
import { isFragment, type DidDocument } from './document.ts'

/** Keys already read, per document: parsing one costs a point decompression, and callers ask for every commit. */
const keys = new WeakMap<DidDocument, Map<string, PublicKey | null>>()

/** The key that signs the account's commits and service tokens: the first valid `#atproto`. Null when there is none. */
export function signingKey(document: DidDocument): PublicKey | null {
  return verificationKey(document, 'atproto')
}

/** The first valid key with this fragment, without `#` (`atproto_label` of a labeler). Null when there is none. */
export function verificationKey(document: DidDocument, fragment: string): PublicKey | null {
  let known = keys.get(document)
  if (known === undefined) keys.set(document, (known = new Map()))
  let key = known.get(fragment)
  if (key === undefined) {
    key = readKey(document, fragment)
    known.set(fragment, key)
  }
  return key
}

function readKey(document: DidDocument, fragment: string): PublicKey | null {
  for (const { type, publicKeyMultibase } of verificationMethods(document, fragment)) {
    const key = parseVerificationMethod(type, publicKeyMultibase)
    if (key.ok) return key.value
  }
  return null
}

/**
 * The keys with this fragment, without `#`, as they stand in the document, in its order: for those who read them by themselves
 * (`@avocet/crypto/web`). The first valid one counts.
 */
export function verificationMethods(
  document: DidDocument,
  fragment: string,
): { readonly type: string; readonly publicKeyMultibase: string }[] {
  return document.verificationMethod.flatMap(({ id, type, controller, publicKeyMultibase }) =>
    publicKeyMultibase !== undefined && controller === document.id && isFragment(id, document.id, fragment)
      ? [{ type, publicKeyMultibase }]
      : [],
  )
}

/** The origin of the account's PDS, like `https://pds.example.com`. Null when there is none. */
export function pdsEndpoint(document: DidDocument): string | null {
  return originOf(serviceEndpoint(document, 'atproto_pds', 'AtprotoPersonalDataServer'))
}

/**
 * The origin of a labeler, like `https://labels.example.com`: its service `#atproto_labeler`. Null when there is none.
 * https://atproto.com/specs/label#labeler-service-identity
 */
export function labelerEndpoint(document: DidDocument): string | null {
  return originOf(serviceEndpoint(document, 'atproto_labeler', 'AtprotoLabeler'))
}

function originOf(endpoint: string | null): string | null {
  if (endpoint === null) return null
  const url = new URL(endpoint)
  return url.pathname === '/' && url.search === '' ? url.origin : null
}

/**
 * The http(s) URL of the first service with this fragment (without `#`) and, where given, this type: without a slash at
 * the end, without credentials. Null when there is none.
 */
export function serviceEndpoint(document: DidDocument, fragment: string, type?: string): string | null {
  for (const service of document.service) {
    if (!isFragment(service.id, document.id, fragment)) continue
    if (type !== undefined && service.type !== type) continue
    const url = URL.parse(service.serviceEndpoint)
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) continue
    if (url.username !== '' || url.password !== '' || url.hash !== '') continue
    return url.href.replace(/\/$/, '')
  }
  return null
}

/**
 * The handle the document claims, in lower case: its first valid `at://` alias. A claim only, until the handle resolves
 * to the DID (see `resolveIdentity`). Null when there is none.
 */
export function handleOf(document: DidDocument): Handle | null {
  for (const alias of document.alsoKnownAs) {
    if (!alias.startsWith('at://')) continue
    const handle = alias.slice('at://'.length)
    if (isHandle(handle)) return normalizeHandle(handle)
  }
  return null
}
