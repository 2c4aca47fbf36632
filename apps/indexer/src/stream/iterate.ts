// The log as an iterator, for programs that run the indexer themselves.

import type { Cursor, Filter } from '@avocet/jetstream/wire'
import { startOf } from './cursor.ts'
import type { StreamEvent } from './event.ts'
import type { Hub } from './hub.ts'
import type { LogReader } from './log-reader.ts'
import type { Shapes } from './shapes.ts'
import { createTest } from './wanted.ts'

/** What an iterator gives. */
export type EventOptions = Omit<Filter, 'maxMessageSizeBytes'> & {
  /** The first number to give. Default: from now on. */
  readonly cursor?: number
  /** Ends it. */
  readonly signal?: AbortSignal
}

/** Events that wait for the program. */
const AHEAD = 64

/**
 * Events from the cursor on, and then as they happen, until it is left or the indexer closes. What is not in the log any more is left out.
 * @throws what the database fails with
 */
export async function* iterate(
  { hub, log, shapes }: { readonly hub: Hub; readonly log: LogReader; readonly shapes: Shapes },
  options: EventOptions,
): AsyncGenerator<StreamEvent, void, undefined> {
  const { cursor, signal } = options
  const from: Cursor = cursor === undefined ? { kind: 'tip' } : { kind: 'seq', seq: cursor }
  const ready: StreamEvent[] = []
  let wake = (): void => {}
  let failure: { readonly error: unknown } | null = null
  let isOver = signal?.aborted ?? false
  const end = (): void => {
    isOver = true
    wake()
  }
  signal?.addEventListener('abort', end, { once: true })
  const subscription = hub.subscribe({
    from: startOf(from, log, hub.tip).seq,
    test: createTest(options),
    shape: shapes.objects,
    sink: {
      ready: () => ready.length < AHEAD,
      send(_, message) {
        ready.push(message.value()!)
        wake()
      },
      outdated: () => true,
      failed(error) {
        failure = { error }
        end()
      },
      ended: end,
    },
  })
  try {
    for (;;) {
      for (const event of ready.splice(0)) {
        if (signal?.aborted === true) return
        yield event
      }
      if (isOver) break
      const woken = new Promise<void>((resolve) => (wake = resolve))
      subscription.resume()
      if (ready.length === 0 && !isOver) await woken
    }
    if (failure !== null) throw (failure as { readonly error: unknown }).error
  } finally {
    signal?.removeEventListener('abort', end)
    subscription.close()
  }
}
