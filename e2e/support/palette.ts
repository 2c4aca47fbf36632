// https://www.w3.org/TR/png-3/
import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10])

/**
 * A picture of a page in its 256 commonest colours: less than half of the bytes, and nobody sees a difference in text on flat colours.
 * @param png as browsers make them: 8 bits a channel, RGB or RGBA of which nothing shines through, not interlaced
 */
export function toPalette(png: Buffer): Buffer {
  const chunks = readChunks(png)
  const header = chunks.find(({ type }) => type === 'IHDR')!.data
  const [width, height, size] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9] === 6 ? 4 : 3]
  const filtered = inflateSync(
    Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)),
  )
  const pixels = unfilter(filtered, width * size, height, size)
  const colourAt = (at: number): number => pixels.readUIntBE(at * size, 3)
  const counts = new Map<number, number>()
  for (let at = 0; at < width * height; at++) {
    counts.set(colourAt(at), (counts.get(colourAt(at)) ?? 0) + 1)
  }
  const palette = [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, 256)
    .map(([colour]) => colour)
  const indices = new Map(palette.map((colour, index) => [colour, index]))
  for (const colour of counts.keys()) {
    if (!indices.has(colour)) indices.set(colour, nearest(palette, colour))
  }
  const rows = Buffer.alloc((width + 1) * height)
  for (let at = 0; at < width * height; at++) {
    rows[at + 1 + Math.floor(at / width)] = indices.get(colourAt(at))!
  }
  const colours = Buffer.alloc(palette.length * 3)
  for (const [index, colour] of palette.entries()) colours.writeUIntBE(colour, index * 3, 3)
  const ihdr = Buffer.from(header)
  ihdr[9] = 3
  const parts = { IHDR: ihdr, PLTE: colours, IDAT: deflateSync(rows, { level: 9 }), IEND: Buffer.alloc(0) }
  return Buffer.concat([SIGNATURE, ...Object.entries(parts).map(([type, part]) => chunk(type, part))])
}

/** The index of the colour that differs least. @param colour 0xrrggbb, as those of the palette */
function nearest(palette: readonly number[], colour: number): number {
  const distance = (one: number): number =>
    [16, 8, 0].reduce((sum, shift) => sum + (((one >> shift) & 255) - ((colour >> shift) & 255)) ** 2, 0)
  let best = 0
  for (const [index, one] of palette.entries()) {
    if (distance(one) < distance(palette[best]!)) best = index
  }
  return best
}

/** @param length bytes of a row @param size bytes of a pixel */
function unfilter(filtered: Buffer, length: number, height: number, size: number): Buffer {
  const pixels = Buffer.alloc(length * height)
  for (let row = 0; row < height; row++) {
    const filter = filtered[row * (length + 1)]!
    for (let x = 0; x < length; x++) {
      const at = row * length + x
      const left = x < size ? 0 : pixels[at - size]!
      const up = row === 0 ? 0 : pixels[at - length]!
      const corner = x < size || row === 0 ? 0 : pixels[at - length - size]!
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!
      pixels[at] = filtered[row * (length + 1) + 1 + x]! + guess
    }
  }
  return pixels
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [up - corner, left - corner, left + up - 2 * corner].map(Math.abs) as [
    number,
    number,
    number,
  ]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}

function readChunks(png: Buffer): { readonly type: string; readonly data: Buffer }[] {
  const chunks = []
  for (let at = SIGNATURE.length; at < png.length;) {
    const length = png.readUInt32BE(at)
    chunks.push({
      type: png.toString('latin1', at + 4, at + 8),
      data: png.subarray(at + 8, at + 8 + length),
    })
    at += length + 12
  }
  return chunks
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  sum.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, sum])
}
