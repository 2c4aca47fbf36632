// https://atproto.com/specs/lexicon#at-identifier

import { isDid, parseDid, type Did } from './did.ts'
import { isHandle, parseHandle, type Handle } from './handle.ts'
import { createGrammar, type Problem, type Result } from './result.ts'

/** What names an account: a DID or a handle. */
export type AtIdentifier = Did | Handle

const problem: Problem = (text) => {
  if (isDid(text) || isHandle(text)) return null
  const result = text.startsWith('did:') ? parseDid(text) : parseHandle(text)
  return result.ok ? null : 'neither a DID nor a handle'
}

const grammar = createGrammar<AtIdentifier>('at-identifier', problem)

/** Whether a value is a DID or a handle. */
export const isAtIdentifier: (value: unknown) => value is AtIdentifier = grammar.is

/** The DID or handle in a text; failure `invalid-at-identifier`. */
export const parseAtIdentifier: (value: unknown) => Result<AtIdentifier> = grammar.parse

/** @throws SyntaxFault `invalid-at-identifier` unless the value is a DID or a handle. */
export const assertAtIdentifier: (value: unknown) => asserts value is AtIdentifier = grammar.assert
