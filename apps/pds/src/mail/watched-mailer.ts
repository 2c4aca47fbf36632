import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import { causeOf, maskEmail } from '../redact.ts'
import type { Mailer } from './mailer.ts'

/** A mailer whose failures leave a line, whatever the client was told: who (masked), about what, why. */
export function watchMailer(mailer: Mailer, log: Logger, counts: Counts): Mailer {
  return {
    ...mailer,
    send: async (mail) => {
      try {
        await mailer.send(mail)
        counts.mail(true)
      } catch (error) {
        counts.mail(false)
        counts.failed('mail')
        log.error(
          { to: maskEmail(mail.to), subject: mail.subject, cause: causeOf(error) },
          'a mail could not be sent',
        )
        throw error
      }
    },
  }
}
