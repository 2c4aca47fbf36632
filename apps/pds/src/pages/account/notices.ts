// What a page says after a form was taken stands in the URL that the browser is sent to, so that going back and loading again are safe.
// Nobody else can make such a URL: what it names is shown only with a code that this server made for this browser a moment ago.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

import type { Browser } from '../browsers.ts'

/** Names of what to say, in URLs. */
export interface Notices {
  /** For the parameter `notice`. @param page the page and the account that it is about */
  write(browser: Pick<Browser, 'key'>, page: string, name: string): string
  /** The name, if this browser was given the text for this page in the last minutes. */
  read(browser: Pick<Browser, 'key'>, page: string, text: string | null): string | null
}

const LIFETIME_MS = 5 * 60 * 1000
const MAX_TEXT = 200

/** Names by a key derived from the secret of the server. */
export function createNotices(secret: string, now: () => number = () => Date.now()): Notices {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'avocet pds notices', 32))
  const seal = (browser: string, page: string, name: string, at: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([browser, page, name, at]))
      .digest()
  return {
    write: (browser, page, name) => {
      const at = now().toString(36)
      return `${name}.${at}.${seal(browser.key, page, name, at).toString('base64url')}`
    },
    read: (browser, page, text) => {
      if (text === null || text.length > MAX_TEXT) return null
      const [name = '', at = '', code = '', ...rest] = text.split('.')
      const age = now() - Number.parseInt(at, 36)
      if (rest.length > 0 || !(age >= 0 && age < LIFETIME_MS)) return null
      const [given, expected] = [Buffer.from(code, 'base64url'), seal(browser.key, page, name, at)]
      return given.length === expected.length && timingSafeEqual(given, expected) ? name : null
    },
  }
}
