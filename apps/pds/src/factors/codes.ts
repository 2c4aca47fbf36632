// What people type to sign in beside their password. The three kinds of codes differ in length, so that one field takes them all.
import { createHash } from 'node:crypto'

import { randomText } from '../auth/random-text.ts'

/** A code as its kind writes it. */
export interface TypedCode {
  readonly kind: 'totp' | 'email' | 'recovery'
  readonly text: string
}

/** Longest text that is looked at, in characters. */
const MAX_TYPED = 64
/** How many recovery codes an account gets at a time. */
const RECOVERY_CODES = 10

/** The code in a text, whatever spaces, hyphens and case it is typed with; null when it is none. */
export function readCode(typed: string): TypedCode | null {
  if (typed.length > MAX_TYPED) return null
  const text = typed.replaceAll(/[\s-]/g, '')
  if (/^[0-9]{6}$/.test(text)) return { kind: 'totp', text }
  if (/^[a-z0-9]{10}$/i.test(text)) {
    return { kind: 'email', text: `${text.slice(0, 5)}-${text.slice(5)}`.toUpperCase() }
  }
  if (/^[a-z2-7]{16}$/i.test(text)) return { kind: 'recovery', text: text.toLowerCase() }
  return null
}

/** New recovery codes, as they are shown to their owner. */
export const makeRecoveryCodes = (): string[] =>
  Array.from({ length: RECOVERY_CODES }, () => randomText(4, 4))

/**
 * A recovery code as it is kept: 80 random bits, which nobody can search, so that a plain hash keeps the check to one indexed
 * read. The database compares hashes: how far two agree tells nothing about the code.
 * @param text as `readCode` gives it
 */
export const recoveryHash = (text: string): string => createHash('sha256').update(text).digest('hex')
