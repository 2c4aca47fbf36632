import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countGraphemes, truncateText, utf8Length } from '../src/check/text.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc
    .array(
      fc.constantFrom('a', '\r\n', '\r', '\n', '👨‍👩‍👧', '🇩🇪', 'e\u0301', '\ud800', '\udc00', 'é', '€', '\u0301'),
      { maxLength: 20 },
    )
    .map((parts) => parts.join('')),
)
const encoder = new TextEncoder()
const segments = (value: string) =>
  [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(value)].map((part) => part.segment)

describe('lengths', () => {
  it('in UTF-8 are those of TextEncoder', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(utf8Length(value)).toBe(encoder.encode(value).length)
      }),
      { numRuns: 1000 },
    )
  })

  it('in graphemes are those of Intl.Segmenter, up to the limit', () => {
    fc.assert(
      fc.property(text, fc.nat(30), (value, limit) => {
        expect(countGraphemes(value, limit)).toBe(Math.min(segments(value).length, limit + 1))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('truncateText', () => {
  it('keeps the longest head of whole graphemes that fits', () => {
    fc.assert(
      fc.property(text, fc.nat(40), fc.nat(20), (value, maxBytes, maxGraphemes) => {
        const parts = segments(value)
        let expected = ''
        for (const [i, part] of parts.entries()) {
          if (i >= maxGraphemes || encoder.encode(expected + part).length > maxBytes) break
          expected += part
        }
        expect(truncateText(value, maxBytes, maxGraphemes)).toBe(expected)
      }),
      { numRuns: 1000 },
    )
  })
})
