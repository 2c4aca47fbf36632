// Jetstream v2, by @avocet/jetstream with a store for its position.

import { type CursorStore, subscribeV2 as subscribe } from '@avocet/jetstream'
import { createSequence, foldV2, type Subscriber, type V2Like } from './subscriber.ts'

/** Follows `url` (http). */
export function subscribeV2(url: string): Subscriber {
  const sequence = createSequence()
  const { fold, figures } = sequence
  let position = { service: url, cursor: 0, timeUs: null } as Awaited<ReturnType<CursorStore['load']>>
  const store: CursorStore = { load: () => position, save: (next) => void (position = next) }
  const run = async (signal: AbortSignal): Promise<void> => {
    const events = subscribe({
      service: url,
      cursor: store,
      signal,
      backoff: { minMs: 100, maxMs: 1000 },
      onConnect: () => void figures.connections++,
    })
    for await (const event of events) {
      if (event.kind === 'invalid') sequence.fault(event.message)
      else if (event.kind === 'info') sequence.fault(`info ${event.name}`)
      else if (sequence.take(event.seq)) foldV2(fold, event as unknown as V2Like)
    }
  }
  const { restart, stop } = runAgain(run, sequence.fault)
  return { name: 'v2', atLeastOnce: false, fold, figures, restart, stop }
}

/** Runs something that ends by a signal, and again when it is restarted. @param onFault told when it ends by itself */
export function runAgain(
  run: (signal: AbortSignal) => Promise<void>,
  onFault: (what: string) => void,
): Pick<Subscriber, 'restart' | 'stop'> {
  let stopped = new AbortController()
  const start = (): Promise<void> => {
    stopped = new AbortController()
    const { signal } = stopped
    return run(signal).catch((error: unknown) => {
      if (!signal.aborted) onFault(`it ended: ${String(error)}`)
    })
  }
  let running = start()
  const stop = async (): Promise<void> => {
    stopped.abort()
    await running
  }
  return {
    stop,
    async restart() {
      await stop()
      running = start()
    },
  }
}
