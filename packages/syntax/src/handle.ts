// https://atproto.com/specs/handle#handle-identifier-syntax

import { isClass, labelProblem, LETTER } from './chars.ts'
import { createAssert, createParse, type Result } from './result.ts'

/** A domain name used as the name of an account, in any case. */
export type Handle = `${string}.${string}`

const MAX_LENGTH = 253

function problem(text: string): string | null {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  let start = 0
  let segments = 0
  while (true) {
    const dot = text.indexOf('.', start)
    const end = dot === -1 ? text.length : dot
    const found = labelProblem(text, start, end)
    if (found !== null) return found
    segments++
    if (dot === -1) break
    start = dot + 1
  }
  if (segments < 2) return 'fewer than two segments'
  return isClass(text, start, LETTER) ? null : 'a last segment that does not start with a letter'
}

/** All that {@link problem} finds nothing wrong with, but for the length. */
const HANDLE = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

// No longer than one label may be, so no label of it is too long; plain classes are quicker.
const MAX_USUAL = 63
const USUAL = /^[a-z0-9]+(?:\.[a-z0-9]+)*\.[a-z]+$/

/** Whether a value is a handle. */
export function isHandle(value: unknown): value is Handle {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false
  return (value.length <= MAX_USUAL && USUAL.test(value)) || HANDLE.test(value)
}

/** The handle in a text; failure `invalid-handle`. */
export const parseHandle: (value: unknown) => Result<Handle> = /* @__PURE__ */ createParse('handle', problem)

/** @throws SyntaxFault `invalid-handle` unless the value is a handle. */
export const assertHandle: (value: unknown) => asserts value is Handle = /* @__PURE__ */ createAssert(
  'handle',
  problem,
)

/** The form in which handles are compared, stored and shown: lower case. */
export function normalizeHandle(handle: Handle): Handle {
  return handle.toLowerCase() as Handle
}

/** https://atproto.com/specs/handle#additional-non-syntax-restrictions; `.test` is left to the caller (development). */
const DISALLOWED_TLDS = new Set([
  'alt',
  'arpa',
  'example',
  'internal',
  'invalid',
  'local',
  'localhost',
  'onion',
])

/** Whether a handle that is valid by its syntax ends in a top-level domain that no account may use. */
export function isDisallowedTld(handle: Handle): boolean {
  return DISALLOWED_TLDS.has(handle.slice(handle.lastIndexOf('.') + 1).toLowerCase())
}
