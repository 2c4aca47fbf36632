// One field of every type: what fits, and with which issue the rest is refused.
import { cidForRaw, type BlobRef } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { createCatalog } from '../src/catalog.ts'
import type { LexiconField } from '../src/document.ts'
import { parseLexicon } from '../src/parse/parse.ts'
import type { ValidateOptions } from '../src/validation.ts'

const cid = cidForRaw(Uint8Array.of(1))
const blob: BlobRef = { $type: 'blob', ref: cid, mimeType: 'image/png', size: 10 }
const family = '👨‍👩‍👧‍👦'

function validator(field: unknown, extra: Record<string, unknown> = {}) {
  const parsed = parseLexicon({
    lexicon: 1,
    id: 'com.example.thing',
    defs: {
      main: { type: 'object', properties: { x: field }, required: ['x'], ...extra },
      a: { type: 'object', properties: { n: { type: 'integer' } } },
      b: { type: 'object', properties: { s: { type: 'string' } } },
    },
  })
  if (!parsed.ok) throw new Error(parsed.error.message)
  return createCatalog([parsed.value]).schema('com.example.thing')!
}

function codes(field: LexiconField, value: unknown, options?: ValidateOptions): string[] {
  const schema = validator(field)
  const result = schema.validate({ x: value }, options)
  if (options === undefined) expect(schema.is({ x: value })).toBe(result.ok)
  return result.ok ? [] : result.issues.map((issue) => `${issue.path} ${issue.code}`)
}

const cases: [string, LexiconField, good: unknown[], bad: [unknown, string][]][] = [
  [
    'boolean',
    { type: 'boolean' },
    [true, false],
    [
      [0, 'invalid-type'],
      [null, 'invalid-type'],
      ['true', 'invalid-type'],
    ],
  ],
  ['boolean const', { type: 'boolean', const: true }, [true], [[false, 'invalid-const']]],
  [
    'integer',
    { type: 'integer', minimum: -1, maximum: 5 },
    [-1, 0, 5],
    [
      [1.5, 'invalid-type'],
      [-2, 'too-small'],
      [6, 'too-large'],
      [2 ** 53, 'invalid-type'],
      ['1', 'invalid-type'],
      [Number.NaN, 'invalid-type'],
    ],
  ],
  ['integer enum', { type: 'integer', enum: [1, 2] }, [1, 2], [[3, 'invalid-enum']]],
  ['integer const', { type: 'integer', const: 7 }, [7], [[8, 'invalid-const']]],
  [
    'string',
    { type: 'string' },
    ['', 'x'],
    [
      [1, 'invalid-type'],
      [undefined, 'required'],
      [[], 'invalid-type'],
    ],
  ],
  [
    'string enum',
    { type: 'string', enum: ['a', 'b'] },
    ['a'],
    [
      ['c', 'invalid-enum'],
      ['', 'invalid-enum'],
    ],
  ],
  ['string const', { type: 'string', const: 'a' }, ['a'], [['b', 'invalid-const']]],
  ['known values', { type: 'string', knownValues: ['a'] }, ['a', 'other'], [[1, 'invalid-type']]],
  [
    'string in bytes',
    { type: 'string', minLength: 2, maxLength: 4 },
    ['ab', 'é', '€x', '👍', 'abcd'],
    [
      ['a', 'too-short'],
      ['abcde', 'too-long'],
      ['€€', 'too-long'],
      ['👍!', 'too-long'],
    ],
  ],
  [
    'string in graphemes',
    { type: 'string', minGraphemes: 2, maxGraphemes: 3 },
    ['ab', family + family, 'a\r\nb', 'e\u0301e\u0301e\u0301', family.repeat(3)],
    [
      ['a', 'too-few-graphemes'],
      [family, 'too-few-graphemes'],
      ['abcd', 'too-many-graphemes'],
      [family.repeat(4), 'too-many-graphemes'],
    ],
  ],
  [
    'did',
    { type: 'string', format: 'did' },
    ['did:web:a.b'],
    [
      ['did:web', 'invalid-format'],
      ['', 'invalid-format'],
    ],
  ],
  ['handle', { type: 'string', format: 'handle' }, ['a.example'], [['a', 'invalid-format']]],
  [
    'at-identifier',
    { type: 'string', format: 'at-identifier' },
    ['a.example', 'did:web:a.b'],
    [['a', 'invalid-format']],
  ],
  [
    'at-uri',
    { type: 'string', format: 'at-uri' },
    ['at://a.example/com.example.a/self'],
    [['at://a.example/x', 'invalid-format']],
  ],
  ['cid', { type: 'string', format: 'cid' }, [cid.toString()], [['x', 'invalid-format']]],
  [
    'datetime',
    { type: 'string', format: 'datetime' },
    ['2024-02-29T00:00:00Z'],
    [
      ['2023-02-29T00:00:00Z', 'invalid-format'],
      ['2024-02-29', 'invalid-format'],
    ],
  ],
  ['language', { type: 'string', format: 'language' }, ['pt-BR'], [['x_y', 'invalid-format']]],
  ['nsid', { type: 'string', format: 'nsid' }, ['com.example.a'], [['com.example', 'invalid-format']]],
  ['record-key', { type: 'string', format: 'record-key' }, ['self'], [['.', 'invalid-format']]],
  ['tid', { type: 'string', format: 'tid' }, ['3kznmn7xqxl22'], [['self', 'invalid-format']]],
  ['uri', { type: 'string', format: 'uri' }, ['dns:a.b'], [['a b', 'invalid-format']]],
  [
    'bytes',
    { type: 'bytes', minLength: 1, maxLength: 2 },
    [Uint8Array.of(1)],
    [
      [new Uint8Array(0), 'too-short'],
      [new Uint8Array(3), 'too-long'],
      ['AQ', 'invalid-type'],
      [[1], 'invalid-type'],
      [{ $bytes: 'AQ' }, 'invalid-type'],
    ],
  ],
  [
    'cid-link',
    { type: 'cid-link' },
    [cid],
    [
      [cid.toString(), 'invalid-type'],
      [{ $link: cid.toString() }, 'invalid-type'],
      [{}, 'invalid-type'],
    ],
  ],
  [
    'blob',
    { type: 'blob' },
    [blob],
    [
      [{ ...blob, size: -1 }, 'invalid-type'],
      [{ cid: cid.toString(), mimeType: 'a/b' }, 'invalid-type'],
      [cid, 'invalid-type'],
    ],
  ],
  [
    'blob of images',
    { type: 'blob', accept: ['image/*', 'text/plain'], maxSize: 10 },
    [blob, { ...blob, mimeType: 'text/plain' }, { ...blob, mimeType: 'Image/PNG; q=1' }],
    [
      [{ ...blob, mimeType: 'text/html' }, 'blob-mime-type'],
      [{ ...blob, mimeType: 'image/' }, 'blob-mime-type'],
      [{ ...blob, size: 11 }, 'blob-too-large'],
    ],
  ],
  ['any blob', { type: 'blob', accept: ['*/*'] }, [{ ...blob, mimeType: 'x/y' }], []],
  [
    'array',
    { type: 'array', items: { type: 'integer' }, minLength: 1, maxLength: 2 },
    [[1], [1, 2]],
    [
      [[], 'too-short'],
      [[1, 2, 3], 'too-long'],
      [{}, 'invalid-type'],
      ['1', 'invalid-type'],
    ],
  ],
  [
    'object',
    { type: 'object', properties: {} },
    [{}, { any: 1 }, Object.create(null)],
    [
      [[], 'invalid-type'],
      [cid, 'invalid-type'],
      [new Uint8Array(1), 'invalid-type'],
      [new Date(), 'invalid-type'],
      [null, 'invalid-type'],
      [() => 1, 'invalid-type'],
    ],
  ],
  [
    'ref',
    { type: 'ref', ref: '#a' },
    [{}, { n: 1 }, { $type: 'com.example.thing#a' }],
    [['x', 'invalid-type']],
  ],
  [
    'unknown',
    { type: 'unknown' },
    [{}, { $type: 'com.example.other', a: [1] }],
    [
      ['x', 'invalid-type'],
      [[], 'invalid-type'],
      [blob, 'invalid-type'],
      [cid, 'invalid-type'],
      [{ $link: 'x' }, 'invalid-type'],
      [null, 'invalid-type'],
    ],
  ],
  [
    'open union',
    { type: 'union', refs: ['#a', '#b'] },
    [{ $type: 'com.example.thing#a', n: 1 }, { $type: 'com.example.other' }],
    [
      [{ n: 1 }, 'missing-type'],
      [{ $type: '' }, 'missing-type'],
      [{ $type: 1 }, 'missing-type'],
      [blob, 'invalid-type'],
      ['x', 'invalid-type'],
    ],
  ],
  [
    'closed union',
    { type: 'union', refs: ['#a'], closed: true },
    [{ $type: 'com.example.thing#a' }],
    [
      [{ $type: 'com.example.thing#b' }, 'unknown-variant'],
      [{ $type: 'com.example.thing' }, 'unknown-variant'],
    ],
  ],
  ['empty union', { type: 'union', refs: [] }, [{ $type: 'a' }], [[{}, 'missing-type']]],
]

describe.each(cases)('%s', (_, field, good, bad) => {
  it('takes what fits', () => {
    for (const value of good) expect([value, codes(field, value)]).toEqual([value, []])
  })
  it('says what does not fit', () => {
    for (const [value, code] of bad) expect([value, codes(field, value)]).toEqual([value, [`/x ${code}`]])
  })
})

describe('issues', () => {
  it('are all listed, each with its path', () => {
    const schema = validator({
      type: 'array',
      items: { type: 'union', refs: ['#a', '#b'] },
    })
    const result = schema.validate({
      x: [{ $type: 'com.example.thing#a', n: 'x' }, { $type: 'com.example.thing#b', s: 1 }, 5],
    })
    expect(result).toEqual({
      ok: false,
      issues: [
        { path: '/x/0/n', code: 'invalid-type', message: 'must be an integer, is a string' },
        { path: '/x/1/s', code: 'invalid-type', message: 'must be a string, is an integer' },
        { path: '/x/2', code: 'invalid-type', message: 'must be an object with a $type, is an integer' },
      ],
    })
  })

  it('escape the keys of their paths as JSON pointers do', () => {
    const schema = validator({ type: 'object', properties: { 'a/b~c': { type: 'integer' } } })
    expect(schema.validate({ x: { 'a/b~c': 's' } })).toMatchObject({ issues: [{ path: '/x/a~1b~0c' }] })
    expect(schema['~standard'].validate({ x: { 'a/b~c': 's' } })).toMatchObject({
      issues: [{ path: ['x', 'a/b~c'] }],
    })
  })

  it('stop at maxIssues', () => {
    const schema = validator({ type: 'array', items: { type: 'integer' } })
    const result = schema.validate({ x: Array.from({ length: 1000 }, () => 's') }, { maxIssues: 5 })
    expect(result.ok || result.issues.map((issue) => issue.code)).toEqual([
      ...Array.from({ length: 4 }, () => 'invalid-type'),
      'too-many-issues',
    ])
  })

  it('never show a value at length', () => {
    const result = validator({ type: 'string', format: 'did' }).validate({ x: 'x'.repeat(100_000) })
    expect(result.ok || result.issues[0]!.message.length).toBeLessThan(200)
  })
})

describe('objects', () => {
  it('take null for nullable properties alone, and undefined for absent', () => {
    const schema = validator({ type: 'string' }, { nullable: ['x'] })
    expect(schema.validate({ x: null }).ok).toBe(true)
    expect(schema.validate({ x: undefined })).toMatchObject({ issues: [{ path: '/x', code: 'required' }] })
    expect(validator({ type: 'string' }, { required: [] }).validate({ x: undefined }).ok).toBe(true)
    expect(validator({ type: 'string' }, { required: [] }).validate({ x: null }).ok).toBe(false)
  })

  it('see own properties only', () => {
    const schema = validator({
      type: 'object',
      properties: { constructor: { type: 'string' } },
      required: ['constructor'],
    })
    expect(schema.validate({ x: {} })).toMatchObject({
      issues: [{ path: '/x/constructor', code: 'required' }],
    })
    expect(schema.validate({ x: { constructor: 'a' } }).ok).toBe(true)
  })

  it('keep unknown fields unless told to reject them', () => {
    const field: LexiconField = { type: 'object', properties: { a: { type: 'integer' } } }
    expect(codes(field, { b: 1, c: 2 })).toEqual([])
    expect(codes(field, { $type: 'x', a: 1, b: 1, c: 2 }, { unknownFields: 'reject' })).toEqual([
      '/x/b unknown-field',
      '/x/c unknown-field',
    ])
  })

  it('take an object of another realm', async () => {
    const { runInNewContext } = await import('node:vm')
    expect(codes({ type: 'unknown' }, runInNewContext('({ a: 1 })'))).toEqual([])
    expect(codes({ type: 'unknown' }, runInNewContext('[1]'))).toEqual(['/x invalid-type'])
  })
})

describe('legacy blobs', () => {
  const field: LexiconField = { type: 'blob', accept: ['image/*'], maxSize: 1 }
  it('are taken on demand, with their type checked', () => {
    const legacy = { cid: cid.toString(), mimeType: 'image/png' }
    expect(codes(field, legacy)).toEqual(['/x invalid-type'])
    expect(codes(field, legacy, { legacyBlobs: true })).toEqual([])
    expect(codes(field, { ...legacy, mimeType: 'a/b' }, { legacyBlobs: true })).toEqual(['/x blob-mime-type'])
  })
})
