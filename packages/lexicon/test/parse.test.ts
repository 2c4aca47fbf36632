import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseLexicon } from '../src/parse/parse.ts'

const main = (def: unknown) => ({ lexicon: 1, id: 'com.example.thing', defs: { main: def } })
const prop = (field: unknown) => main({ type: 'object', properties: { x: field } })
const X = '/defs/main/properties/x'

function paths(json: unknown): string[] {
  const result = parseLexicon(json)
  return result.ok ? [] : result.error.issues.map((issue) => issue.path)
}

describe('parseLexicon refuses', () => {
  const cases: [string, unknown, string[]][] = [
    ['no object', 'x', ['']],
    ['null', null, ['']],
    ['no version', { id: 'com.example.a', defs: { a: { type: 'token' } } }, ['/lexicon']],
    ['another version', { lexicon: 2, id: 'com.example.a', defs: { a: { type: 'token' } } }, ['/lexicon']],
    ['no definitions', { lexicon: 1, id: 'com.example.a', defs: {} }, ['/defs']],
    ['no defs', { lexicon: 1, id: 'com.example.a' }, ['/defs']],
    ['a bad name', { lexicon: 1, id: 'com.example.a', defs: { '#x': { type: 'token' } } }, ['/defs/#x']],
    [
      '__proto__',
      JSON.parse('{"lexicon":1,"id":"com.example.a","defs":{"__proto__":{"type":"token"}}}'),
      ['/defs/__proto__'],
    ],
    ['no type', main({}), ['/defs/main/type']],
    ['a type of no kind', main({ type: 'float' }), ['/defs/main/type']],
    ['a union by name', main({ type: 'union', refs: [] }), ['/defs/main/type']],
    ['params by name', main({ type: 'params', properties: {} }), ['/defs/main/type']],
    ['a permission by name', main({ type: 'permission', resource: 'repo' }), ['/defs/main/type']],
    ['a token as a field', prop({ type: 'token' }), [`${X}/type`]],
    ['a record as a field', prop({ type: 'record' }), [`${X}/type`]],
    ['a field that is none', prop(5), [X]],
    ['object without properties', main({ type: 'object' }), ['/defs/main/properties']],
    [
      'required that names nothing',
      main({ type: 'object', properties: {}, required: ['a'] }),
      ['/defs/main/required/0'],
    ],
    [
      'nullable that names nothing',
      main({ type: 'object', properties: {}, nullable: ['toString'] }),
      ['/defs/main/nullable/0'],
    ],
    ['required of numbers', main({ type: 'object', properties: {}, required: [1] }), ['/defs/main/required']],
    ['array without items', prop({ type: 'array' }), [`${X}/items`]],
    [
      'lengths in disorder',
      prop({ type: 'array', items: { type: 'integer' }, minLength: 2, maxLength: 1 }),
      [`${X}/minLength`],
    ],
    [
      'negative lengths',
      prop({ type: 'string', maxLength: -1, minGraphemes: 1.5 }),
      [`${X}/maxLength`, `${X}/minGraphemes`],
    ],
    ['bounds in disorder', prop({ type: 'integer', minimum: 2, maximum: 1 }), [`${X}/minimum`]],
    ['an unknown format', prop({ type: 'string', format: 'email' }), [`${X}/format`]],
    ['an inherited format', prop({ type: 'string', format: 'toString' }), [`${X}/format`]],
    ['default and const', prop({ type: 'string', default: 'a', const: 'b' }), [`${X}/default`]],
    [
      'values of the wrong type',
      prop({ type: 'integer', enum: ['a'], default: 'b' }),
      [`${X}/default`, `${X}/enum`],
    ],
    ['a description of no text', prop({ type: 'unknown', description: 1 }), [`${X}/description`]],
    ['a token with one', main({ type: 'token', description: 1 }), ['/defs/main/description']],
    ['a query with one', main({ type: 'query', description: 1 }), ['/defs/main/description']],
    ['a lexicon with one', { ...main({ type: 'token' }), description: 1 }, ['/description']],
    ['a ref to no name', prop({ type: 'ref', ref: 'x' }), [`${X}/ref`]],
    ['a ref with a scheme', prop({ type: 'ref', ref: 'lex:com.example.a' }), [`${X}/ref`]],
    ['union without refs', prop({ type: 'union' }), [`${X}/refs`]],
    ['a union that nothing fits', prop({ type: 'union', refs: [], closed: true }), [`${X}/refs`]],
    ['partial wildcards', prop({ type: 'blob', accept: ['text/ht*'] }), [`${X}/accept`]],
    ['a lone wildcard', prop({ type: 'blob', accept: ['*'] }), [`${X}/accept`]],
    [
      'a record without key',
      main({ type: 'record', record: { type: 'object', properties: {} } }),
      ['/defs/main/key'],
    ],
    [
      'a record of a bad key',
      main({ type: 'record', key: 'literal:..', record: { type: 'object', properties: {} } }),
      ['/defs/main/key'],
    ],
    [
      'a record of no object',
      main({ type: 'record', key: 'tid', record: { type: 'ref', ref: '#x' } }),
      ['/defs/main/record/type', '/defs/main/record/properties'],
    ],
    ['a query with input', main({ type: 'query', input: { encoding: 'a/b' } }), ['/defs/main/input']],
    ['a body without encoding', main({ type: 'query', output: {} }), ['/defs/main/output/encoding']],
    [
      'a body of a string',
      main({ type: 'query', output: { encoding: 'a/b', schema: { type: 'string' } } }),
      ['/defs/main/output/schema/type'],
    ],
    [
      'objects among parameters',
      main({
        type: 'query',
        parameters: { type: 'params', properties: { a: { type: 'object', properties: {} } } },
      }),
      ['/defs/main/parameters/properties/a/type'],
    ],
    [
      'arrays of arrays among parameters',
      main({
        type: 'query',
        parameters: {
          type: 'params',
          properties: { a: { type: 'array', items: { type: 'array', items: { type: 'string' } } } },
        },
      }),
      ['/defs/main/parameters/properties/a/items/type'],
    ],
    [
      'wrong lengths of an array among parameters',
      main({
        type: 'query',
        parameters: {
          type: 'params',
          properties: { a: { type: 'array', items: { type: 'string' }, minLength: -1, maxLength: '2' } },
        },
      }),
      ['/defs/main/parameters/properties/a/minLength', '/defs/main/parameters/properties/a/maxLength'],
    ],
    [
      'messages of a union without refs',
      main({ type: 'subscription', message: { schema: { type: 'union' } } }),
      ['/defs/main/message/schema/refs'],
    ],
    ['errors with spaces', main({ type: 'query', errors: [{ name: 'a b' }] }), ['/defs/main/errors/0/name']],
    [
      'messages that are no union',
      main({ type: 'subscription', message: { schema: { type: 'object', properties: {} } } }),
      ['/defs/main/message/schema/type'],
    ],
    [
      'a method by another name',
      { lexicon: 1, id: 'com.example.a', defs: { other: { type: 'query' } } },
      ['/defs/other/type'],
    ],
    [
      'permissions that are no list',
      main({ type: 'permission-set', permissions: {} }),
      ['/defs/main/permissions'],
    ],
    ['no permissions', main({ type: 'permission-set' }), ['/defs/main/permissions']],
    [
      'permissions without collection',
      main({ type: 'permission-set', permissions: [{ type: 'permission', resource: 'repo' }] }),
      ['/defs/main/permissions/0/collection'],
    ],
    [
      'a collection *',
      main({
        type: 'permission-set',
        permissions: [{ type: 'permission', resource: 'repo', collection: ['*'] }],
      }),
      ['/defs/main/permissions/0/collection'],
    ],
    [
      'an unknown action',
      main({
        type: 'permission-set',
        permissions: [{ type: 'permission', resource: 'repo', collection: ['a.b.c'], action: ['read'] }],
      }),
      ['/defs/main/permissions/0/action'],
    ],
    [
      'rpc without aud',
      main({
        type: 'permission-set',
        permissions: [{ type: 'permission', resource: 'rpc', lxm: ['a.b.c'] }],
      }),
      ['/defs/main/permissions/0/aud'],
    ],
    [
      'a title and a detail that are no text',
      main({ type: 'permission-set', title: 1, detail: {}, permissions: [] }),
      ['/defs/main/title', '/defs/main/detail'],
    ],
    [
      'a language that is none',
      main({ type: 'permission-set', 'title:lang': { _: 'x', fr: 1 }, permissions: [] }),
      ['/defs/main/title:lang/_', '/defs/main/title:lang/fr'],
    ],
  ]
  it.each(cases)('%s', (_, json, expected) => {
    expect(paths(json)).toEqual(expected)
  })

  const wrong: [string, unknown, string[]][] = [
    ['the default of a boolean', { type: 'boolean', default: 'true' }, ['default']],
    ['the constant of a boolean', { type: 'boolean', const: 1 }, ['const']],
    [
      'an integer',
      { type: 'integer', minimum: 0.5, maximum: '9', enum: [1.5] },
      ['minimum', 'maximum', 'enum'],
    ],
    ['the value of an integer', { type: 'integer', const: 1.5 }, ['const']],
    [
      'the lengths of a string',
      { type: 'string', minLength: '1', maxLength: '2', minGraphemes: '3', maxGraphemes: '4' },
      ['minLength', 'maxLength', 'minGraphemes', 'maxGraphemes'],
    ],
    ['graphemes in disorder', { type: 'string', minGraphemes: 2, maxGraphemes: 1 }, ['minGraphemes']],
    [
      'the values of a string',
      { type: 'string', knownValues: [1], enum: ['a', 1], default: 1 },
      ['knownValues', 'enum', 'default'],
    ],
    ['an enum that is no list', { type: 'string', enum: 'a' }, ['enum']],
    ['the constant of a string', { type: 'string', const: 1 }, ['const']],
    ['the lengths of bytes', { type: 'bytes', minLength: -1, maxLength: 0.5 }, ['minLength', 'maxLength']],
    ['a blob', { type: 'blob', accept: 'image/*', maxSize: -1 }, ['accept', 'maxSize']],
    ['a union', { type: 'union', refs: ['#a', 1], closed: 'yes' }, ['refs', 'closed']],
  ]
  it.each(wrong)('wrong fields of a field: %s', (_, field, keys) => {
    expect(paths(prop(field))).toEqual(keys.map((key) => `${X}/${key}`))
  })

  const wrongPermissions: [string, unknown, string[]][] = [
    ['no permission', { type: 'grant', resource: 'other' }, ['type']],
    ['an empty resource', { type: 'permission', resource: '' }, ['resource']],
    [
      'a collection twice',
      { type: 'permission', resource: 'repo', collection: ['a.b.c', 'a.b.c'] },
      ['collection'],
    ],
    ['no method', { type: 'permission', resource: 'rpc', lxm: [], aud: '*' }, ['lxm']],
    ['a method that is none', { type: 'permission', resource: 'rpc', lxm: ['a'], aud: '*' }, ['lxm']],
    ['an audience of no text', { type: 'permission', resource: 'rpc', lxm: ['*'], aud: 1 }, ['aud']],
    [
      'inheritAud of text',
      { type: 'permission', resource: 'rpc', lxm: ['*'], inheritAud: 'true', aud: '*' },
      ['inheritAud'],
    ],
  ]
  it.each(wrongPermissions)('a permission: %s', (_, permission, keys) => {
    expect(paths(main({ type: 'permission-set', permissions: [permission] }))).toEqual(
      keys.map((key) => `/defs/main/permissions/0/${key}`),
    )
  })

  it.each([
    ['the document itself as /', null, 'not a lexicon; / must be an object'],
    [
      'a place as a JSON pointer',
      prop({ type: 'blob', maxSize: -1 }),
      `not a lexicon; ${X}/maxSize must be a number of bytes`,
    ],
  ])('with a message that names %s', (_, json, message) => {
    expect(parseLexicon(json)).toMatchObject({ ok: false, error: { code: 'invalid-lexicon', message } })
  })

  it('schemas nested too deep, without overflowing', () => {
    let field: unknown = { type: 'integer' }
    for (let i = 0; i < 50_000; i++) field = { type: 'array', items: field }
    const result = parseLexicon(prop(field))
    expect(result.ok || result.error.issues[0]!.message).toMatch(/deeper than/)
  })

  it('a million problems with a bounded list of them', () => {
    const properties = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`p${i}`, 1]))
    const result = parseLexicon(main({ type: 'object', properties }))
    expect(result.ok || result.error.issues.length).toBe(100)
    expect(result.ok || result.error.message).toContain('and 99 more')
  })

  it('anything at all without throwing', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(typeof parseLexicon(a).ok).toBe('boolean')
        expect(typeof parseLexicon(main(b)).ok).toBe('boolean')
        expect(typeof parseLexicon(prop(b)).ok).toBe('boolean')
      }),
    )
  })
})

describe('parseLexicon takes', () => {
  it.each<[string, unknown]>([
    [
      'a record of com.atproto.lexicon.schema',
      { ...main({ type: 'token' }), $type: 'com.atproto.lexicon.schema', revision: 3, description: 'x' },
    ],
    ['fields that it does not know', main({ type: 'token', extra: {} })],
    [
      'resources that it does not know',
      main({ type: 'permission-set', permissions: [{ type: 'permission', resource: 'new', what: 1 }] }),
    ],
    ['a subscription without messages', main({ type: 'subscription' })],
    [
      'a named array, string and blob',
      {
        lexicon: 1,
        id: 'com.example.a',
        defs: {
          a: { type: 'array', items: { type: 'unknown' } },
          s: { type: 'string' },
          b: { type: 'blob' },
        },
      },
    ],
  ])('%s', (_, json) => {
    expect(parseLexicon(json)).toEqual({ ok: true, value: json })
  })
})
