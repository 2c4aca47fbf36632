// Who may manage: whoever has the token, and no page of a browser that does not come from here.

import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { IndexerError } from '../errors.ts'
import type { Guesses } from '../http/guesses.ts'

/** Shorter ones could be guessed. */
const MIN_TOKEN = 16
const MAX_TOKEN = 1024
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether an address to serve on is of this machine alone. */
export const isLoopback = (hostname: string): boolean =>
  hostname === '::1' || LOOPBACK.has(hostname) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)

/**
 * The token of these variables, or of a file; undefined where neither is given.
 * @throws IndexerError `bad-config`
 */
export function readToken(token: string | undefined, file: string | undefined): string | undefined {
  if (token === undefined && file === undefined) return undefined
  let text = token
  try {
    text ??= readFileSync(file!, 'utf8')
  } catch (cause) {
    throw new IndexerError('bad-config', `Cannot read the token from ${file}: ${(cause as Error).message}`, {
      cause,
    })
  }
  const trimmed = text.trim()
  if (trimmed.length >= MIN_TOKEN && trimmed.length <= MAX_TOKEN && /^[!-~]+$/.test(trimmed)) return trimmed
  throw new IndexerError(
    'bad-config',
    `The admin token has ${MIN_TOKEN} to ${MAX_TOKEN} visible ASCII characters, as of: openssl rand -hex 32`,
  )
}

/** Why somebody is not let in. */
export type Refusal = {
  readonly status: 401 | 403 | 429
  readonly error: string
  readonly message: string
  /** How long no token is looked at, s. */
  readonly retryAfter?: number
}

/**
 * Makes the function that looks at each request; null: it may pass.
 * @param onLoopback served on this machine alone: then other names for it are those of pages that were bound anew to its address
 */
export function createDoor(
  token: string,
  onLoopback: boolean,
  guesses: Guesses,
): (request: Request, address: string | null) => Refusal | null {
  const expected = sha256(`Bearer ${token}`)
  return ({ headers }, address) => {
    const host = headers.get('host') ?? ''
    if (onLoopback && !LOOPBACK.has(host.replace(/:\d{1,5}$/, ''))) {
      return { status: 403, error: 'Forbidden', message: 'Ask it as localhost' }
    }
    const origin = headers.get('origin')
    const site = headers.get('sec-fetch-site')
    const isForeign = origin !== null && origin !== `http://${host}` && origin !== `https://${host}`
    if (isForeign || (site !== null && site !== 'same-origin' && site !== 'none')) {
      return { status: 403, error: 'Forbidden', message: 'Pages of other origins may not manage' }
    }
    const given = headers.get('authorization')
    const missing = {
      status: 401,
      error: 'AuthMissing',
      message: 'Authorization: Bearer <the admin token>',
    } as const
    if (given === null || given === '') return missing
    const retryAfter = guesses.wait(address)
    if (retryAfter > 0) {
      const message = `There were too many wrong tokens; ask again in ${retryAfter} s`
      return { status: 429, error: 'RateLimitExceeded', message, retryAfter }
    }
    const isRight = timingSafeEqual(sha256(given), expected)
    guesses.note(address, isRight)
    return isRight ? null : missing
  }
}

/** Of one length, whatever was sent. */
const sha256 = (text: string): Uint8Array => createHash('sha256').update(text).digest()
