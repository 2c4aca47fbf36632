/** What subscribers are sent: a handler's items as frames of the subprotocol that was agreed on. */
import type { DataObject } from '@avocet/data'
import type { Subscription } from '@avocet/lexicon'
import {
  decodeFrame,
  DEFAULT_SUBPROTOCOL,
  encodeErrorFrame,
  encodeFrame,
  encodeJsonErrorFrame,
  encodeJsonFrame,
  isSubprotocol,
  shortType,
  type Subprotocol,
} from '@avocet/xrpc'
import { OutputError } from './output.ts'

const utf8 = new TextEncoder()

/** A frame of text. The same object goes to many subscribers: its bytes are made once. */
export class TextFrame {
  readonly text: string
  #bytes: Uint8Array | undefined

  /** @param text the whole frame */
  constructor(text: string) {
    this.text = text
  }

  /** The text in UTF-8. */
  get bytes(): Uint8Array {
    this.#bytes ??= utf8.encode(this.text)
    return this.#bytes
  }

  /** In bytes. */
  get length(): number {
    return this.bytes.length
  }
}

/** What goes out as one WebSocket message, binary or text. */
export type SentFrame = Uint8Array | TextFrame

/** Makes frames of one subprotocol. */
export interface FrameEncoder {
  /** A handler's item; made once for however many subscribers. @throws {OutputError} for what is no message of the method */
  readonly item: (item: unknown) => SentFrame
  readonly error: (name: string, message: string) => SentFrame
}

/**
 * The subprotocol of a connection: the first one offered that is served here, which is said in the answer; else what the lexicon declares, else CBOR.
 *
 * @param offered the header `Sec-WebSocket-Protocol`
 * @param declared `subprotocol` of the lexicon
 */
export function agreeOn(
  offered: string | null,
  declared: string | undefined,
): { readonly spoken: Subprotocol; readonly agreed: Subprotocol | null } {
  const agreed = (offered ?? '')
    .split(',')
    .map((name) => name.trim())
    .find(isSubprotocol)
  if (agreed !== undefined) return { spoken: agreed, agreed }
  return {
    spoken: isSubprotocol(declared ?? '') ? (declared as Subprotocol) : DEFAULT_SUBPROTOCOL,
    agreed: null,
  }
}

/** Makes the frames of a method, by subprotocol. `validate`: messages are checked against the schema. */
export function createFrameEncoders(
  schema: Subscription,
  validate: boolean,
): Readonly<Record<Subprotocol, FrameEncoder>> {
  return {
    'xrpc.v0.cbor': {
      item: once(schema.nsid, (item) => toCbor(schema, item, validate)),
      error: encodeErrorFrame,
    },
    'xrpc.v1.json': {
      item: once(schema.nsid, (item) => new TextFrame(toJson(schema, item, validate))),
      error: (name, message) => new TextFrame(encodeJsonErrorFrame(name, message)),
    },
  }
}

/** The same frame for the same object. */
function once(nsid: string, encode: (item: object) => SentFrame): (item: unknown) => SentFrame {
  const encoded = new WeakMap<object, SentFrame>()
  return (item) => {
    if (typeof item !== 'object' || item === null)
      throw new OutputError(`message is not an object; nsid=${nsid}`)
    let frame = encoded.get(item)
    if (frame === undefined) {
      frame = encode(item)
      encoded.set(item, frame)
    }
    return frame
  }
}

function toCbor(schema: Subscription, item: object, validate: boolean): Uint8Array {
  if (item instanceof Uint8Array) return item
  const { type, body } = messageOf(schema, item, validate)
  return encodeFrame(type as `#${string}`, body)
}

/** Frames that a handler encoded already, as logs hold them, are decoded for subscribers who want JSON: once for all of them. */
function toJson(schema: Subscription, item: object, validate: boolean): string {
  if (!(item instanceof Uint8Array)) {
    const { type, body } = messageOf(schema, item, validate)
    return encodeJsonFrame(schema.nsid, type, body)
  }
  const frame = decodeFrame(item, { maxBytes: Number.MAX_SAFE_INTEGER })
  if (!frame.ok) throw new OutputError(`no frame: ${frame.error.message}; nsid=${schema.nsid}`)
  if (frame.value.kind === 'error') return encodeJsonErrorFrame(frame.value.error, frame.value.message)
  return encodeJsonFrame(schema.nsid, frame.value.type, frame.value.body)
}

function messageOf(
  schema: Subscription,
  item: object,
  validate: boolean,
): { readonly type: string; readonly body: DataObject } {
  const { $type, ...body } = item as DataObject
  if (typeof $type !== 'string') throw new OutputError(`message without $type; nsid=${schema.nsid}`)
  const type = shortType(schema.nsid, $type)
  if (validate && schema.message !== null) {
    const checked = schema.message.validate({
      $type: type.startsWith('#') ? schema.nsid + type : type,
      ...body,
    })
    if (!checked.ok) {
      const first = checked.issues[0]
      throw new OutputError(
        `invalid message; nsid=${schema.nsid} path=${first?.path || '/'} issue=${first?.message}`,
      )
    }
  }
  return { type, body }
}
