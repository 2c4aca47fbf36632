// What long texts cost, whatever is in them: as much a character as short ones.
import { describe, expect, it } from 'vitest'
import {
  annotate,
  build,
  detect,
  fromMarkdown,
  segment,
  shortenLinks,
  toMarkdown,
  toText,
  truncate,
  type RichText,
} from '../src/index.ts'

const LENGTH = 10_000

const PIECES = [
  'a',
  ' ',
  '\n',
  '(',
  ')',
  '.',
  '!',
  '@',
  '#',
  '＃',
  '$',
  '\\',
  '[',
  ']',
  '](',
  '](<',
  '<',
  '<https:',
  '"',
  '`',
  '-',
  '_',
  '1',
  'é',
  '\u0301',
  '\ud800',
  '👩‍',
  '(@',
  '(#',
  '($a',
  '(a',
  '(a.',
  '(#a(',
  'a.',
  'a.io/(',
  '(a.io/',
  '@a.io ',
  '(@a.io',
  '(https://',
  'https://a.io ',
  '.-',
  '\\(',
  '[a',
  '[a](',
  '[](',
  '[a](b(',
  '](b(',
  '](a "',
  '](a \\',
  '[a](<\\',
  '[](a\n',
  '[a](https://a.io)',
  '1.\n',
  '#!',
  '#!(',
]
const HEADS = ['', '[a](']
/** A name, and the text of a length. */
type Shape = readonly [string, (length: number) => string]

/** Each piece again and again, by itself and behind what could begin a link; then closed, or not. */
const SHAPES: readonly Shape[] = PIECES.flatMap((piece) =>
  HEADS.map((head): Shape => [
    `${JSON.stringify(head)} and ${JSON.stringify(piece)}`,
    (length) => `${head}${piece.repeat(length / piece.length)}`,
  ]),
)

/** Milliseconds; what else the machine does only ever adds. */
function cost(work: () => void): number {
  const start = performance.now()
  work()
  return performance.now() - start
}

/** How many times as long a hundred times the text takes: what is quadratic takes 10,000 times. Half a millisecond is noise. */
function ratio(work: (length: number) => void): number {
  let least = Infinity
  for (let again = 0; again < 4 && least >= 1000; again++) {
    const small = cost(() => work(LENGTH))
    const large = cost(() => work(100 * LENGTH))
    least = Math.min(least, (large + 0.5) / (small + 0.5))
  }
  return least
}

const FACETS = (length: number, byteEnd: (i: number) => number): RichText['facets'] =>
  Array.from({ length: length / 10 }, (_, i) => ({
    index: { byteStart: i * 10, byteEnd: byteEnd(i) },
    features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://aaaaaaaaaa' }],
  }))

// What is only written or cut cannot go back to what began before it.
const ALONE = SHAPES.filter(([name]) => name.startsWith('""'))

describe.each<[string, readonly Shape[], (text: string) => unknown]>([
  ['to detect', SHAPES, (text) => detect(text, { isTld: () => true })],
  ['to read Markdown', SHAPES, fromMarkdown],
  ['to write Markdown', ALONE, (text) => toMarkdown({ text })],
  ['to truncate', ALONE, (text) => truncate({ text }, { graphemes: 3000 })],
])('what it costs %s', (_, shapes, work) => {
  it('is the length of the text', () => {
    const slow = shapes.filter(([, shape]) => {
      const text = shape(LENGTH)
      return cost(() => work(text)) > 30
    })
    slow.push(...shapes.filter(([name]) => name === '"" and "(a.io/"' || name === '"[a](" and "](<"'))
    for (const [name, shape] of slow)
      expect(
        ratio((length) => work(shape(length))),
        name,
      ).toBeLessThan(1000)
  })
})

describe.each<[string, (rich: RichText) => unknown]>([
  ['segment', segment],
  ['truncate', (rich) => truncate(rich, { graphemes: 300 })],
  ['toMarkdown', (rich) => toMarkdown(rich)],
  ['toText', toText],
  ['shortenLinks', (rich) => shortenLinks(rich)],
  ['build', (rich) => build(segment(rich).map(({ text }) => text))],
])('what many facets cost: %s', (_, work) => {
  it.each<[string, (i: number, length: number) => number]>([
    ['side by side', (i) => i * 10 + 10],
    ['over all that follows', (_i, length) => length],
    ['past the end', (_i, length) => length + 1],
    ['empty', (i) => i * 10],
  ])('%s', (_name, byteEnd) => {
    const least = ratio((length) =>
      work({ text: 'a'.repeat(length), facets: FACETS(length, (i) => byteEnd(i, length)).toReversed() }),
    )
    expect(least).toBeLessThan(1000)
  })
})

it('what many facets cost to annotate', async () => {
  const text = '#a b '.repeat(LENGTH / 5)
  const { facets } = await annotate({ text, facets: FACETS(LENGTH, (i) => i * 10 + 2) })
  expect(facets).toHaveLength(LENGTH / 5)
})
