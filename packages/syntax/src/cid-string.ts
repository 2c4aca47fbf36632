// https://atproto.com/specs/lexicon#cid

import { ALNUM, isClass } from './chars.ts'
import { createAssert, createParse, type Result } from './result.ts'

/** A CID as text, in any multibase: the shape alone. `@avocet/data` reads what is in it. */
export type CidString = string

const MIN_LENGTH = 8
const MAX_LENGTH = 256

function problem(text: string): string | null {
  if (text.length < MIN_LENGTH || text.length > MAX_LENGTH)
    return `not ${MIN_LENGTH} to ${MAX_LENGTH} characters`
  for (let i = 0; i < text.length; i++) {
    if (!isClass(text, i, ALNUM) && !'+='.includes(text.charAt(i)))
      return 'a character outside a-z A-Z 0-9 + ='
  }
  return text.length === 46 && text.startsWith('Qm') ? 'a CID of version 0' : null
}

// A CID of version 1 in base32, as the protocol writes them.
const USUAL = /^baf[a-z2-7]+$/

/** All that {@link problem} finds nothing wrong with, but for version 0. */
const CID = /^[a-zA-Z0-9+=]{8,256}$/

/** Whether a value has the shape of a CID of version 1. */
export function isCidString(value: unknown): value is CidString {
  if (typeof value !== 'string') return false
  if (value.length === 59 && USUAL.test(value)) return true
  return CID.test(value) && !(value.length === 46 && value.startsWith('Qm'))
}

/** The text, if it has the shape of a CID; failure `invalid-cid`. */
export const parseCidString: (value: unknown) => Result<CidString> = /* @__PURE__ */ createParse(
  'cid',
  problem,
)

/** @throws SyntaxFault `invalid-cid` unless the value has the shape of a CID. */
export const assertCidString: (value: unknown) => asserts value is CidString = /* @__PURE__ */ createAssert(
  'cid',
  problem,
)
