// Runs in a page: both clients of JSON streams, on the platform's own WebSocket.
import { subscribeV1 } from '@avocet/jetstream'
import { openChannel } from '@avocet/tap'

/** What the page saw. */
export interface StreamReport {
  readonly times: readonly number[]
  readonly received: number
  readonly ids: readonly number[]
}

/** Reads so many events of Jetstream, and handles so many of Tap. */
async function run(
  jetstream: string,
  cursor: number,
  events: number,
  tap: string,
  acks: number,
): Promise<StreamReport> {
  const times: number[] = []
  // What may wait is next to nothing: a page cannot pause a socket, so it leaves and comes back.
  const subscription = subscribeV1({
    service: jetstream,
    cursor,
    maxBufferedBytes: 20_000,
    backoff: { minMs: 5, maxMs: 20 },
  })
  for await (const event of subscription) {
    if (event.kind !== 'invalid') times.push(event.time_us)
    if (times.length === events) break
  }
  const ids: number[] = []
  await new Promise<void>((resolve) => {
    const channel = openChannel({
      service: tap,
      onEvent: ({ id }) => {
        ids.push(id)
        if (ids.length === acks) void channel.close().then(resolve)
      },
      onFailure: () => undefined,
    })
  })
  return { times, received: subscription.stats.received, ids }
}

Object.assign(globalThis, { runStreams: run })
