import { setTimeout as wait } from 'node:timers/promises'

import { PdsError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { causeOf } from '../redact.ts'
import type { Mailer } from './mailer.ts'

/** A mailer that has a bound on what is under way, and can send after the answer. */
export interface Outbox extends Mailer, AsyncDisposable {
  /**
   * Runs a task that sends mail after the present request is answered: its answer, and how long it takes, must not tell
   * whether there was anything to send. What fails is logged. Above the bound the task is dropped, and that is logged.
   */
  later(task: () => Promise<void>): void
}

/** Mails under way at a time, and tasks that wait to send one: at an SMTP server that hangs, each holds a connection. */
const MAX_PENDING = 100
/** How long a stopping server waits for mail under way, in milliseconds. */
const CLOSE_MS = 5000

/** An outbox in front of `mailer`. */
export function createOutbox(
  mailer: Mailer,
  log: Logger,
  maxPending: number = MAX_PENDING,
  closeMs: number = CLOSE_MS,
): Outbox {
  const pending = new Set<Promise<void>>()
  let sending = 0

  const send: Mailer['send'] = async (mail) => {
    const { subject } = mail
    if (sending >= maxPending) {
      log.error({ subject, pending: sending }, 'a mail was not sent: too many are under way')
      throw new PdsError('busy', 'Too much mail is being sent, try again later')
    }
    sending += 1
    try {
      await mailer.send(mail)
    } finally {
      sending -= 1
    }
  }

  const run = async (task: () => Promise<void>): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    try {
      await task()
    } catch (error) {
      log.warn({ cause: causeOf(error) }, 'a letter was not sent')
    }
  }

  return {
    send,
    later: (task) => {
      if (pending.size >= maxPending) {
        log.error({ pending: pending.size }, 'a letter was not sent: too many are waiting')
        return
      }
      const running = run(task)
      pending.add(running)
      void running.then(() => pending.delete(running))
    },
    [Symbol.asyncDispose]: async () => {
      const cut = new AbortController()
      const late = wait(closeMs, undefined, { signal: cut.signal }).catch(() => {})
      await Promise.race([Promise.all(pending), late])
      cut.abort()
    },
  }
}
