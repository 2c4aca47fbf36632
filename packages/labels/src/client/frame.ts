// Messages of com.atproto.label.subscribeLabels, from a labeler that may be hostile.
import { decodeFrame } from '@avocet/xrpc'
import type { LabelFailureCode } from '../label.ts'

/** Why a label, or a whole message, was refused. */
export type RefusedReason =
  | LabelFailureCode
  /** Its `src` is none of those asked for. */
  | 'foreign-source'
  /** A message that cannot be read, or has no number. */
  | 'malformed-message'
  /** A message with more labels than are taken. */
  | 'too-many-labels'
  /** A message whose number is not above the last one's: it came again, or the labeler numbers anew. */
  | 'old-seq'

/** A message, read as far as its labels, which are unchecked. */
export type LabelMessage =
  | { readonly kind: 'labels'; readonly seq: number; readonly labels: readonly unknown[] }
  | { readonly kind: 'info'; readonly name: string; readonly message: string }
  | {
      readonly kind: 'refused'
      readonly seq: number | null
      readonly reason: RefusedReason
      readonly message: string
    }

/** Values that a label takes at most, with room for fields that are not known. */
const ITEMS_A_LABEL = 32

/**
 * Reads a message.
 *
 * @param last the number of the message before; null before the first
 * @returns null for a kind of message that is not known, which readers pass over
 */
export function readMessage(frame: Uint8Array, last: number | null, maxLabels: number): LabelMessage | null {
  const decoded = decodeFrame(frame, { maxBytes: frame.length, maxItems: 64 + maxLabels * ITEMS_A_LABEL })
  if (!decoded.ok) {
    if (decoded.error.code === 'unknown-op') return null
    if (decoded.error.code === 'too-many-items') {
      return refused(null, 'too-many-labels', decoded.error.message)
    }
    return refused(null, 'malformed-message', decoded.error.message)
  }
  if (decoded.value.kind === 'error') return null
  const { type, body } = decoded.value
  if (type === '#info') {
    const { name, message } = body
    return {
      kind: 'info',
      name: typeof name === 'string' ? name : '',
      message: typeof message === 'string' ? message : '',
    }
  }
  if (type !== '#labels') return null
  const { seq, labels } = body
  if (!Number.isSafeInteger(seq) || typeof seq !== 'number' || seq < 1)
    return refused(null, 'malformed-message', 'message without a number')
  if (last !== null && seq <= last) {
    return refused(seq, 'old-seq', `number is not above the last one; seq=${seq} last=${last}`)
  }
  if (!Array.isArray(labels)) return refused(seq, 'malformed-message', 'message without labels')
  if (labels.length > maxLabels) {
    return refused(seq, 'too-many-labels', `too many labels; max=${maxLabels} got=${labels.length}`)
  }
  return { kind: 'labels', seq, labels }
}

function refused(seq: number | null, reason: RefusedReason, message: string): LabelMessage {
  return { kind: 'refused', seq, reason, message }
}
