// The stream of a labeler, for the sequencer: frames made of the labels as they are kept now.
import type { DataObject } from '@avocet/data'
import type { EventSource, LoggedEvent } from '@avocet/sequencer'
import { encodeFrame, XrpcError } from '@avocet/xrpc'
import type { LabelStore, StoredLabel } from './store.ts'

/**
 * Shows a store as a log of `#labels` messages, one label each.
 *
 * @param freshen signs anew what an earlier key signed
 */
export function createLabelLog(
  store: LabelStore,
  freshen: (labels: readonly StoredLabel[]) => Promise<readonly StoredLabel[]>,
): EventSource {
  return {
    async read(after, limit) {
      const { oldest } = await store.bounds()
      // Retractions were dropped that this reader had still to come to. Connecting again, it is told so.
      if (after < oldest - 1) {
        throw new XrpcError(400, 'ConsumerTooSlow', `Stream moved on; position=${after} oldest=${oldest}`)
      }
      const labels = await freshen(await store.read(after, limit.count))
      const page: LoggedEvent[] = []
      let bytes = 0
      for (const { seq, label } of labels) {
        const frame = encodeFrame('#labels', { seq, labels: [label as unknown as DataObject] })
        bytes += frame.length
        page.push({ seq, frame })
        if (bytes >= limit.bytes) break
      }
      return page
    },
    bounds: () => store.bounds(),
    // A subject's newer label follows in the stream itself: nothing has to be called back.
    watch: (listener) => store.watch(() => listener('append')),
    remove: () => 0,
  }
}
