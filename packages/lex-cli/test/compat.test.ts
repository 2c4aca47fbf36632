import type { LexiconDocument } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { check } from '../src/check.ts'
import { compareDocuments } from '../src/compat/document.ts'
import { folder, lexicon, record } from './support.ts'

const doc = (main: object, defs: object = {}) =>
  lexicon('com.example.thing', main, defs) as unknown as LexiconDocument
const P = '/defs/main/record/properties'

function changes(old: LexiconDocument, now: LexiconDocument): string[] {
  return compareDocuments(old, now).map(({ severity, path }) => `${severity} ${path}`)
}
const fields = (old: object, now: object) => changes(doc(record({ x: old })), doc(record({ x: now })))
const int = { type: 'integer' }

describe('a change of a field', () => {
  const cases: [string, object, object, string[]][] = [
    [
      'of nothing',
      { type: 'string', maxLength: 5 },
      { maxLength: 5, type: 'string', description: 'said' },
      [],
    ],
    ['of known values', { type: 'string', knownValues: ['a'] }, { type: 'string', knownValues: ['b'] }, []],
    ['of type', int, { type: 'string' }, [`error ${P}/x/type`]],
    ['of format', { type: 'string' }, { type: 'string', format: 'did' }, [`error ${P}/x/format`]],
    [
      'of a bound, tighter',
      { type: 'string', maxLength: 5 },
      { type: 'string', maxLength: 4 },
      [`error ${P}/x/maxLength`],
    ],
    ['of a bound, wider', { type: 'integer', minimum: 5 }, { type: 'integer' }, [`error ${P}/x/minimum`]],
    [
      'of an enum',
      { type: 'string', enum: ['a', 'b'] },
      { type: 'string', enum: ['b', 'a', 'c'] },
      [`error ${P}/x/enum`],
    ],
    ['of an enum’s order', { type: 'string', enum: ['a', 'b'] }, { type: 'string', enum: ['b', 'a'] }, []],
    [
      'of a default',
      { type: 'integer', default: 1 },
      { type: 'integer', default: 2 },
      [`warning ${P}/x/default`],
    ],
    ['of a const', { type: 'integer', const: 1 }, int, [`error ${P}/x/const`]],
    ['of a ref', { type: 'ref', ref: '#a' }, { type: 'ref', ref: '#b' }, [`error ${P}/x/ref`]],
    ['of a ref’s spelling', { type: 'ref', ref: '#a' }, { type: 'ref', ref: 'com.example.thing#a' }, []],
    ['of an open union, more', { type: 'union', refs: ['#a'] }, { type: 'union', refs: ['#a', '#b'] }, []],
    [
      'of an open union, less',
      { type: 'union', refs: ['#a', '#b'] },
      { type: 'union', refs: ['#a'] },
      [`error ${P}/x/refs`],
    ],
    [
      'of a closed union, more',
      { type: 'union', refs: ['#a'], closed: true },
      { type: 'union', refs: ['#a', '#b'], closed: true },
      [`error ${P}/x/refs`],
    ],
    [
      'of a union’s openness',
      { type: 'union', refs: ['#a'] },
      { type: 'union', refs: ['#a'], closed: true },
      [`error ${P}/x/closed`],
    ],
    ['of a blob', { type: 'blob', accept: ['image/*'] }, { type: 'blob' }, [`error ${P}/x/accept`]],
    [
      'within an array',
      { type: 'array', items: int },
      { type: 'array', items: { type: 'boolean' } },
      [`error ${P}/x/items/type`],
    ],
    [
      'within an object',
      { type: 'object', properties: { y: int } },
      { type: 'object', properties: { y: int, z: int }, required: ['z'] },
      [`error ${P}/x/properties/z`],
    ],
  ]
  it.each(cases)('%s', (_, old, now, expected) => {
    expect(fields(old, now)).toEqual(expected)
  })
})

describe('a change of properties', () => {
  const of = (properties: object, rest: object = {}) => doc(record(properties, rest))
  const cases: [string, LexiconDocument, LexiconDocument, string[]][] = [
    ['optional and new', of({}), of({ x: int }), []],
    ['required and new', of({}), of({ x: int }, { required: ['x'] }), [`error ${P}/x`]],
    ['optional and gone', of({ x: int }), of({}), [`warning ${P}/x`]],
    ['required and gone', of({ x: int }, { required: ['x'] }), of({}), [`error ${P}/x`]],
    ['required now', of({ x: int }), of({ x: int }, { required: ['x'] }), [`error ${P}/x`]],
    ['optional now', of({ x: int }, { required: ['x'] }), of({ x: int }), [`error ${P}/x`]],
    ['nullable now', of({ x: int }), of({ x: int }, { nullable: ['x'] }), [`error ${P}/x`]],
  ]
  it.each(cases)('%s', (_, old, now, expected) => {
    expect(changes(old, now)).toEqual(expected)
  })
})

describe('a change of definitions', () => {
  const method = (type: string, rest: object = {}) => doc({ type, ...rest })
  const params = (properties: object, required: string[] = []) => ({
    parameters: { type: 'params', properties, required },
  })
  const json = (schema?: object) => ({ encoding: 'application/json', schema })
  const cases: [string, LexiconDocument, LexiconDocument, string[]][] = [
    ['gone', doc(record({}), { a: { type: 'token' } }), doc(record({})), ['error /defs/a']],
    ['new', doc(record({})), doc(record({}), { a: { type: 'token' } }), []],
    ['of another kind', method('query'), method('procedure'), ['error /defs/main/type']],
    ['keys', doc(record({})), doc({ ...record({}), key: 'any' }), ['error /defs/main/key']],
    ['a parameter more', method('query'), method('query', params({ x: int })), []],
    [
      'a required parameter more',
      method('query'),
      method('query', params({ x: int }, ['x'])),
      ['error /defs/main/parameters/properties/x'],
    ],
    [
      'encoding',
      method('query', { output: { encoding: 'a/b' } }),
      method('query', { output: { encoding: 'a/c' } }),
      ['error /defs/main/output/encoding'],
    ],
    ['an output more', method('query'), method('query', { output: json() }), ['error /defs/main/output']],
    [
      'an input less',
      method('procedure', { input: json() }),
      method('procedure'),
      ['error /defs/main/input'],
    ],
    [
      'a schema more',
      method('procedure', { input: json() }),
      method('procedure', { input: json({ type: 'object', properties: {} }) }),
      ['error /defs/main/input/schema'],
    ],
    [
      'an error less',
      method('query', { errors: [{ name: 'Nope' }] }),
      method('query'),
      ['warning /defs/main/errors'],
    ],
    [
      'messages less',
      method('subscription', { message: { schema: { type: 'union', refs: ['#a', '#b'] } } }),
      method('subscription', { message: { schema: { type: 'union', refs: ['#a'] } } }),
      ['error /defs/main/message/schema/refs'],
    ],
    [
      'a named string',
      doc(record({}), { s: { type: 'string' } }),
      doc(record({}), { s: { type: 'string', maxLength: 1 } }),
      ['error /defs/s/maxLength'],
    ],
  ]
  it.each(cases)('%s', (_, old, now, expected) => {
    expect(changes(old, now)).toEqual(expected)
  })
})

describe('check --against', () => {
  it('reports what breaks at its place in the new version', async () => {
    const old = await folder({
      'thing.json': doc(record({ x: int })),
      'gone.json': lexicon('com.example.gone', record({})),
    })
    const now = await folder({ 'thing.json': doc(record({ x: { type: 'boolean' } })) })
    const { problems } = await check({ paths: [now], against: [old], base: now })
    expect(problems.map(({ rule, severity, message, line }) => [rule, severity, message, line])).toEqual([
      ['breaking', 'error', 'com.example.gone is gone', undefined],
      ['breaking', 'error', 'was a integer, is a boolean', 13],
    ])
  })
})
