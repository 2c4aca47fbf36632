// An event's bytes, made once.

import { encodeFrame } from '@avocet/xrpc'
import { SequencerError } from './errors.ts'
import type { NewEvent } from './types.ts'

/** No reader takes a larger message. https://atproto.com/specs/sync */
const MAX_FRAME_BYTES = 5_000_000

/** The message of an event. @throws SequencerError `frame-too-big`: whoever appends must not commit what nobody can read */
export function encodeEvent(event: NewEvent, seq: number): Uint8Array {
  const frame = encodeFrame(event.type, { ...event.body, seq })
  if (frame.length > MAX_FRAME_BYTES) {
    throw new SequencerError(
      'frame-too-big',
      `event is too big; did=${event.did} type=${event.type} bytes=${frame.length} max=${MAX_FRAME_BYTES}`,
    )
  }
  return frame
}
