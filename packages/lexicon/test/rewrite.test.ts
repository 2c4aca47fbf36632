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
          text: { type: 'string', maxGraphemes: 3 },
          bytes: { type: 'string', maxLength: 4 },
          did: { type: 'string', format: 'did', maxLength: 4 },
          few: { type: 'string', enum: ['abcdef'], maxLength: 4 },
          list: { type: 'array', maxLength: 2, items: { type: 'ref', ref: '#inner' } },
          any: { type: 'union', refs: ['#inner', '#main'] },
          n: { type: 'integer', default: 4 },
        },
      },
      inner: {
        type: 'object',
        properties: { text: { type: 'string', maxGraphemes: 2 }, yes: { type: 'boolean', default: true } },
      },
    },
  } as LexiconDocument,
]).schema('com.example.a')!

describe('truncate', () => {
  const run = (value: object) => schema.validate(value, { truncate: true })
  it('shortens prose through refs, arrays and unions, and leaves the rest', () => {
    const value = {
      text: 'a👨‍👩‍👧bc',
      bytes: 'a€€',
      list: [{ text: 'abc' }, { text: 'ab' }],
      any: { $type: 'com.example.a', any: { $type: 'com.example.a#inner', text: 'abc', other: 1 } },
      kept: 'as it is',
    }
    const copy = structuredClone(value)
    expect(run(value)).toEqual({
      ok: true,
      value: {
        text: 'a👨‍👩‍👧b',
        bytes: 'a€',
        list: [{ text: 'ab' }, { text: 'ab' }],
        any: { $type: 'com.example.a', any: { $type: 'com.example.a#inner', text: 'ab', other: 1 } },
        kept: 'as it is',
      },
    })
    expect(value).toEqual(copy)
  })

  it('shares what it does not change', () => {
    const value = { text: 'abcd', list: [{ text: 'ab' }] }
    const result = run(value)
    expect(result.ok && (result.value as typeof value).list).toBe(value.list)
    const fits = { text: 'abc' }
    expect(run(fits)).toEqual({ ok: true, value: fits })
    const same = run(fits)
    expect(same.ok && same.value).toBe(fits)
  })

  it('never shortens identifiers, values of a closed set, or arrays', () => {
    expect(run({ did: 'did:web:a.b' })).toMatchObject({ issues: [{ path: '/did', code: 'too-long' }] })
    expect(run({ few: 'abcdef' })).toMatchObject({ issues: [{ path: '/few', code: 'too-long' }] })
    expect(run({ list: [{}, {}, { text: 'abc' }] })).toMatchObject({
      issues: [{ path: '/list', code: 'too-long' }],
    })
  })

  it('leaves what is of the wrong type to the check', () => {
    expect(run({ text: 1, list: 'x', any: { $type: 'com.other.x', text: 'abcdef' } })).toMatchObject({
      issues: [{ path: '/text' }, { path: '/list' }],
    })
  })
})

describe('defaults', () => {
  it('are filled in on demand, at every level', () => {
    expect(schema.validate({ list: [{}] })).toEqual({ ok: true, value: { list: [{}] } })
    expect(schema.validate({ list: [{}] }, { defaults: true })).toEqual({
      ok: true,
      value: { n: 4, list: [{ yes: true }] },
    })
  })
})
