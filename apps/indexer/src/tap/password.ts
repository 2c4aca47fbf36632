// Who may speak with Tap's side: HTTP Basic, user `admin`; or, where there is no password, anything but a page in a browser.

import { hash, timingSafeEqual } from 'node:crypto'
import { basicAuth } from '@avocet/tap/wire'

/** Why somebody is not let in. */
export type Stranger = 'wrong-password' | 'page'

/** @returns null for who may */
export type CheckCaller = (header: (name: string) => string | null) => Stranger | null

/**
 * Both are hashed first, so that the time taken says nothing of how much is right. Without a password a page that anybody shows the
 * operator could still acknowledge events from their browser, which names where a page comes from.
 */
export function createCallerCheck(password: string | null): CheckCaller {
  if (password === null) return (header) => (header('origin') === null ? null : 'page')
  const wanted = digest(basicAuth(password))
  return (header) => {
    const given = (header('authorization') ?? '').replace(/^basic /i, 'Basic ')
    return timingSafeEqual(digest(given), wanted) ? null : 'wrong-password'
  }
}

function digest(text: string): Uint8Array {
  return hash('sha256', text, 'buffer')
}
