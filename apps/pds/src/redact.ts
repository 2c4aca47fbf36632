/** An address as a log may show it: enough to tell two apart, not enough to write to. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@')
  return at < 1 ? '…' : `${email.slice(0, 1)}…${email.slice(at)}`
}

/** Bounds what a mail server's words are searched in. */
const MAX_TEXT = 500

/** What is a token (JWT). */
const TOKEN = /\beyJ[\w.-]{8,}/g
/** Hexadecimal digits. */
const DIGITS = /\b[0-9a-fA-F]+\b/g
/** So many of them are a key or a hash; a DID has fewer. */
const SECRET_DIGITS = 64

/** Text of another server for the log: bounded, its addresses masked, tokens, keys and the parts of URLs that hold passwords gone. */
export function redact(text: string): string {
  return text
    .slice(0, MAX_TEXT)
    .replaceAll(TOKEN, '…')
    .replaceAll(DIGITS, (digits) => (digits.length < SECRET_DIGITS ? digits : '…'))
    .split(/([\s<>"'(),;/:]+)/)
    .map((word) => (word.includes('@') ? `…${word.slice(word.lastIndexOf('@'))}` : word))
    .join('')
}

/** The message of a failure and of what caused it, for one line of the log. */
export function causeOf(error: unknown): string {
  const parts: string[] = []
  for (let [current, depth] = [error, 0]; current instanceof Error && depth < 4; depth++) {
    if (!parts.includes(current.message)) parts.push(current.message)
    current = current.cause
  }
  return redact(parts.length === 0 ? String(error) : parts.join(': '))
}
