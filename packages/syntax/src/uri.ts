// https://atproto.com/specs/lexicon#uri
// https://www.rfc-editor.org/rfc/rfc3986#section-3

import { ALNUM, isClass, LETTER } from './chars.ts'
import { createAssert, createParse, type Result } from './result.ts'

/** A URI of any scheme. */
export type Uri = `${string}:${string}`

const MAX_LENGTH = 8192
const MAX_SCHEME = 80
/** White space, controls and what no text form of Unicode may hold. Characters beyond ASCII are taken (IRIs). */
const FORBIDDEN = /[\s\p{Cc}\p{Cs}]/u

function problem(text: string): string | null {
  if (text.length > MAX_LENGTH) return `longer than ${MAX_LENGTH} characters`
  const colon = text.indexOf(':')
  if (colon < 1 || colon > MAX_SCHEME) return 'no scheme'
  if (!isClass(text, 0, LETTER)) return 'a scheme that does not start with a letter'
  for (let i = 1; i < colon; i++) {
    if (!isClass(text, i, ALNUM) && !'+-.'.includes(text.charAt(i))) {
      return 'a scheme with a character outside a-z 0-9 + - .'
    }
  }
  if (colon === text.length - 1) return 'nothing after the scheme'
  return FORBIDDEN.test(text) ? 'white space or a control character' : null
}

// Four characters a round: for the length of usual links that takes two thirds of the time of `[!-~]+`. The rest is bounded,
// so that a text which does not match is left in linear time.
const USUAL = /^https:(?:[!-~][!-~][!-~][!-~])*[!-~]{1,4}$/

/** All that {@link problem} finds nothing wrong with, but for the length. */
const URI = /^[a-zA-Z][a-zA-Z0-9+.-]{0,79}:[^\s\p{Cc}\p{Cs}]+$/u

/** Whether a value is a URI: a scheme, a colon, and something without white space. */
export function isUri(value: unknown): value is Uri {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return false
  return USUAL.test(value) || URI.test(value)
}

/** The URI in a text; failure `invalid-uri`. */
export const parseUri: (value: unknown) => Result<Uri> = /* @__PURE__ */ createParse('uri', problem)

/** @throws SyntaxFault `invalid-uri` unless the value is a URI. */
export const assertUri: (value: unknown) => asserts value is Uri = /* @__PURE__ */ createAssert(
  'uri',
  problem,
)
