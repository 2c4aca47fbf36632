/**
 * The media type of a file by its first bytes, for the types that clients upload. What the bytes say beats what the
 * client says: a page that calls itself a picture must not be served as one.
 *
 * https://mimesniff.spec.whatwg.org/#matching-a-mime-type-pattern
 */

/** How many bytes `sniffMime` looks at. */
export const SNIFF_BYTES = 512

interface Signature {
  readonly mime: string
  readonly at: number
  readonly bytes: readonly number[]
}

const ascii = (text: string): number[] => Array.from(text, (char) => char.charCodeAt(0))

const SIGNATURES: readonly Signature[] = [
  { mime: 'image/png', at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { mime: 'image/jpeg', at: 0, bytes: [0xff, 0xd8, 0xff] },
  { mime: 'image/gif', at: 0, bytes: ascii('GIF87a') },
  { mime: 'image/gif', at: 0, bytes: ascii('GIF89a') },
  { mime: 'image/bmp', at: 0, bytes: ascii('BM') },
  { mime: 'image/tiff', at: 0, bytes: [0x49, 0x49, 0x2a, 0x00] },
  { mime: 'image/tiff', at: 0, bytes: [0x4d, 0x4d, 0x00, 0x2a] },
  { mime: 'image/jxl', at: 0, bytes: [0xff, 0x0a] },
  { mime: 'image/jxl', at: 4, bytes: ascii('JXL ') },
  { mime: 'application/pdf', at: 0, bytes: ascii('%PDF-') },
  { mime: 'application/gzip', at: 0, bytes: [0x1f, 0x8b] },
  { mime: 'application/zip', at: 0, bytes: [0x50, 0x4b, 0x03, 0x04] },
  { mime: 'application/ogg', at: 0, bytes: ascii('OggS') },
  { mime: 'audio/flac', at: 0, bytes: ascii('fLaC') },
  { mime: 'audio/midi', at: 0, bytes: ascii('MThd') },
  { mime: 'audio/mpeg', at: 0, bytes: ascii('ID3') },
  { mime: 'font/woff', at: 0, bytes: ascii('wOFF') },
  { mime: 'font/woff2', at: 0, bytes: ascii('wOF2') },
  { mime: 'application/wasm', at: 0, bytes: [0x00, 0x61, 0x73, 0x6d] },
]

const RIFF: Readonly<Record<string, string>> = {
  WEBP: 'image/webp',
  WAVE: 'audio/wav',
  'AVI ': 'video/x-msvideo',
}

/** Major brands of the ISO base media file format that are not plain MP4. */
const BRANDS: ReadonlyMap<string, string> = new Map([
  ['avif', 'image/avif'],
  ['avis', 'image/avif'],
  ['heic', 'image/heic'],
  ['heix', 'image/heic'],
  ['mif1', 'image/heif'],
  ['msf1', 'image/heif'],
  ['qt  ', 'video/quicktime'],
  ['M4A ', 'audio/mp4'],
  ['M4V ', 'video/x-m4v'],
])

/** The media type that the first bytes prove, or null. */
export function sniffMime(head: Uint8Array): string | null {
  const text = (from: number, to: number): string => Buffer.from(head.subarray(from, to)).toString('latin1')
  if (head.length >= 12 && text(0, 4) === 'RIFF') return RIFF[text(8, 12)] ?? null
  if (head.length >= 12 && text(4, 8) === 'ftyp') return BRANDS.get(text(8, 12)) ?? 'video/mp4'
  if (head.length >= 4 && head[0] === 0x1a && head[1] === 0x45 && head[2] === 0xdf && head[3] === 0xa3) {
    return text(0, 64).includes('webm') ? 'video/webm' : 'video/x-matroska'
  }
  for (const { mime, at, bytes } of SIGNATURES) {
    if (head.length >= at + bytes.length && bytes.every((byte, i) => head[at + i] === byte)) return mime
  }
  if (head.length >= 2 && head[0] === 0xff && (head[1]! & 0xe6) === 0xe2) return 'audio/mpeg'
  return markup(text(0, SNIFF_BYTES))
}

const HTML_STARTS = ['<!doctype html', '<html', '<head', '<body', '<script', '<iframe']

/**
 * HTML, SVG and XML, which a browser would run or follow. What may stand before the first element is skipped piece by
 * piece and never looked at again, so the work is linear in the text.
 */
function markup(head: string): string | null {
  const text = head.toLowerCase()
  let at = text.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0
  let isXml = false
  for (;;) {
    while (at < text.length && text[at]!.trim() === '') at += 1
    if (text.startsWith('<?xml', at)) isXml = true
    const end = endOfPreamble(text, at)
    if (end === -1) break
    at = end
  }
  if (text.startsWith('<svg', at)) return 'image/svg+xml'
  if (isXml) return 'text/xml'
  return HTML_STARTS.some((start) => text.startsWith(start, at)) ? 'text/html' : null
}

/** Where the comment, processing instruction or SVG doctype at `at` ends; -1 if there is none, or if it does not end. */
function endOfPreamble(text: string, at: number): number {
  if (text.startsWith('<!--', at)) {
    // `<!-->` is a whole comment: https://html.spec.whatwg.org/multipage/parsing.html#parse-error-abrupt-closing-of-empty-comment
    const end = text.indexOf('-->', at + 2)
    return end === -1 ? -1 : end + 3
  }
  if (!text.startsWith('<?', at) && !text.startsWith('<!doctype svg', at)) return -1
  const end = text.indexOf('>', at)
  return end === -1 ? -1 : end + 1
}
