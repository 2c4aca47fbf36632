// UTF-8 text, both ways. https://www.rfc-editor.org/rfc/rfc8949#section-3.1 (major type 3)
// Most texts of atproto records are short ASCII: property names, NSIDs, languages, datetimes. What costs is the call
// out of JavaScript (about 50 ns), so short texts are looked up in a small table first and only then converted.

type Slice = (this: Uint8Array, start: number, end: number) => string
type BufferLike = { prototype: { utf8Slice?: Slice } }

// Node's and Bun's Buffer convert twice as fast as TextDecoder; elsewhere (browsers, Workers) TextDecoder does it.
const utf8Slice: Slice | undefined = (globalThis as { Buffer?: BufferLike }).Buffer?.prototype.utf8Slice
const fatalDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Decodes UTF-8 strictly.
 * @throws TypeError when the bytes are not valid UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (utf8Slice !== undefined) {
    const text = utf8Slice.call(bytes, start, end)
    // utf8Slice replaces what is not valid by U+FFFD; a text that has none was valid.
    if (!text.includes('\uFFFD')) return text
  }
  return fatalDecoder.decode(bytes.subarray(start, end))
}

/** A bounded memo of short ASCII texts: one slot a hash, the newest wins. It only saves time, never changes a result. */
export type TextTable = (string | undefined)[]

const TABLE_SIZE = 1024
/** Longest text (bytes) worth a lookup. */
export const MAX_INTERNED = 32

/** An empty memo. */
export function createTextTable(): TextTable {
  return Array.from<string | undefined>({ length: TABLE_SIZE }).fill(undefined)
}

/** `decodeUtf8` through a memo, for texts of 1 to `MAX_INTERNED` bytes. */
export function decodeInterned(table: TextTable, bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  const slot =
    (length * 31 + bytes[start]! * 7 + bytes[end - 1]! * 131 + bytes[start + (length >> 1)]! * 523) &
    (TABLE_SIZE - 1)
  const known = table[slot]
  if (known !== undefined && known.length === length) {
    let i = 0
    // Texts in the table are ASCII, so equal code units mean equal (and therefore valid) bytes.
    while (i < length && known.charCodeAt(i) === bytes[start + i]) i++
    if (i === length) return known
  }
  const text = decodeUtf8(bytes, start, end)
  if (text.length === length) {
    // A property name comes back in the engine's own unique form: the next `object[name]` finds it by address.
    table[slot] = Object.keys({ [text]: 0 })[0]!
  }
  return text
}
