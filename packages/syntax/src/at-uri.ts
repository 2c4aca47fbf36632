// https://atproto.com/specs/at-uri-scheme

import { isAtIdentifier, type AtIdentifier } from './at-identifier.ts'
import { isNsid, type Nsid } from './nsid.ts'
import { isRecordKey, type RecordKey } from './record-key.ts'
import { failure, SyntaxFault, type Result } from './result.ts'

/** The address of a repository, a collection or a record. */
export type AtUri = `at://${string}`

/** The parts of an {@link AtUri}. */
export interface AtUriParts {
  readonly authority: AtIdentifier
  readonly collection?: Nsid
  readonly rkey?: RecordKey
  /** A JSON pointer into the record, `/…`, without the `#`; only where fragments were allowed. */
  readonly fragment?: string
}

/** Which of the two syntaxes of the specification is read. */
export interface AtUriOptions {
  /** Also take a fragment that is a JSON pointer (`#/text`). The `at-uri` format of schemas has none. */
  allowFragment?: boolean
}

const MAX_LENGTH = 8192
const SCHEME = 'at://'
/** A JSON pointer, in the characters that the specification lets it have. */
const POINTER = /^\/[a-zA-Z0-9._~:@!$&')(*+,;=%[\]/-]*$/

function split(text: string, allowFragment: boolean): AtUriParts | string {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  if (!text.startsWith(SCHEME)) return `does not start with ${SCHEME}`
  const hash = text.indexOf('#')
  let fragment: string | undefined
  if (hash !== -1) {
    if (!allowFragment) return 'a fragment'
    fragment = text.slice(hash + 1)
    if (!POINTER.test(fragment)) return 'a fragment that is not a JSON pointer'
  }
  const path = text.slice(SCHEME.length, hash === -1 ? text.length : hash).split('/', 4)
  const [authority, collection, rkey] = path
  if (path.length > 3) return 'more than two path segments'
  if (!isAtIdentifier(authority)) return 'an authority that is neither a DID nor a handle'
  if (collection !== undefined && !isNsid(collection)) return 'a collection that is not an NSID'
  if (rkey !== undefined && !isRecordKey(rkey)) return 'an invalid record key'
  return {
    authority,
    ...(collection !== undefined && { collection }),
    ...(rkey !== undefined && { rkey }),
    ...(fragment !== undefined && { fragment }),
  }
}

// A record of a did:plc. Short enough that no label of the collection can be too long: 17 characters stand around it.
const MAX_USUAL = 80
const USUAL = /^at:\/\/did:plc:[a-z2-7]+\/[a-z]+(?:\.[a-z]+)+\.[a-zA-Z]+\/[a-z2-7]+$/

/** The answer of {@link split} without its reasons: programs that only check are spared them. */
function hasParts(text: string, needsKey: boolean): boolean {
  if (text.length > MAX_LENGTH || !text.startsWith(SCHEME)) return false
  const [authority, collection, rkey, more] = text.slice(SCHEME.length).split('/', 4)
  return (
    isAtIdentifier(authority) &&
    (collection === undefined || isNsid(collection)) &&
    (rkey === undefined ? !needsKey : isRecordKey(rkey)) &&
    more === undefined
  )
}

/** Whether a value is an AT URI as schemas allow it: normalized, no query, no fragment, no trailing slash. */
export function isAtUri(value: unknown): value is AtUri {
  if (typeof value !== 'string') return false
  return (value.length <= MAX_USUAL && USUAL.test(value)) || hasParts(value, false)
}

/** Whether a value is the AT URI of a record: authority, collection and key, and nothing else. */
export function isRecordUri(value: unknown): value is AtUri {
  return typeof value === 'string' && hasParts(value, true)
}

/** The parts of an AT URI; failure `invalid-at-uri`. */
export function parseAtUri(value: unknown, options: AtUriOptions = {}): Result<AtUriParts> {
  const parts = typeof value === 'string' ? split(value, options.allowFragment === true) : 'not a string'
  if (typeof parts === 'string') return { ok: false, error: failure('at-uri', parts, value) }
  return { ok: true, value: parts }
}

/** @throws SyntaxFault `invalid-at-uri` unless the value is an AT URI as {@link isAtUri} has it. */
export function assertAtUri(value: unknown): asserts value is AtUri {
  const result = parseAtUri(value)
  if (!result.ok) throw new SyntaxFault(result.error.code, result.error.message)
}

/** The AT URI of a repository, collection or record. The parts are not checked. */
export function formatAtUri(authority: AtIdentifier, collection?: Nsid, rkey?: RecordKey): AtUri {
  if (collection === undefined) return `${SCHEME}${authority}`
  return rkey === undefined
    ? `${SCHEME}${authority}/${collection}`
    : `${SCHEME}${authority}/${collection}/${rkey}`
}
