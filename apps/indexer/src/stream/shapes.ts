// The ways in which events are written, each made once for all subscribers that read it so.

import { zstdCompressSync } from 'node:zlib'
import { payloadOf } from './event.ts'
import type { Encoded, Shape } from './pages.ts'
import { binaryFrame, textFrame } from './socket.ts'

/** A zstd dictionary, as the operator gave it. */
export type StreamDictionary = { readonly id: number; readonly bytes: Uint8Array }

/** All shapes. The packed ones are null without a dictionary. */
export type Shapes = {
  readonly v1: Shape
  readonly v2: Shape
  readonly v1Packed: Shape | null
  readonly v2Packed: Shape | null
  /** Server-Sent Events. */
  readonly lines: Shape
  /** Only what they are: for who takes them as objects. */
  readonly objects: Shape
}

/** @param dictionary what frames are packed with */
export function createShapes(dictionary: StreamDictionary | null): Shapes {
  const shape = (encode: Shape['encode']): Shape => ({ encode })
  const packed = (frame: Shape): Shape =>
    shape((message) => {
      const text = frame === v1 ? message.v1() : message.v2()
      return text === null ? null : packedFrame(text, dictionary!)
    })
  const v1 = shape((message) => framed(message.v1()))
  const v2 = shape((message) => framed(message.v2()))
  return {
    v1,
    v2,
    v1Packed: dictionary === null ? null : packed(v1),
    v2Packed: dictionary === null ? null : packed(v2),
    lines: shape((message) => {
      const value = message.value()
      if (value === null) return null
      const data = JSON.stringify(payloadOf(value))
      return { bytes: Buffer.from(`id: ${value.seq}\ndata: ${data}\n\n`), size: Buffer.byteLength(data) }
    }),
    objects: shape((message) => {
      const value = message.value()
      if (value === null) return null
      const bytes = Buffer.from(JSON.stringify(payloadOf(value)))
      return { bytes, size: bytes.length }
    }),
  }
}

function framed(text: string | null): Encoded | null {
  return text === null ? null : textFrame(text)
}

function packedFrame(text: string, { bytes: dictionary }: StreamDictionary): Encoded {
  const json = Buffer.from(text)
  return { bytes: binaryFrame(zstdCompressSync(json, { dictionary })), size: json.length }
}
