import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

import type { Browser } from './browsers.ts'

/** Largest form, in bytes. That of a consent with every scope that a request may hold fits. */
const MAX_FORM = 64 * 1024
const MAX_DROPPED = 1024 * 1024

/** The fields of a form; null for a body that is none, or too large. */
export async function readForm(request: Request): Promise<URLSearchParams | null> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded' || request.body === null) return null
  if (Number(request.headers.get('content-length') ?? 0) > MAX_FORM) return null
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    // A little more is read and dropped, as whoever still sends gets no answer; then the connection is cut.
    if (size > MAX_DROPPED) return null
    if (size <= MAX_FORM) chunks.push(chunk)
  }
  if (size > MAX_FORM) return null
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

/** What shows that a form is one that this server gave to this browser. */
export interface FormTokens {
  /** For a hidden field. */
  of(browser: Pick<Browser, 'key'>): string
  isOf(browser: Pick<Browser, 'key'>, token: string | null): boolean
}

/** Tokens by a key derived from the secret of the server: nothing is kept for them. */
export function createFormTokens(secret: string): FormTokens {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'avocet pds forms', 32))
  const of: FormTokens['of'] = (browser) => createHmac('sha256', key).update(browser.key).digest('base64url')
  return {
    of,
    isOf: (browser, token) => {
      const expected = Buffer.from(of(browser))
      const given = Buffer.from(token ?? '')
      return given.length === expected.length && timingSafeEqual(given, expected)
    },
  }
}
