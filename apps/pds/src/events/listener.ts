import type { AppliedEvent } from '@avocet/repo-server'

import type { Logger } from '../logger.ts'

/**
 * Hears of every event of this server: `#commit`, `#sync`, `#identity`, `#account`, with its number, and its body as the
 * firehose has it. Each is told once, when it is durable; those of one repository in the order of their numbers. Nothing waits
 * for it. Who must not miss any, also over a restart, reads the firehose (`com.atproto.sync.subscribeRepos`) with a cursor.
 */
export type EventListener = (event: AppliedEvent) => unknown

/** A listener that never throws: what `listener` throws, or its promise rejects with, is logged. */
export function safeListener(listener: EventListener, log: Logger): (event: AppliedEvent) => void {
  return (event) => {
    const { seq, did, type } = event
    const failed = (error: unknown): void =>
      log.error({ err: error, seq, did, type }, 'a listener to events failed')
    try {
      const done = listener(event)
      if (done instanceof Promise) done.catch(failed)
    } catch (error) {
      failed(error)
    }
  }
}
