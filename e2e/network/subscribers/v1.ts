// Jetstream v1, by @skyware/jetstream as it is: its cursor is the time of the last event, so that one comes again with each connection.

import { Jetstream } from '@skyware/jetstream'
import { WebSocket } from 'ws'
import { createSequence, type Subscriber } from './subscriber.ts'

type Event = { did: string; cursor: number; commit: any; account: any }

/** Follows `url` (ws). */
export function subscribeV1(url: string): Subscriber {
  const sequence = createSequence()
  const { fold, figures } = sequence
  let cursor: number | undefined = 1
  let client: Jetstream
  const start = (): void => {
    const jetstream = new Jetstream({
      endpoint: `${url}/subscribe?wantedEventTypes=live&wantedEventTypes=historical`,
      ws: WebSocket,
      ...(cursor === undefined ? {} : { cursor }),
    })
    jetstream.on('open', () => void figures.connections++)
    jetstream.on('error', (error) => {
      // A connection that is lost, or cannot be made, is no fault.
      if (error instanceof SyntaxError) sequence.fault(error.message)
    })
    jetstream.on('commit', (event) => {
      const { did, commit, cursor: seq } = event as unknown as Event
      if (sequence.take(seq)) fold.change({ did, ...commit })
    })
    jetstream.on('account', (event) => {
      const { did, account, cursor: seq } = event as unknown as Event
      if (sequence.take(seq)) fold.status(did, account.active ? 'active' : account.status)
    })
    jetstream.on('identity', (event) => void sequence.take((event as unknown as Event).cursor))
    jetstream.start()
    client = jetstream
  }
  start()
  const end = (): void => {
    cursor = client.cursor
    client.close()
  }
  return {
    name: 'v1',
    atLeastOnce: false,
    fold,
    figures,
    restart: async () => {
      end()
      start()
    },
    stop: async () => end(),
  }
}
