type Slice = (this: Uint8Array, start: number, end: number) => string

/** Node's and Bun's way, two to four times as fast as the others. */
const latin1Slice: Slice | undefined = (globalThis as { Buffer?: { prototype: { latin1Slice?: Slice } } })
  .Buffer?.prototype.latin1Slice

/** The text whose character codes are the bytes of `bytes[start, end)`; for some dozens of bytes. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (latin1Slice !== undefined) return latin1Slice.call(bytes, start, end)
  return String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[])
}
