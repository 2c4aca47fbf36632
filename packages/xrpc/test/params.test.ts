import type { LexiconParams, ParamsSchema } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { decodeParams, encodeParams } from '../src/params.ts'

const def: LexiconParams = {
  type: 'params',
  required: ['did'],
  properties: {
    did: { type: 'string', format: 'did' },
    limit: { type: 'integer', minimum: 1, maximum: 100, default: 50 },
    reverse: { type: 'boolean' },
    cids: { type: 'array', items: { type: 'string' } },
    sizes: { type: 'array', items: { type: 'integer' } },
  },
}

// Checks what a query string alone cannot: the schema proper is tested where it lives.
const schema = {
  def,
  validate(value: unknown) {
    const found = value as { did?: string; limit?: number }
    if (found.did === undefined) {
      return { ok: false, issues: [{ path: '/did', code: 'required', message: 'required' }] }
    }
    return { ok: true, value: { limit: 50, ...found } }
  },
} as unknown as ParamsSchema<Record<string, unknown>>

describe('decodeParams', () => {
  it.each([
    ['did=did:web:x', { did: 'did:web:x', limit: 50 }],
    ['?did=did%3Aweb%3Ax&limit=7&reverse=true', { did: 'did:web:x', limit: 7, reverse: true }],
    ['did=a+b&reverse=false', { did: 'a b', limit: 50, reverse: false }],
    ['did=x&cids=a&cids=b', { did: 'x', limit: 50, cids: ['a', 'b'] }],
    ['did=x&cids=a', { did: 'x', limit: 50, cids: ['a'] }],
    ['did=x&sizes=-1&sizes=007', { did: 'x', limit: 50, sizes: [-1, 7] }],
    ['did=&&', { did: '', limit: 50 }],
    ['did', { did: '', limit: 50 }],
    ['did=a=b', { did: 'a=b', limit: 50 }],
    ['d%69d=x', { did: 'x', limit: 50 }],
  ])('reads %s, as text and parsed', (query, expected) => {
    expect(decodeParams(schema, query)).toEqual({ ok: true, value: expected })
    expect(decodeParams(schema, new URLSearchParams(query))).toEqual({ ok: true, value: expected })
  })

  it.each([
    ['', 'invalid-param', 'did'],
    ['?', 'invalid-param', 'did'],
    ['did=x&did=y', 'repeated-param', 'did'],
    ['did=x&nope=1', 'unknown-param', 'nope'],
    ['did=x&__proto__=1', 'unknown-param', '__proto__'],
    ['did=x&constructor=1', 'unknown-param', 'constructor'],
    ['did=x&limit=1&limit=1', 'repeated-param', 'limit'],
    ['did=x&limit=', 'invalid-param', 'limit'],
    ['did=x&limit=1.5', 'invalid-param', 'limit'],
    ['did=x&limit=1e3', 'invalid-param', 'limit'],
    ['did=x&limit=0x10', 'invalid-param', 'limit'],
    ['did=x&limit=%201', 'invalid-param', 'limit'],
    ['did=x&limit=9007199254740993', 'invalid-param', 'limit'],
    ['did=x&limit=99999999999999999999', 'invalid-param', 'limit'],
    ['did=x&reverse=1', 'invalid-param', 'reverse'],
    ['did=x&reverse=TRUE', 'invalid-param', 'reverse'],
    ['did=x&sizes=1&sizes=b', 'invalid-param', 'sizes'],
    ['did=%', 'malformed-query', undefined],
    ['did=%ff', 'malformed-query', undefined],
    ['did=%c0%af', 'malformed-query', undefined],
  ])('refuses %s', (query, code, param) => {
    const read = decodeParams(schema, query)
    expect(read.ok ? 'ok' : read.error.code).toBe(code)
    expect(!read.ok && read.error.param).toBe(param)
  })

  it('passes over unknown names when told', () => {
    expect(decodeParams(schema, 'did=x&nope=1', { unknown: 'ignore' })).toEqual({
      ok: true,
      value: { did: 'x', limit: 50 },
    })
  })

  it('passes over parameters without a value when told', () => {
    const query = 'did=x&limit=&cursor=&reverse=&sizes=&sizes=1'
    expect(decodeParams(schema, query).ok).toBe(false)
    expect(decodeParams(schema, query, { empty: 'ignore' })).toEqual({
      ok: true,
      value: { did: 'x', limit: 50, sizes: [1] },
    })
    expect(decodeParams(schema, 'did=', { empty: 'ignore' }).ok).toBe(false)
  })

  it('takes no parameter for a method without any', () => {
    expect(decodeParams(null, '')).toEqual({ ok: true, value: {} })
    expect(decodeParams(null, 'a=1').ok).toBe(false)
  })

  it('reads a huge query in time linear in its size', () => {
    const query = 'did=x&' + 'cids=a&'.repeat(200_000)
    const started = performance.now()
    const read = decodeParams(schema, query)
    expect(read.ok && (read.value['cids'] as string[]).length).toBe(200_000)
    expect(performance.now() - started).toBeLessThan(2000)
  })
})

describe('encodeParams', () => {
  it('repeats arrays, drops null and undefined, includes defaults', () => {
    const query = encodeParams(schema, { did: 'a b', cids: ['x', 'y'], reverse: false, sizes: null })
    expect(query.toString()).toBe('did=a+b&cids=x&cids=y&reverse=false&limit=50')
    expect(encodeParams(null, { a: 1, b: undefined }).toString()).toBe('a=1')
    expect(encodeParams(schema, { limit: 3 }).toString()).toBe('limit=3')
  })

  it('is undone by decodeParams', () => {
    const value = { did: 'did:web:x%&=+é😀', limit: -9007199254740991, cids: ['', '&'], reverse: true }
    expect(decodeParams(schema, encodeParams(schema, value).toString())).toEqual({ ok: true, value })
  })
})
