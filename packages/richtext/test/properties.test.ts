// What holds of any text and of any facets. AVOCET_FUZZ=1 runs a million texts.
import { createPosts, createRandom, fuzzRounds, type Random } from '@avocet/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  annotate,
  countGraphemes,
  detect,
  fromMarkdown,
  isUsualTld,
  segment,
  shortenLinks,
  toMarkdown,
  toText,
  truncate,
  type RichText,
} from '../src/index.ts'

const ROUNDS = fuzzRounds(4000, 1_000_000)
const DID = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const length = (text: string): number => encoder.encode(text).length

let checked = 0

/** Expectations of vitest are too slow for a million. */
function check(holds: boolean, what: string, ...values: unknown[]): void {
  checked++
  if (!holds) expect.fail(`${what}: ${JSON.stringify(values)}`)
}

/** Facets in order, apart, not empty, within the text, and on borders of characters. */
function checkFacets({ text, facets }: RichText): void {
  const bytes = encoder.encode(text)
  let done = 0
  for (const { index } of facets) {
    check(index.byteStart >= done && index.byteEnd > index.byteStart, 'not in order', text, facets)
    check(index.byteEnd <= bytes.length, 'past the end', text, facets)
    decoder.decode(bytes.subarray(index.byteStart, index.byteEnd))
    done = index.byteEnd
  }
}

/** Facets with something wrong about nearly all of them. */
function oddFacets(random: Random, text: string): unknown[] {
  const size = length(text)
  const place = (): unknown =>
    random.below(8) === 0
      ? random.pick([-1, 0.5, '1', null, undefined, Number.NaN, 1e9, {}])
      : random.below(size + 3)
  const feature = (): unknown =>
    random.pick([
      {
        $type: 'app.bsky.richtext.facet#link',
        uri: random.pick(['https://a.io/_(b)', 'javascript:x', 5, 'http://a b']),
      },
      { $type: 'app.bsky.richtext.facet#tag', tag: random.pick(['a', 'a>b\\', '', null, '(x']) },
      { $type: 'app.bsky.richtext.facet#mention', did: random.pick([DID, 'x']) },
      { $type: 'com.example.odd' },
      null,
      'x',
    ])
  return Array.from({ length: random.below(6) }, () =>
    random.below(12) === 0
      ? random.pick([null, 5, 'x', {}, { index: null }, { features: 5 }])
      : {
          index: { byteStart: place(), byteEnd: place() },
          features: random.below(10) === 0 ? feature() : Array.from({ length: random.below(3) }, feature),
        },
  )
}

/** The same text with the one feature of each facet that is shown. */
const shown = (text: string, facets: readonly unknown[]): RichText => {
  const rich: RichText = { text: '', facets: [] }
  for (const piece of segment({ text, facets })) {
    const byteStart = length(rich.text)
    rich.text += piece.text
    if (piece.feature)
      rich.facets.push({ index: { byteStart, byteEnd: length(rich.text) }, features: [piece.feature] })
  }
  return rich
}

function checkText(text: string): void {
  const found = detect(text, { isTld: isUsualTld })
  checkFacets({
    text: text.toWellFormed(),
    facets: found.map(({ byteStart, byteEnd }) => ({ index: { byteStart, byteEnd }, features: [] })),
  })
  for (const { kind, value, byteStart, start, end } of found) {
    check(length(text.slice(0, start)) === byteStart, 'two places', text, start)
    const there = text.slice(start, end)
    const same =
      kind === 'mention'
        ? there === `@${value}`
        : kind === 'link'
          ? there === value || `https://${there}` === value
          : there.slice(1) === value || there.toUpperCase() === value
    check(same, 'not what stands there', text, there, value)
  }
}

function checkFacetsOf(random: Random, text: string, facets: readonly unknown[]): void {
  const pieces = segment({ text, facets })
  check(pieces.map((piece) => piece.text).join('') === text.toWellFormed(), 'not the text', text, facets)
  check(
    pieces.every((piece) => piece.text !== ''),
    'an empty piece',
    text,
    facets,
  )

  const rich = shown(text, facets)
  checkFacets(rich)
  const markdown = toMarkdown(rich)
  check(JSON.stringify(fromMarkdown(markdown)) === JSON.stringify(rich), 'not back', rich, markdown)
  toText(rich)
  const short = shortenLinks(rich)
  checkFacets(short)
  check(short.facets.length === rich.facets.length, 'links lost', rich)
  checkFacets(fromMarkdown(text))

  const limits = {
    graphemes: random.below(20),
    bytes: random.below(60),
    ellipsis: random.pick(['…', '', '...']),
  }
  const cut = truncate(rich, limits)
  checkFacets(cut)
  const kept =
    cut.text === rich.text
      ? cut.text
      : cut.text.slice(
          0,
          cut.text.endsWith(limits.ellipsis) ? -limits.ellipsis.length || undefined : undefined,
        )
  check(rich.text.startsWith(kept), 'not the beginning', rich, limits)
  const borders = new Set([...new Intl.Segmenter('en').segment(rich.text)].map(({ index }) => index)).add(
    rich.text.length,
  )
  check(borders.has(kept.length), 'a character cut', rich, limits, cut)
  check(
    countGraphemes(cut.text) <= limits.graphemes && length(cut.text) <= limits.bytes,
    'too long',
    rich,
    limits,
  )
  for (const { index } of cut.facets)
    check(index.byteEnd <= length(kept), 'a facet past the end', rich, limits, cut)
}

beforeEach(() => {
  checked = 0
})

describe('any text', () => {
  it('and any facets', { timeout: 3_600_000 }, () => {
    const random = createRandom(2)
    const next = createPosts(random, { lone: true })
    for (let i = 0; i < ROUNDS; i++) {
      const text = next()
      checkText(text)
      checkFacetsOf(
        random,
        text,
        i % 2
          ? oddFacets(random, text)
          : detect(text, { isTld: isUsualTld }).map(({ byteStart, byteEnd }) => ({
              index: { byteStart, byteEnd },
              features: [
                random.pick([
                  { $type: 'app.bsky.richtext.facet#mention', did: DID },
                  { $type: 'app.bsky.richtext.facet#link', uri: 'https://a.io' },
                ]),
              ],
            })),
      )
    }
    expect(checked).toBeGreaterThan(ROUNDS * 9)
  })

  it('annotated is valid, and annotated again is the same', { timeout: 600_000 }, async () => {
    const next = createPosts(createRandom(3), { lone: true })
    for (let i = 0; i < ROUNDS / 10; i++) {
      const options = { isTld: isUsualTld, resolve: () => Promise.resolve(i % 2 ? DID : null) }
      const rich = await annotate(next(), options)
      checkFacets(rich)
      check(JSON.stringify(await annotate(rich, options)) === JSON.stringify(rich), 'not the same', rich)
    }
    expect(checked).toBeGreaterThan(ROUNDS / 10)
  })
})
