// @atcute/firehose under the firehose conformance suite: decodes frames and validates their shape; that is what it is for.

import { ComAtprotoSyncSubscribeRepos } from '@atcute/atproto'
import { FirehoseSubscription } from '@atcute/firehose'
import type { ConsumerAdapter } from '@avocet/firehose/conformance'
import { peerVersion } from './peer-version.ts'

const KNOWN: ReadonlySet<string> = new Set(
  ['commit', 'sync', 'identity', 'account', 'info'].map((type) => `com.atproto.sync.subscribeRepos#${type}`),
)

const adapter: ConsumerAdapter = {
  name: '@atcute/firehose',
  version: peerVersion('@atcute/firehose'),
  async start({ service, accepted, crashed }) {
    // A frame it cannot decode makes it throw inside the socket's callback.
    process.on('uncaughtException', crashed)
    const subscription = new FirehoseSubscription({
      service,
      nsid: ComAtprotoSyncSubscribeRepos.mainSchema,
      ws: { minReconnectionDelay: 20, maxReconnectionDelay: 50 },
      onError: () => {},
    })
    const messages = subscription[Symbol.asyncIterator]()
    const read = async (): Promise<void> => {
      for (;;) {
        const step = await messages.next()
        if (step.done === true) return
        // What is passed on without being known is not taken for verified.
        if (!KNOWN.has(step.value.$type)) continue
        accepted('seq' in step.value ? step.value.seq : null)
      }
    }
    const reading = read()
    return {
      async stop() {
        await messages.return?.()
        await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 50))])
        process.off('uncaughtException', crashed)
      },
    }
  },
}

export default adapter
