/**
 * Codes by the time, of authenticator apps: RFC 6238 with what every app knows (SHA-1, 6 digits, 30 seconds).
 * https://www.rfc-editor.org/rfc/rfc6238
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

const STEP_MS = 30_000
/** How many steps a clock may be behind or ahead. */
const WINDOW = 1
const DIGITS = 6

/** The step of a time in ms since 1970. */
export const totpStep = (now: number): number => Math.floor(now / STEP_MS)

/** The code of a step. https://www.rfc-editor.org/rfc/rfc4226#section-5.3 */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const at = mac[mac.length - 1]! & 15
  const number = (mac.readUInt32BE(at) & 0x7f_ff_ff_ff) % 10 ** DIGITS
  return String(number).padStart(DIGITS, '0')
}

/**
 * The step that a code is of, within the window around `now` and above the step used last; null when there is none. All steps are
 * looked at, so that the time it takes tells nothing.
 * @param code six ASCII digits
 */
export function matchTotp(secret: Uint8Array, code: string, lastStep: number, now: number): number | null {
  const given = Buffer.from(code)
  let found: number | null = null
  for (let step = totpStep(now) - WINDOW; step <= totpStep(now) + WINDOW; step++) {
    const same = timingSafeEqual(Buffer.from(totpCode(secret, step)), given)
    if (same && step > lastStep) found = step
  }
  return found
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** A secret as people type it into an app: base32 without padding. https://www.rfc-editor.org/rfc/rfc4648#section-6 */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31]!
    held &= 31
  }
  return bits === 0 ? text : text + BASE32[(held << (5 - bits)) & 31]!
}

/** What an app reads from a QR code: https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
export function totpUri(secret: Uint8Array, issuer: string, account: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`
  const query = `secret=${base32(secret)}&issuer=${encodeURIComponent(issuer)}&algorithm=SHA1&digits=6&period=30`
  return `otpauth://totp/${label}?${query}`
}
