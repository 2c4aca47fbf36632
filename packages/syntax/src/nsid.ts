// https://atproto.com/specs/nsid#nsid-syntax

import { ALNUM, isAll, isClass, labelProblem, LETTER } from './chars.ts'
import { createAssert, createParse, type Result } from './result.ts'

/** A namespaced identifier: a reversed domain name and a name, like `app.bsky.feed.post`. */
export type Nsid = `${string}.${string}.${string}`

// A domain of 253 characters, a dot and a name. The interop vectors hold only the sum to its bound.
const MAX_LENGTH = 317
const MAX_NAME = 63

function problem(text: string): string | null {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  const nameStart = text.lastIndexOf('.') + 1
  let segments = 0
  for (let start = 0; start < nameStart; segments++) {
    const end = text.indexOf('.', start)
    const found = labelProblem(text, start, end)
    if (found !== null) return found
    start = end + 1
  }
  if (segments < 2) return 'fewer than three segments'
  if (!isClass(text, 0, LETTER)) return 'a first segment that does not start with a letter'
  if (text.length - nameStart > MAX_NAME) return `a name longer than ${MAX_NAME} characters`
  if (!isClass(text, nameStart, LETTER)) return 'a name that does not start with a letter'
  return isAll(text, nameStart, text.length, ALNUM) ? null : 'a name with a character outside a-z A-Z 0-9'
}

/** All that {@link problem} finds nothing wrong with, but for the length. */
const NSID =
  /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+\.[a-z][a-z0-9]{0,62}$/i

// No longer than one label may be, so no label of it is too long.
const MAX_USUAL = 63
const USUAL = /^[a-z]+(?:\.[a-z]+)+\.[a-zA-Z]+$/

/** Whether a value is an NSID. */
export function isNsid(value: unknown): value is Nsid {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false
  return (value.length <= MAX_USUAL && USUAL.test(value)) || NSID.test(value)
}

/** The NSID in a text; failure `invalid-nsid`. */
export const parseNsid: (value: unknown) => Result<Nsid> = /* @__PURE__ */ createParse('nsid', problem)

/** @throws SyntaxFault `invalid-nsid` unless the value is an NSID. */
export const assertNsid: (value: unknown) => asserts value is Nsid = /* @__PURE__ */ createAssert(
  'nsid',
  problem,
)

/** The domain that controls an NSID, in the order of the DNS: `feed.bsky.app` of `app.bsky.feed.post`. Lower case. */
export function nsidAuthority(nsid: Nsid): string {
  return nsid.split('.').slice(0, -1).toReversed().join('.').toLowerCase()
}

/** The last segment of an NSID: `post` of `app.bsky.feed.post`. */
export function nsidName(nsid: Nsid): string {
  return nsid.slice(nsid.lastIndexOf('.') + 1)
}
