import { maskEmail } from '../redact.ts'
import { createRing } from '../operations/ring.ts'
import type { Mail } from './mailer.ts'

/** A mail that this process sent, or could not send. */
export interface MailLogEntry {
  /** ISO 8601. */
  readonly at: string
  /** Masked. */
  readonly to: string
  /** Its subject without the name of the server; for mail of the operator that it is such. */
  readonly kind: string
  /** Null when the mail server took it, else why not, without addresses. */
  readonly error: string | null
}

/** The last mails of this process. */
export interface MailLog {
  add(mail: Mail, isOperators: boolean, error: string | null): void
  /** The newest first. */
  list(): readonly MailLogEntry[]
}

const MAX_MAILS = 500
const MAX_KIND = 100

/** A log in memory. @param hostname stands in subjects */
export function createMailLog(hostname: string, now: () => number = Date.now): MailLog {
  const ring = createRing<MailLogEntry>(MAX_MAILS)
  return {
    add: ({ to, subject }, isOperators, error) =>
      ring.add({
        at: new Date(now()).toISOString(),
        to: maskEmail(to),
        // What the operator writes above a letter is for its reader.
        kind: isOperators
          ? 'letter of the operator'
          : subject.replace(` (${hostname})`, '').slice(0, MAX_KIND),
        error,
      }),
    list: () => ring.list(),
  }
}
