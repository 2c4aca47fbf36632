import { createTransport } from 'nodemailer'

import { PdsError } from '../errors.ts'
import type { Mailer } from './mailer.ts'

/** Sends mail by the SMTP server at `url` (`smtp://` or `smtps://`, with user and password in it). */
export function createSmtpMailer(url: string, from: string): Mailer & Disposable {
  const transport = createTransport({ url, connectionTimeout: 10_000, socketTimeout: 30_000 })
  return {
    send: async ({ to, ...mail }) => {
      try {
        // As one address: text would be read as a list of them.
        await transport.sendMail({ from, ...mail, to: { name: '', address: to } })
      } catch (cause) {
        throw new PdsError('upstream-failed', 'The mail could not be sent', { cause })
      }
    },
    [Symbol.dispose]: () => transport.close(),
  }
}
