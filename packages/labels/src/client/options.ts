import type { VerifySignature } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import type { FollowOptions, StreamIterator } from '@avocet/xrpc-client/stream'
import type { SignedLabel } from '../label.ts'
import type { LabelVerifierOptions } from '../label-keys.ts'
import type { RefusedReason } from './frame.ts'

/** Keeps the position of one subscription. */
export interface LabelCursorStore {
  /** The position saved last; null when there is none: then everything that the labeler has comes. */
  load(): number | null | Promise<number | null>
  /** Resolves when it is durable. */
  save(seq: number): void | Promise<void>
}

/** Options of {@link subscribeLabels}. */
export interface SubscribeLabelsOptions
  extends Omit<FollowOptions, 'service'>, Pick<LabelVerifierOptions, 'resolveKey' | 'keyMs' | 'refreshMs'> {
  /** The labeler's endpoint: the service `#atproto_labeler` of its DID document. Numbers of a stream are one service's own. */
  readonly service: string | URL
  /** Whose labels are taken: the labeler's DID, or those that a service which hands labels on is asked for. Others are refused unread. */
  readonly sources: Did | readonly Did[]
  /**
   * Where to begin: after this number (0: with everything the labeler has), or where a store says. Without one: with the next label.
   */
  readonly cursor?: number | LabelCursorStore
  /** Milliseconds between saves to the store. Default 1000. It is also told when the iteration ends. */
  readonly saveMs?: number
  /** Labels in one message at most; a message with more is refused as a whole. Default 1000. */
  readonly maxLabels?: number
  /** Checks signatures. Default: that of `@avocet/crypto`. */
  readonly verifySignature?: VerifySignature
  /** Lookups of a key that may fail in a row before the iteration throws. Default 6. */
  readonly keyAttempts?: number
  /** Milliseconds between the first two of them; doubles each time, up to 30 s. Default 1000. */
  readonly keyWaitMs?: number
}

/** A label that holds: by its source, its signature and its place in the stream. */
export interface LabelEvent {
  readonly kind: 'label'
  readonly seq: number
  readonly label: SignedLabel
}

/** What was refused, and why. The subscription goes on. */
export interface RefusedEvent {
  readonly kind: 'refused'
  /** Null where the message could not be read. */
  readonly seq: number | null
  readonly reason: RefusedReason
  readonly message: string
  /** The label as it came, unchecked; null for a whole message. */
  readonly label: unknown
}

/** A message of the stream about itself. */
export interface InfoEvent {
  readonly kind: 'info'
  /** `OutdatedCursor`: labels and retractions from before the stream's start were missed. `queryLabels` of `*` gives all that is said. */
  readonly name: 'OutdatedCursor' | (string & {})
  readonly message: string
}

/** What a subscription yields. */
export type LabelStreamEvent = LabelEvent | RefusedEvent | InfoEvent

/** A subscription being read. Ends when the iteration ends. */
export interface LabelSubscription extends StreamIterator<LabelStreamEvent> {
  [Symbol.asyncIterator](): LabelSubscription
  /** The number of the last message that the reader is done with: it asked for another event after its last one. */
  readonly position: number | null
}
