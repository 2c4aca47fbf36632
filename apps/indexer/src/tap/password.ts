// Who may speak with Tap's side: HTTP Basic, user `admin`; or, where there is no password, anything but a page in a browser.

import { hash, timingSafeEqual } from 'node:crypto'
import { basicAuth } from '@avocet/tap/wire'
import type { Guesses } from '../http/guesses.ts'

/** Why somebody is not let in. `wait`: there were so many wrong passwords that none is looked at for so long, s. */
export type Stranger =
  | { readonly why: 'wrong-password' | 'page' }
  | { readonly why: 'wait'; readonly wait: number }

/** @returns null for who may */
export type CheckCaller = (header: (name: string) => string | null, address: string | null) => Stranger | null

/**
 * Both are hashed first, so that the time taken says nothing of how much is right. Without a password a page that anybody shows the
 * operator could still acknowledge events from their browser, which names where a page comes from.
 */
export function createCallerCheck(password: string | null, guesses: Guesses): CheckCaller {
  if (password === null) return (header) => (header('origin') === null ? null : { why: 'page' })
  const wanted = digest(basicAuth(password))
  return (header, address) => {
    const given = header('authorization')
    if (given === null) return { why: 'wrong-password' }
    const wait = guesses.wait(address)
    if (wait > 0) return { why: 'wait', wait }
    const isRight = timingSafeEqual(digest(given.replace(/^basic /i, 'Basic ')), wanted)
    guesses.note(address, isRight)
    return isRight ? null : { why: 'wrong-password' }
  }
}

/** What a stranger is told: the status, and the text. */
export function strangerSays(stranger: Stranger): {
  readonly status: 401 | 403 | 429
  readonly text: string
} {
  if (stranger.why === 'wait')
    return { status: 429, text: `too many wrong passwords; ask again in ${stranger.wait} s` }
  return stranger.why === 'page'
    ? { status: 403, text: 'not for pages without a password' }
    : { status: 401, text: 'wrong password' }
}

function digest(text: string): Uint8Array {
  return hash('sha256', text, 'buffer')
}
