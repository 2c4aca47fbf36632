// @atproto/sync under the firehose conformance suite: its Firehose with authentication of commits on.

import { IdResolver } from '@atproto/identity'
import { Firehose } from '@atproto/sync'
import type { ConsumerAdapter } from '@avocet/firehose/conformance'
import { peerVersion } from './peer-version.ts'

const adapter: ConsumerAdapter = {
  name: '@atproto/sync',
  version: peerVersion('@atproto/sync'),
  perRecord: true,
  async start({ service, plcUrl, accepted }) {
    // One event per record: an event of the stream counts as often as its first record is delivered.
    const first = new Map<number, string>()
    const firehose = new Firehose({
      service,
      // Its own fetch refuses loopback addresses, as it should.
      idResolver: new IdResolver({ plcUrl, fetch: (input, init) => globalThis.fetch(input, init) }),
      subscriptionReconnectDelay: 20,
      // Handles of the suite are of example.com; keys are what is tested.
      unauthenticatedHandles: true,
      onError: () => {},
      handleEvent(event) {
        const mark = 'uri' in event ? event.uri.toString() : event.event
        const known = first.get(event.seq) ?? mark
        first.set(event.seq, known)
        if (known === mark) accepted(event.seq)
      },
    })
    void firehose.start()
    return { stop: () => firehose.destroy() }
  },
}

export default adapter
