// https://www.w3.org/TR/did-1.0/#core-properties, https://atproto.com/specs/did#did-documents
import { isDid, type Did } from '@avocet/syntax'
import { fail, type DidResult } from './error.ts'

/** A public key in a DID document. */
export interface VerificationMethod {
  /** `#fragment`, or the DID and `#fragment`. */
  readonly id: string
  readonly type: string
  readonly controller: string
  readonly publicKeyMultibase?: string
}

/** A service in a DID document. */
export interface DidService {
  /** `#fragment`, or the DID and `#fragment`. */
  readonly id: string
  readonly type: string
  readonly serviceEndpoint: string
}

/**
 * A DID document whose known fields have their types. Entries of its lists that are broken were left out; fields this
 * package does not know are kept as they came.
 */
export interface DidDocument {
  readonly id: Did
  readonly alsoKnownAs: readonly string[]
  readonly verificationMethod: readonly VerificationMethod[]
  readonly service: readonly DidService[]
  readonly [field: string]: unknown
}

/** Entries of a list that are looked at. */
const MAX_ENTRIES = 256
const MAX_STRING = 4_096
/** Lists and objects in each other, in fields that are not known too: who answers with a document has to write it out again. */
const MAX_DEPTH = 32

/**
 * Reads a DID document from parsed JSON: tolerant of what the network holds (missing lists, broken entries, several
 * types), strict in what it returns.
 *
 * Fails with `invalid-document`, or with `id-mismatch` when `did` is given and the document is another's.
 */
export function parseDidDocument(json: unknown, did?: Did): DidResult<DidDocument> {
  if (!isObject(json)) return fail('invalid-document', 'document is not an object')
  if (isDeeper(json, MAX_DEPTH))
    return fail('invalid-document', `document is nested too deep; max=${MAX_DEPTH}`)
  const id = json['id']
  if (!isDid(id)) return fail('invalid-document', 'document has no DID as its id')
  if (did !== undefined && id !== did)
    return fail('id-mismatch', `document is another DID’s; did=${did} id=${id}`)
  return {
    ok: true,
    value: {
      ...json,
      id,
      alsoKnownAs: listOf(json['alsoKnownAs'], (item) => (isText(item) ? item : null)),
      verificationMethod: listOf(json['verificationMethod'], (item) => readMethod(item, id)),
      service: listOf(json['service'], readService),
    },
  }
}

/** Whether an `id` in a document names this fragment (without `#`) of the document's DID. */
export function isFragment(id: string, did: Did, fragment: string): boolean {
  const at = id.length - fragment.length - 1
  if (at < 0 || id.charCodeAt(at) !== 0x23 || !id.endsWith(fragment)) return false
  return at === 0 || (at === did.length && id.startsWith(did))
}

function readMethod(item: unknown, did: Did): VerificationMethod | null {
  if (!isObject(item)) return null
  // A controller that is not named is the subject itself; some did:web documents leave it out.
  const { id, type, controller = did, publicKeyMultibase } = item
  if (!isText(id) || !isText(type) || !isText(controller)) return null
  if (publicKeyMultibase !== undefined && !isText(publicKeyMultibase)) return null
  return {
    ...item,
    id,
    type,
    controller,
    ...(publicKeyMultibase === undefined ? {} : { publicKeyMultibase }),
  }
}

function readService(item: unknown): DidService | null {
  if (!isObject(item)) return null
  const { id, serviceEndpoint } = item
  const type: unknown = Array.isArray(item['type']) ? item['type'][0] : item['type']
  if (!isText(id) || !isText(type) || !isText(serviceEndpoint)) return null
  return { ...item, id, type, serviceEndpoint }
}

function listOf<T>(value: unknown, read: (item: unknown) => T | null): T[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, MAX_ENTRIES).flatMap((item) => read(item) ?? [])
}

/** Whether it has more than `left` levels of lists and objects; looks no further. */
function isDeeper(value: unknown, left: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return left === 0 || Object.values(value).some((inner) => isDeeper(inner, left - 1))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_STRING
}
