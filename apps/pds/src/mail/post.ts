import { join } from 'node:path'

import type { PdsConfig } from '../config/config.ts'
import type { Logger } from '../logger.ts'
import type { Counts } from '../operations/counts.ts'
import { createFileMailer } from './file-mailer.ts'
import { createMailLog, type MailLog } from './mail-log.ts'
import type { Mail } from './mailer.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { createSmtpMailer } from './smtp-mailer.ts'
import { watchMailer } from './watched-mailer.ts'

/** All that this server mails. */
export interface Post extends AsyncDisposable {
  readonly outbox: Outbox
  /** For the operator's own mail to owners of accounts. */
  readonly operatorOutbox: Outbox
  readonly mails: MailLog
}

/** Mail by the SMTP servers of the settings; without one it is written into `<data>/mail`. */
export function createPost(config: PdsConfig, log: Logger, counts: Counts): Post {
  const opened = new AsyncDisposableStack()
  const from = config.emailFromAddress ?? `noreply@${config.hostname}`
  const mails = createMailLog(config.hostname)
  const mailBy = (smtpUrl: string | null, sender: string, isOperators = false): Outbox => {
    const mailer =
      smtpUrl === null
        ? createFileMailer(join(config.dataDirectory, 'mail'), sender, log)
        : opened.use(createSmtpMailer(smtpUrl, sender))
    const keep = (mail: Mail, error: string | null): void => mails.add(mail, isOperators, error)
    return opened.use(createOutbox(watchMailer(mailer, log, counts, keep), log))
  }
  const outbox = mailBy(config.emailSmtpUrl, from)
  return {
    outbox,
    operatorOutbox: mailBy(
      config.moderationEmailSmtpUrl ?? config.emailSmtpUrl,
      config.moderationEmailAddress ?? from,
      true,
    ),
    mails,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
