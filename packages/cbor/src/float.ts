// Floating-point numbers: the data model has none, old records hold some. https://www.rfc-editor.org/rfc/rfc8949#section-3.3

/** The IEEE 754 number in 2, 4 or 8 big-endian bytes. */
export function toFloat(bytes: Uint8Array, at: number, size: 2 | 4 | 8): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, size)
  if (size === 8) return view.getFloat64(0)
  return size === 4 ? view.getFloat32(0) : toFloat16(view.getUint16(0))
}

/** RFC 8949 appendix D. */
function toFloat16(half: number): number {
  const sign = half >> 15 === 0 ? 1 : -1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}
