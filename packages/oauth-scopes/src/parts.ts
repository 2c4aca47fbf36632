// https://atproto.com/specs/permission#scope-string-syntax

import type { ScopeLimits } from './limits.ts'

/** A scope cut into its parts, percent-decoded. */
export type ScopeParts = {
  readonly positional: string | null
  readonly params: readonly (readonly [name: string, value: string])[]
}

/** What a token of scope may be made of: RFC 6749, section 3.3. */
const TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** What is wrong with the characters or the length of a scope, or null. */
export function tokenProblem(text: string, limits: ScopeLimits): string | null {
  if (text.length > limits.scopeLength) return `longer than ${limits.scopeLength} characters`
  return TOKEN.test(text) ? null : 'a character that no scope may have'
}

/** The name of the resource: all before the first colon or question mark. */
export function resourceName(text: string): string {
  const end = text.search(/[:?]/)
  return end === -1 ? text : text.slice(0, end)
}

/** The parts behind the name of the resource, or what is wrong with them. */
export function readParts(text: string, limits: ScopeLimits): ScopeParts | string {
  const colon = text.indexOf(':')
  const mark = text.indexOf('?')
  const end = mark === -1 ? text.length : mark
  const positional = colon === -1 || colon > end ? null : decode(text.slice(colon + 1, end))
  if (positional === undefined) return BAD_ESCAPE
  const pieces = text.slice(end + 1).split('&', limits.parameters + 1)
  if (pieces.length > limits.parameters) return `more than ${limits.parameters} parameters`
  const params: (readonly [string, string])[] = []
  for (const piece of pieces) {
    if (piece === '') continue
    const equals = piece.indexOf('=')
    const name = decode(equals === -1 ? piece : piece.slice(0, equals))
    const value = equals === -1 ? '' : decode(piece.slice(equals + 1))
    if (name === undefined || value === undefined) return BAD_ESCAPE
    params.push([name, value])
  }
  return { positional, params }
}

const BAD_ESCAPE = 'a percent sign that encodes nothing'

/** @returns undefined for text that is not rightly encoded. A plus stands for itself. */
function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
