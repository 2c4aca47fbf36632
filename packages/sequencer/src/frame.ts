// An event's bytes, made once.

import { encodeFrame } from '@avocet/xrpc'
import { SequencerError } from './errors.ts'
import type { NewEvent } from './types.ts'

/** No reader takes a larger message. https://atproto.com/specs/sync */
const MAX_FRAME_BYTES = 5_000_000

/** Bytes that a number takes at most, beyond the one that zero takes. */
const NUMBER_BYTES = 8

/** The message of an event. @throws SequencerError `frame-too-big`: whoever appends must not commit what nobody can read */
export function encodeEvent(event: NewEvent, seq: number): Uint8Array {
  const frame = encodeFrame(event.type, { ...event.body, seq })
  checkSize(event, frame.length)
  return frame
}

/** A message whose number is not known yet: it goes where the byte at `at` is. */
export type UnnumberedFrame = { readonly frame: Uint8Array; readonly at: number }

/** As {@link encodeEvent}, for a log that numbers events by itself. @throws SequencerError `frame-too-big` */
export function encodeUnnumbered(event: NewEvent): UnnumberedFrame {
  const body = { ...event.body, seq: 0 }
  const frame = encodeFrame(event.type, body)
  checkSize(event, frame.length + NUMBER_BYTES)
  // Keys are in the order of their lengths, then of their bytes: these come before `seq`.
  const before = Object.fromEntries(
    Object.entries(event.body).filter(([key]) => key.length < 3 || (key.length === 3 && key < 'seq')),
  )
  const heads = headLength(Object.keys(body).length) - headLength(Object.keys(before).length)
  const at = encodeFrame(event.type, before).length + heads + 4
  // `63 73 65 71 00`: the text "seq", then zero.
  if (frame[at - 4] !== 0x63 || frame[at - 1] !== 0x71 || frame[at] !== 0) {
    throw new SequencerError('log-corrupt', `event without a place for its number; type=${event.type}`)
  }
  return { frame, at }
}

/** Bytes of the head of a map with so many keys. */
const headLength = (keys: number): number => (keys < 24 ? 1 : keys < 256 ? 2 : 3)

function checkSize(event: NewEvent, bytes: number): void {
  if (bytes > MAX_FRAME_BYTES) {
    throw new SequencerError(
      'frame-too-big',
      `event is too big; did=${event.did} type=${event.type} bytes=${bytes} max=${MAX_FRAME_BYTES}`,
    )
  }
}
