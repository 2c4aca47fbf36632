// https://atproto.com/specs/lexicon#at-identifier

import { isDid, type Did } from './did.ts'
import { isHandle, type Handle } from './handle.ts'
import { createAssert, createParse, type Problem, type Result } from './result.ts'

/** What names an account: a DID or a handle. */
export type AtIdentifier = Did | Handle

const problem: Problem = (text) => (isDid(text) || isHandle(text) ? null : 'neither a DID nor a handle')

/** Whether a value is a DID or a handle. */
export function isAtIdentifier(value: unknown): value is AtIdentifier {
  return isDid(value) || isHandle(value)
}

/** The DID or handle in a text; failure `invalid-at-identifier`. */
export const parseAtIdentifier: (value: unknown) => Result<AtIdentifier> = /* @__PURE__ */ createParse(
  'at-identifier',
  problem,
)

/** @throws SyntaxFault `invalid-at-identifier` unless the value is a DID or a handle. */
export const assertAtIdentifier: (value: unknown) => asserts value is AtIdentifier =
  /* @__PURE__ */ createAssert('at-identifier', problem)
