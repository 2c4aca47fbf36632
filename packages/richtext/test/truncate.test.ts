import { describe, expect, it } from 'vitest'
import { build, countGraphemes, link, mention, tag, truncate } from '../src/index.ts'

const DID = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
const family = '👨‍👩‍👧‍👦' // 1 character, 25 bytes
const text = (given: string, limits: Parameters<typeof truncate>[1]): string =>
  truncate({ text: given }, limits).text

describe('characters', () => {
  it('are those that people count', () => {
    expect(['', 'abc', family.repeat(3), 'e\u0301', '\r\n', '🇩🇪🇫🇷', 'नमस्ते'].map(countGraphemes)).toEqual([
      0, 3, 3, 1, 1, 2, 3,
    ])
  })
})

describe('a text that is cut', () => {
  it.each<[string, Parameters<typeof truncate>[1], string]>([
    ['abc', { graphemes: 3 }, 'abc'],
    ['abcd', { graphemes: 3 }, 'ab…'],
    ['abcd', { graphemes: 4 }, 'abcd'],
    [family.repeat(3), { graphemes: 3 }, family.repeat(3)],
    [family.repeat(4), { graphemes: 3 }, `${family.repeat(2)}…`],
    ['abcd', { graphemes: 3, ellipsis: '' }, 'abc'],
    ['abcd', { graphemes: 3, ellipsis: '...' }, '...'],
    ['abcd', { graphemes: 2, ellipsis: '...' }, 'ab'],
    ['abcd', { graphemes: 1 }, '…'],
    ['abcd', { graphemes: 0 }, ''],
    ['abcd', { bytes: 4 }, 'abcd'],
    ['abcde', { bytes: 4 }, 'a…'],
    ['abcde', { bytes: 3 }, '…'],
    ['abcde', { bytes: 2 }, 'ab'],
    [family.repeat(2), { bytes: 50 }, family.repeat(2)],
    [family.repeat(2), { bytes: 49 }, `${family}…`],
    [family.repeat(2), { bytes: 27 }, '…'],
    [family.repeat(2), { bytes: 49, graphemes: 1 }, '…'],
    ['é'.repeat(3), { bytes: 6 }, 'ééé'],
    ['é'.repeat(3), { bytes: 5 }, 'é…'],
    ['', { graphemes: 0 }, ''],
    ['abc', {}, 'abc'],
  ])('%j %j', (given, limits, expected) => {
    expect(text(given, limits)).toBe(expected)
  })
})

describe('facets of a text that is cut', () => {
  const rich = build([
    'é ',
    tag('tag'),
    ' ',
    mention('@bob', DID),
    ' ',
    link('a link', 'https://example.com'),
  ])

  it('stay where they are within it', () => {
    expect(truncate(rich, { graphemes: 18 })).toEqual(rich)
    expect(truncate(rich, { graphemes: 13 })).toEqual({
      text: 'é #tag @bob …',
      facets: rich.facets.slice(0, 2),
    })
    expect(truncate(rich, { graphemes: 12 })).toEqual({
      text: 'é #tag @bob…',
      facets: rich.facets.slice(0, 2),
    })
  })

  it('are taken away with a mention or a tag that is cut', () => {
    expect(truncate(rich, { graphemes: 11 })).toEqual({
      text: 'é #tag @bo…',
      facets: rich.facets.slice(0, 1),
    })
    expect(truncate(rich, { graphemes: 6 })).toEqual({ text: 'é #ta…', facets: [] })
  })

  it('go on to link whole', () => {
    const { text: cut, facets } = truncate(rich, { graphemes: 15 })
    expect(cut).toBe('é #tag @bob a …')
    expect(facets[2]).toEqual({ ...rich.facets[2], index: { byteStart: 13, byteEnd: 15 } })
    expect(rich.facets[2]!.index).toEqual({ byteStart: 13, byteEnd: 19 })
  })

  it('are left out where they were wrong', () => {
    const wrong = { index: { byteStart: 0, byteEnd: 99 }, features: [] }
    expect(truncate({ text: 'abc', facets: [wrong, null] }, { graphemes: 3 })).toEqual({
      text: 'abc',
      facets: [],
    })
  })
})
