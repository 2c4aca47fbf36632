// What can be read of a frame that nobody accepted: its values up to the byte at which it is cut, broken or nothing that frames
// have. For people: unlike a decoder it refuses nothing before it comes to it. https://www.rfc-editor.org/rfc/rfc8949

/** A value in a frame, in the order of its bytes. `text`: what it is, cut where it is long. */
export type OutlineLine = { readonly depth: number; readonly name: string; readonly text: string }

/** The readable part. `stopped`: why there is no more, and at which byte; null: that is all. */
export type FrameOutline = {
  readonly lines: readonly OutlineLine[]
  readonly stopped: { readonly at: number; readonly why: string } | null
}

const MAX_LINES = 300
const MAX_DEPTH = 16
/** Characters of a text that are shown; bytes of byte strings, in hexadecimal. */
const MAX_TEXT = 200
const MAX_BYTES_SHOWN = 24

class Stop extends Error {}

/** Reads the values of a frame (a header, and a body), or of its beginning. Never throws. */
export function outlineFrame(frame: Uint8Array): FrameOutline {
  const reader = new OutlineReader(frame)
  try {
    for (const name of ['header', 'body', 'more']) {
      if (reader.at >= frame.length) break
      reader.value(name, 0)
    }
    return { lines: reader.lines, stopped: null }
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    return { lines: reader.lines, stopped: { at: reader.at, why: error.message } }
  }
}

class OutlineReader {
  readonly lines: OutlineLine[] = []
  at = 0
  /** A text or bytes were said to be longer than what is kept. */
  private isCut = false
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Reads one value, and everything in it. */
  value(name: string, depth: number): void {
    if (depth > MAX_DEPTH) throw new Stop('deeper than frames are')
    const start = this.at
    const major = this.peek() >> 5
    const info = this.peek() & 31
    this.at++
    if (major === 7) return this.add(depth, name, this.simple(info, start))
    const size = this.argument(info, start)
    switch (major) {
      case 0:
        return this.add(depth, name, String(size))
      case 1:
        return this.add(depth, name, String(-1 - size))
      case 2:
        this.add(depth, name, this.hex(size))
        return this.mustBeWhole()
      case 3:
        this.add(depth, name, JSON.stringify(this.text(size)))
        return this.mustBeWhole()
      case 4:
        this.add(depth, name, `${size} ${size === 1 ? 'item' : 'items'}`)
        for (let index = 0; index < size; index++) this.value(`[${index}]`, depth + 1)
        return
      case 5:
        this.add(depth, name, `${size} ${size === 1 ? 'field' : 'fields'}`)
        for (let index = 0; index < size; index++) this.value(this.key(), depth + 1)
        return
      default:
        return this.value(`${name} (tag ${size})`, depth + 1)
    }
  }

  private add(depth: number, name: string, text: string): void {
    if (this.lines.length >= MAX_LINES) throw new Stop('more values than are shown')
    this.lines.push({ depth, name, text })
  }

  private peek(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw new Stop('the end of what is kept')
    return byte
  }

  private take(size: number): Uint8Array {
    const taken = this.bytes.subarray(this.at, this.at + size)
    this.at += taken.length
    this.isCut ||= taken.length < size
    return taken
  }

  private mustBeWhole(): void {
    if (this.isCut) throw new Stop('the end of what is kept')
  }

  private argument(info: number, start: number): number {
    if (info < 24) return info
    const length = 2 ** (info - 24)
    if (length > 8 || this.at + length > this.bytes.length) {
      this.at = length > 8 ? start : this.at
      throw new Stop(length > 8 ? 'no value that frames have' : 'the end of what is kept')
    }
    const { view, at } = this
    this.at += length
    if (length === 1) return view.getUint8(at)
    if (length === 2) return view.getUint16(at)
    return length === 4 ? view.getUint32(at) : Number(view.getBigUint64(at))
  }

  private simple(info: number, start: number): string {
    const word = new Map([
      [20, 'false'],
      [21, 'true'],
      [22, 'null'],
    ]).get(info)
    if (word !== undefined) return word
    if (info === 27 && this.at + 8 <= this.bytes.length) {
      this.at += 8
      return `${this.view.getFloat64(this.at - 8)} (a float)`
    }
    this.at = start
    throw new Stop('no value that frames have')
  }

  private key(): string {
    if (this.peek() >> 5 !== 3) throw new Stop('a key that is no text')
    const info = this.peek() & 31
    this.at++
    const key = this.text(this.argument(info, this.at - 1)).slice(0, MAX_TEXT)
    this.mustBeWhole()
    return key
  }

  private text(size: number): string {
    const taken = this.take(size)
    const text = new TextDecoder().decode(taken.subarray(0, MAX_TEXT * 4))
    const isCut = text.length > MAX_TEXT || taken.length < size
    return isCut ? `${text.slice(0, MAX_TEXT)}…` : text
  }

  private hex(size: number): string {
    const taken = this.take(size)
    const shown = Buffer.from(taken.subarray(0, MAX_BYTES_SHOWN)).toString('hex')
    return `${size} ${size === 1 ? 'byte' : 'bytes'}: ${shown}${size > MAX_BYTES_SHOWN ? '…' : ''}`
  }
}
