// Lengths of strings as the Lexicon language counts them: https://atproto.com/specs/lexicon#string

/** The UTF-8 length of a string; a lone surrogate counts 3, as the replacement character it is encoded as. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) {
      bytes += 1
    } else {
      bytes += 2
      // A surrogate pair is two units and four bytes.
      if (unit >= 0xd800 && unit < 0xdc00) {
        const next = text.charCodeAt(i + 1)
        if (next >= 0xdc00 && next < 0xe000) i++
      }
    }
  }
  return bytes
}

// Made when first needed: that takes 7 ms, and nearly all texts are decided by their length.
const made: { segmenter?: Intl.Segmenter } = {}

function segments(text: string): Iterable<Intl.SegmentData> {
  made.segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  return made.segmenter.segment(text)
}

// Every unit below 0x300 is a grapheme of its own, save that CR LF is one.
const SIMPLE = /^[\0-\u02ff]*$/

/** Counts grapheme clusters, but no further than `limit` + 1. */
export function countGraphemes(text: string, limit: number): number {
  if (SIMPLE.test(text) && !text.includes('\r\n')) return Math.min(text.length, limit + 1)
  let count = 0
  for (const _ of segments(text)) {
    count += 1
    if (count > limit) break
  }
  return count
}

/** The longest head of `text` that has at most `maxBytes` UTF-8 bytes and `maxGraphemes` whole graphemes. */
export function truncateText(text: string, maxBytes: number, maxGraphemes: number): string {
  if (text.length * 3 <= maxBytes && text.length <= maxGraphemes) return text
  let end = 0
  let bytes = 0
  let graphemes = 0
  for (const { segment } of segments(text)) {
    bytes += utf8Length(segment)
    graphemes += 1
    if (bytes > maxBytes || graphemes > maxGraphemes) return text.slice(0, end)
    end += segment.length
  }
  return text
}
