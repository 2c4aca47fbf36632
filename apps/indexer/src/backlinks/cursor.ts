// Cursors of lists of links: opaque to clients, in hex as Constellation has them. They name the last link that was read, so that a page
// costs the same wherever it is, and what comes and goes meanwhile moves nothing.

/** Which list a cursor belongs to. */
export type List = 'records' | 'dids' | 'pairs' | 'counts'

/** Where a page ended: at the record with this id, and at one of its pointers. */
export type Position = { readonly record: number; readonly pointer: number }

const LISTS: readonly List[] = ['records', 'dids', 'pairs', 'counts']
/** A byte for the list, six for the record, two for the pointer. */
const BYTES = 9

/** @returns hex */
export function writeCursor(list: List, { record, pointer }: Position): string {
  const bytes = Buffer.alloc(BYTES)
  bytes[0] = LISTS.indexOf(list)
  bytes.writeUIntBE(record, 1, 6)
  bytes.writeUInt16BE(pointer, 7)
  return bytes.toString('hex')
}

/** @returns null when it is no cursor of the list */
export function readCursor(list: List, text: string): Position | null {
  if (text.length !== 2 * BYTES || !/^[0-9a-fA-F]+$/.test(text)) return null
  const bytes = Buffer.from(text, 'hex')
  if (LISTS[bytes[0]!] !== list) return null
  return { record: bytes.readUIntBE(1, 6), pointer: bytes.readUInt16BE(7) }
}
