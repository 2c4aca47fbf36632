import { createTransport } from 'nodemailer'

import { PdsError } from '../errors.ts'
import type { Mailer } from './mailer.ts'

/** Sends mail by the SMTP server at `url` (`smtp://` or `smtps://`, with user and password in it). */
export function createSmtpMailer(url: string, from: string): Mailer & Disposable {
  const transport = createTransport({ url, connectionTimeout: 10_000, socketTimeout: 30_000 })
  return {
    send: async (mail) => {
      try {
        await transport.sendMail({ from, ...mail })
      } catch (cause) {
        throw new PdsError('upstream-failed', 'The mail could not be sent', { cause })
      }
    },
    [Symbol.dispose]: () => transport.close(),
  }
}
