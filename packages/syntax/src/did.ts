// https://atproto.com/specs/did#did-syntax

import { ALNUM, isAll, isClass, LOWER } from './chars.ts'
import { createAssert, createParse, type Result } from './result.ts'

/** A decentralized identifier of any method, like `did:plc:…` or `did:web:…`. */
export type Did = `did:${string}:${string}`

const MAX_LENGTH = 2048
const METHOD_START = 4
const PUNCTUATION = '._:%-'

function problem(text: string): string | null {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  if (!text.startsWith('did:')) return 'does not start with did:'
  const methodEnd = text.indexOf(':', METHOD_START)
  if (methodEnd === -1) return 'no method-specific identifier'
  if (!isAll(text, METHOD_START, methodEnd, LOWER)) return 'a method that is not all a-z'
  if (methodEnd === text.length - 1) return 'no method-specific identifier'
  for (let i = methodEnd + 1; i < text.length; i++) {
    if (!isClass(text, i, ALNUM) && !PUNCTUATION.includes(text.charAt(i))) {
      return 'a character outside a-z A-Z 0-9 . _ : % -'
    }
  }
  const last = text.at(-1)
  return last === ':' || last === '%' ? 'ends with a colon or a percent sign' : null
}

/** All that {@link problem} finds nothing wrong with, but for the length. */
const DID = /^did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]$/

// What nearly all are: one plain class is quicker.
const PLC = /^did:plc:[a-z2-7]+$/

/** Whether a value is a DID. */
export function isDid(value: unknown): value is Did {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false
  return (value.length === 32 && PLC.test(value)) || DID.test(value)
}

/** The DID in a text; failure `invalid-did`. */
export const parseDid: (value: unknown) => Result<Did> = /* @__PURE__ */ createParse('did', problem)

/** @throws SyntaxFault `invalid-did` unless the value is a DID. */
export const assertDid: (value: unknown) => asserts value is Did = /* @__PURE__ */ createAssert(
  'did',
  problem,
)
