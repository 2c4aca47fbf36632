import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import { causeOf, maskEmail } from '../redact.ts'
import type { Mail, Mailer } from './mailer.ts'

/** A mailer whose failures leave a line, whatever the client was told: who (masked), about what, why. @param keep notes each mail */
export function watchMailer(
  mailer: Mailer,
  log: Logger,
  counts: Counts,
  keep: (mail: Mail, error: string | null) => void = () => {},
): Mailer {
  return {
    ...mailer,
    send: async (mail) => {
      try {
        await mailer.send(mail)
        counts.mail(true)
        keep(mail, null)
      } catch (error) {
        counts.mail(false)
        counts.failed('mail')
        keep(mail, causeOf(error))
        log.error(
          { to: maskEmail(mail.to), subject: mail.subject, cause: causeOf(error) },
          'a mail could not be sent',
        )
        throw error
      }
    },
  }
}
