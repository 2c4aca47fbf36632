// Values made to cost: deep, wide, long. The cost must grow with their size and no faster.
import { describe, expect, it } from 'vitest'
import { createCatalog } from '../src/catalog.ts'
import type { LexiconDocument } from '../src/document.ts'

const schema = createCatalog([
  {
    lexicon: 1,
    id: 'com.example.a',
    defs: {
      main: {
        type: 'object',
        properties: {
          child: { type: 'ref', ref: '#main' },
          any: { type: 'union', refs: ['#main'] },
          list: { type: 'array', items: { type: 'integer' } },
          short: { type: 'array', items: { type: 'integer' }, maxLength: 3 },
          lists: { type: 'ref', ref: '#lists' },
          text: { type: 'string', maxLength: 3000, maxGraphemes: 300 },
          graphemes: { type: 'string', minGraphemes: 1, maxGraphemes: 300 },
          uri: { type: 'string', format: 'uri' },
          at: { type: 'string', format: 'at-uri' },
          did: { type: 'string', format: 'did' },
          language: { type: 'string', format: 'language' },
          datetime: { type: 'string', format: 'datetime' },
        },
      },
      lists: { type: 'array', items: { type: 'ref', ref: '#lists' } },
    },
  } as LexiconDocument,
]).schema('com.example.a')!

/** Processor time, which other processes do not take from us as they take wall time. */
function milliseconds(value: unknown): number {
  let best = Infinity
  for (let i = 0; i < 3; i++) {
    const start = process.cpuUsage()
    schema.validate(value)
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

/** Eight times the size may cost at most 24 times as much (a square would be 64 times): what it costs beyond that. */
function excess(make: (size: number) => unknown, size: number): number {
  const [small, large] = [make(size / 8), make(size)]
  milliseconds(small)
  return milliseconds(large) - milliseconds(small) * 24
}

const NOISE = 20

describe('hostile values', () => {
  it.each(['child', 'any'])(
    'nested a hundred thousand deep through %s are refused, not overflowed',
    (key) => {
      let value: object = { $type: 'com.example.a' }
      for (let i = 0; i < 100_000; i++) value = { $type: 'com.example.a', [key]: value }
      const result = schema.validate(value)
      expect(result.ok || result.issues.map((issue) => issue.code)).toEqual(['too-deep'])
      expect(result.ok || result.issues[0]!.path.length).toBeLessThan(2000)
      expect(schema.validate(value, { truncate: true, defaults: true }).ok).toBe(false)
    },
  )

  it('nested deep through arrays are refused too', () => {
    let value: unknown[] = []
    for (let i = 0; i < 100_000; i++) value = [value]
    expect(schema.validate({ lists: value })).toMatchObject({ issues: [{ code: 'too-deep' }] })
  })

  it('wide, of valid or of wrong items', () => {
    expect(excess((size) => ({ list: Array.from({ length: size }, (_, i) => i) }), 800_000)).toBeLessThan(
      NOISE,
    )
    expect(excess((size) => ({ list: Array.from({ length: size }, () => 'x') }), 800_000)).toBeLessThan(NOISE)
    expect(
      excess((size) => Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i])), 80_000),
    ).toBeLessThan(NOISE)
  })

  it('longer than an array may be are not read', () => {
    expect(milliseconds({ short: Array.from({ length: 1_000_000 }, () => 'x') })).toBeLessThan(5)
  })

  it.each([
    ['text', 'a'],
    ['text', '👍'],
    ['graphemes', 'a'],
    ['graphemes', '\u0301'],
    ['graphemes', '👨‍👩‍👧'],
    ['graphemes', '🇩'],
    ['uri', 'https:a'],
    ['at', 'at://a/'],
    ['did', 'did:web:a:'],
    ['language', 'a-'],
    ['datetime', '0'],
  ])('a megabyte of %s', (key, unit) => {
    const make = (size: number) => ({ [key]: unit.repeat(Math.ceil(size / unit.length)) })
    expect(excess(make, 1_000_000)).toBeLessThan(NOISE)
    expect(milliseconds(make(1_000_000))).toBeLessThan(250)
  })

  it('meets a chain of 20 000 definitions without overflowing', () => {
    const defs = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [
        `d${i}`,
        {
          type: 'object',
          properties: { x: i < 19_999 ? { type: 'ref', ref: `#d${i + 1}` } : { type: 'integer' } },
        },
      ]),
    )
    const chain = createCatalog([{ lexicon: 1, id: 'com.example.chain', defs } as unknown as LexiconDocument])
    let value: unknown = { x: 'end' }
    for (let i = 0; i < 100; i++) value = { x: value }
    const result = chain.schema('com.example.chain#d0')!.validate(value)
    expect(result).toMatchObject({ issues: [{ path: '/x'.repeat(101), code: 'invalid-type' }] })
  })
})
