// https://atproto.com/specs/label#label-distribution-endpoints, https://atproto.com/specs/event-stream
import * as SubscribeLabels from '@avocet/lexicons/com.atproto.label.subscribeLabels'
import { SequencerError } from '@avocet/sequencer'
import { XrpcError } from '@avocet/xrpc'
import type { Router, StreamEntry } from '@avocet/xrpc-server'
import type { Labeler } from './labeler.ts'

/** Options of {@link subscribeLabels}. */
export type SubscribeLabelsOptions = Omit<StreamEntry<typeof SubscribeLabels.main>, 'handler' | 'auth'>

/**
 * Adds `com.atproto.label.subscribeLabels` to a router: every label after the cursor, then live, one in a message. Error frames:
 * `FutureCursor`, `ConsumerTooSlow`; an `#info` `OutdatedCursor` where the stream was trimmed.
 */
export function subscribeLabels(
  router: Router,
  labeler: Labeler,
  options: SubscribeLabelsOptions = {},
): void {
  router.add(SubscribeLabels.main, {
    ...options,
    async *handler({ params, signal }) {
      if (params.cursor !== undefined && params.cursor < 0) {
        throw new XrpcError(400, 'InvalidRequest', 'cursor is negative')
      }
      try {
        for await (const { frame } of labeler.events(params.cursor, signal)) yield frame
      } catch (error) {
        throw toXrpcError(error)
      }
    },
  })
}

function toXrpcError(error: unknown): unknown {
  if (!(error instanceof SequencerError)) return error
  if (error.code === 'FutureCursor' || error.code === 'ConsumerTooSlow') {
    return new XrpcError(400, error.code, error.message, { cause: error })
  }
  if (error.code === 'closed')
    return new XrpcError(503, 'ServiceUnavailable', 'Service is closing', { cause: error })
  return error
}
