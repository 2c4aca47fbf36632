import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Logger } from '../logger.ts'
import { maskEmail } from '../redact.ts'
import type { Mailer } from './mailer.ts'

/**
 * Where no SMTP server is configured, each mail becomes a file that the operator (or a developer in need of a code) can
 * read, and a log line names it.
 */
export function createFileMailer(folder: string, from: string, log: Logger): Mailer {
  return {
    send: async ({ to, subject, text }) => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const date = new Date()
      const name = `${date.toISOString().replaceAll(/[:.]/g, '-')}-${randomUUID().slice(0, 8)}.eml`
      const path = join(folder, name)
      const head = `Date: ${date.toUTCString()}\nFrom: ${from}\nTo: ${to}\nSubject: ${subject}\n`
      await writeFile(path, `${head}\n${text}\n`, { mode: 0o600 })
      log.info({ to: maskEmail(to), subject, path }, 'mail written to a file, no SMTP server is configured')
    },
  }
}
