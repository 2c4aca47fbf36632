// Tap, by @avocet/tap with acks.

import { type Channel, openChannel } from '@avocet/tap'
import { TAP_PASSWORD } from '../world.ts'
import { createSequence, type Subscriber } from './subscriber.ts'

/** Follows `url` (http). */
export function subscribeTap(url: string): Subscriber {
  const sequence = createSequence()
  const { fold, figures } = sequence
  const seen = new Set<number>()
  const open = (): Channel =>
    openChannel({
      service: url,
      password: TAP_PASSWORD,
      backoff: { minMs: 100, maxMs: 1000 },
      onConnect: () => void figures.connections++,
      onEvent(event) {
        figures.events++
        // It gives them in the order of each account alone.
        if (seen.has(event.id)) figures.repeats++
        seen.add(event.id)
        const { did } = event
        if (event.type === 'identity') return fold.status(did, event.status)
        const { action: operation, collection, rkey } = event
        fold.change({ did, operation, collection, rkey, cid: 'cid' in event ? event.cid : undefined })
      },
      onFailure: (failure) =>
        sequence.fault(failure.kind === 'invalid' ? failure.event.message : String(failure.error)),
    })
  let channel = open()
  const watch = (of: Channel): void =>
    void of.done.catch((error: unknown) => sequence.fault(`it ended: ${String(error)}`))
  watch(channel)
  return {
    name: 'tap',
    atLeastOnce: true,
    fold,
    figures,
    async restart() {
      await channel.close()
      channel = open()
      watch(channel)
    },
    stop: () => channel.close(),
  }
}
