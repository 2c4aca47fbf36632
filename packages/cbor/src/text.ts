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

/** The slot of a text by its length and three of its bytes. */
function slotOf(bytes: Uint8Array, start: number, length: number): number {
  const sum =
    length * 31 + bytes[start]! * 7 + bytes[start + length - 1]! * 131 + bytes[start + (length >> 1)]! * 523
  return sum & (TABLE_SIZE - 1)
}

/** Whether a text of the memo is what stands at `start`. Texts in the memo are ASCII: one code unit a byte. */
function isAt(known: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < known.length; i++) if (known.charCodeAt(i) !== bytes[start + i]) return false
  return true
}

/** `decodeUtf8` of a property name of 1 to `MAX_INTERNED` bytes, through a memo. */
export function decodeKey(table: TextTable, bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  const slot = slotOf(bytes, start, length)
  const known = table[slot]
  if (known !== undefined && known.length === length && isAt(known, bytes, start)) return known
  const text = decodeUtf8(bytes, start, end)
  // A property name comes back in the engine's own unique form: the next `object[name]` finds it by its address.
  if (text.length === length) table[slot] = Object.keys({ [text]: 0 })[0]!
  return text
}

/** `decodeUtf8` of a text of 1 to `MAX_INTERNED` bytes, through a memo. */
export function decodeShort(table: TextTable, bytes: Uint8Array, start: number, end: number): string {
  const length = end - start
  const slot = slotOf(bytes, start, length)
  const known = table[slot]
  if (known !== undefined && known.length === length && isAt(known, bytes, start)) return known
  const text = decodeUtf8(bytes, start, end)
  if (text.length === length) table[slot] = text
  return text
}
