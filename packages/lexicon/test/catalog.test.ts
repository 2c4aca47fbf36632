import {
  anything,
  array,
  assert,
  constantFrom,
  oneof,
  property,
  record as recordOf,
  string,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createCatalog } from '../src/catalog.ts'
import type { LexiconDocument } from '../src/document.ts'
import { LexiconError } from '../src/error.ts'
import { checkDocuments, dependencies } from '../src/links.ts'

const object = (properties: object, rest: object = {}) => ({ type: 'object', properties, ...rest })
const doc = (id: string, defs: object): LexiconDocument => ({ lexicon: 1, id, defs }) as LexiconDocument

function refusal(documents: LexiconDocument[]): [string, string | undefined] {
  try {
    createCatalog(documents)
  } catch (error) {
    if (error instanceof LexiconError) return [error.code, error.ref]
    throw error
  }
  return ['none', undefined]
}

describe('createCatalog', () => {
  it('refuses what does not fit together', () => {
    const a = (field: object) =>
      doc('com.example.a', { main: object({ x: field }), token: { type: 'token' } })
    const ref = (to: string) => a({ type: 'ref', ref: to })
    const union = (to: string) => a({ type: 'array', items: { type: 'union', refs: [to] } })
    const query = doc('com.example.get', {
      main: { type: 'query', output: { encoding: 'a/b' } },
      s: { type: 'string' },
    })
    expect(refusal([ref('com.example.b')])).toEqual(['dangling-ref', 'com.example.b'])
    expect(refusal([ref('#nothing')])).toEqual(['dangling-ref', 'com.example.a#nothing'])
    expect(refusal([ref('#toString')])).toEqual(['dangling-ref', 'com.example.a#toString'])
    expect(refusal([ref('#token')])).toEqual(['invalid-ref', 'com.example.a#token'])
    expect(refusal([union('#token')])).toEqual(['invalid-ref', 'com.example.a#token'])
    expect(refusal([ref('com.example.get'), query])).toEqual(['invalid-ref', 'com.example.get'])
    expect(refusal([union('com.example.get#s'), query])).toEqual(['invalid-ref', 'com.example.get#s'])
    expect(refusal([ref('com.example.get#s'), query])).toEqual(['none', undefined])
    expect(refusal([query, query])).toEqual(['duplicate-lexicon', 'com.example.get'])
  })

  it('refuses objects that require themselves, and no other circles', () => {
    const self = (rest: object, field: object = { type: 'ref', ref: '#main' }) =>
      doc('com.example.a', { main: object({ x: field }, rest) })
    expect(refusal([self({ required: ['x'] })])).toEqual(['endless-loop', 'com.example.a'])
    expect(refusal([self({})])[0]).toBe('none')
    expect(refusal([self({ required: ['x'], nullable: ['x'] })])[0]).toBe('none')
    const items = { type: 'array', items: { type: 'ref', ref: '#main' } }
    expect(refusal([self({ required: ['x'] }, items)])[0]).toBe('none')
    expect(refusal([self({ required: ['x'] }, { ...items, minLength: 1 })])[0]).toBe('endless-loop')
    const through = (id: string, to: string) =>
      doc(id, { main: object({ x: { type: 'ref', ref: to } }, { required: ['x'] }) })
    const circle = [through('com.example.a', 'com.example.b'), through('com.example.b', 'com.example.c#d')]
    const last = doc('com.example.c', {
      d: object({ y: { type: 'ref', ref: 'com.example.a' } }, { required: ['y'] }),
    })
    expect(checkDocuments([...circle, last])).toMatchObject([
      {
        code: 'endless-loop',
        message: expect.stringContaining(
          'com.example.a -> com.example.b -> com.example.c#d -> com.example.a',
        ),
      },
    ])
  })

  it('walks a chain of 5000 documents without recursion', () => {
    const chain = Array.from({ length: 5000 }, (_, i) =>
      doc(`com.example.x${i}`, {
        main: object(
          { x: i < 4999 ? { type: 'ref', ref: `com.example.x${i + 1}` } : { type: 'integer' } },
          { required: ['x'] },
        ),
      }),
    )
    expect(checkDocuments(chain)).toEqual([])
  })

  it('reports every problem, with its place', () => {
    const document = doc('com.example.a', {
      main: {
        type: 'procedure',
        input: { encoding: 'application/json', schema: { type: 'ref', ref: '#gone' } },
        output: {
          encoding: 'application/json',
          schema: object({ 'a/b': { type: 'array', items: { type: 'union', refs: ['#gone'] } } }),
        },
      },
    })
    expect(checkDocuments([document]).map((problem) => problem.path)).toEqual([
      '/defs/main/input/schema/ref',
      '/defs/main/output/schema/properties/a~1b/items/refs/0',
    ])
  })

  it('allows absent documents on demand, and then fails closed', () => {
    const catalog = createCatalog(
      [
        doc('com.example.a', {
          main: object({
            ref: { type: 'ref', ref: 'com.other.x' },
            open: { type: 'union', refs: ['com.other.x#y'] },
            closed: { type: 'union', refs: ['com.other.x#y'], closed: true },
          }),
        }),
      ],
      { absent: 'allow' },
    )
    const schema = catalog.schema('com.example.a')!
    expect(schema.validate({ ref: {} })).toMatchObject({
      issues: [{ path: '/ref', code: 'unknown-lexicon' }],
    })
    expect(schema.validate({ open: { $type: 'com.other.x#y' } }).ok).toBe(true)
    expect(schema.validate({ closed: { $type: 'com.other.x#y' } }).ok).toBe(false)
    expect(schema.validate({ ref: {} }, { truncate: true, defaults: true }).ok).toBe(false)
  })

  it('knows what is in it, and nothing that objects inherit', () => {
    const catalog = createCatalog([
      doc('com.example.rec', { main: { type: 'record', key: 'tid', record: object({}) }, view: object({}) }),
    ])
    expect([...catalog.nsids()]).toEqual(['com.example.rec'])
    expect(catalog.record('com.example.rec')).toMatchObject({
      type: 'record',
      nsid: 'com.example.rec',
      key: 'tid',
    })
    expect(catalog.record('com.example.rec')).toBe(catalog.record('com.example.rec'))
    expect(catalog.schema('com.example.rec#view')).toBeDefined()
    // Compiled once.
    expect(catalog.schema('com.example.rec#view')).toBe(catalog.schema('com.example.rec#view'))
    for (const name of [
      'constructor',
      '__proto__',
      'com.example.rec#constructor',
      'com.example.rec#__proto__',
      '',
    ]) {
      expect([
        catalog.get(name),
        catalog.def(name),
        catalog.method(name),
        catalog.record(name),
        catalog.schema(name),
      ]).toEqual([undefined, undefined, undefined, undefined, undefined])
    }
    expect(catalog.method('com.example.rec')).toBeUndefined()
    expect(catalog.permissionSet('com.example.rec')).toBeUndefined()
  })

  it('never throws over a value, whatever its type says', () => {
    const catalog = createCatalog([
      doc('com.example.rec', {
        main: { type: 'record', key: 'any', record: object({ any: { type: 'unknown' } }) },
        other: object({}),
      }),
    ])
    const names = constantFrom('com.example.rec', 'main', 'other', '#', 'constructor', '__proto__', '.')
    const type = oneof(
      array(names, { maxLength: 4 }).map((parts) => parts.join('')),
      string(),
    )
    const value = recordOf({ $type: type, any: anything() })
    assert(
      property(value, (given) => {
        expect(typeof catalog.validateRecord(given).ok).toBe('boolean')
      }),
      { numRuns: 3000 },
    )
  })

  it('validates records by their type', () => {
    const catalog = createCatalog([
      doc('com.example.rec', {
        main: {
          type: 'record',
          key: 'literal:self',
          record: object({ n: { type: 'integer' } }, { required: ['n'] }),
        },
      }),
    ])
    const record = { $type: 'com.example.rec', n: 1 }
    const codes = (value: unknown, rkey?: string) => {
      const result = catalog.validateRecord(value, rkey === undefined ? {} : { rkey })
      return result.ok || result.issues.map((issue) => issue.code)
    }
    expect(codes(record)).toBe(true)
    expect(codes(record, 'self')).toBe(true)
    expect(codes(record, 'other')).toEqual(['record-key'])
    expect(codes({ ...record, n: 'x' }, 'other')).toEqual(['invalid-type', 'record-key'])
    expect(codes({ ...record, $type: 'com.example.none' })).toEqual(['unknown-lexicon'])
    for (const type of ['com.example.rec#main', 'com.example.rec#', '#main', '', 'toString', '__proto__']) {
      expect(codes({ ...record, $type: type })).toEqual(['unknown-lexicon'])
    }
    for (const value of [null, undefined, 1, 'x', [], {}, { $type: 1 }])
      expect(codes(value)).toEqual(['missing-type'])
    const schema = catalog.record('com.example.rec')!
    expect(schema.validate({ n: 1 })).toMatchObject({ issues: [{ path: '/$type', code: 'missing-type' }] })
    expect(schema.validate({ $type: 'com.example.rec#main', n: 'x' })).toMatchObject({
      issues: [
        { path: '/$type', code: 'wrong-type' },
        { path: '/n', code: 'invalid-type' },
      ],
    })
  })
})

describe('methods', () => {
  const catalog = createCatalog([
    doc('com.example.do', {
      main: {
        type: 'procedure',
        description: 'Does it.',
        parameters: {
          type: 'params',
          required: ['a'],
          properties: {
            a: { type: 'string' },
            n: { type: 'integer', default: 5, maximum: 9 },
            list: { type: 'array', items: { type: 'boolean' } },
          },
        },
        input: { encoding: '*/*' },
        output: { encoding: 'application/json', schema: { type: 'ref', ref: '#out' } },
        errors: [{ name: 'Nope' }],
      },
      out: object({ x: { type: 'integer', default: 3 } }),
    }),
    doc('com.example.sub', {
      main: { type: 'subscription', message: { schema: { type: 'union', refs: ['#event'] } } },
      event: object({ seq: { type: 'integer' } }, { required: ['seq'] }),
    }),
  ])

  it('have their parts', () => {
    const method = catalog.method('com.example.do')!
    expect(method).toMatchObject({
      type: 'procedure',
      nsid: 'com.example.do',
      description: 'Does it.',
      errors: ['Nope'],
    })
    if (method.type !== 'procedure') throw new Error(method.type)
    expect(method.input).toEqual({ encoding: '*/*', schema: null })
    expect(method.output?.schema?.validate({ x: 'y' })).toMatchObject({ issues: [{ path: '/x' }] })
    expect(catalog.method('com.example.do')).toBe(method)
  })

  it('fill in the defaults of parameters, not those of bodies', () => {
    const method = catalog.method('com.example.do')!
    const given = { a: 'x' }
    expect(method.params.validate(given)).toEqual({ ok: true, value: { a: 'x', n: 5 } })
    expect(given).toEqual({ a: 'x' })
    expect(method.params.validate({ a: 'x', n: 10, list: [1] })).toMatchObject({
      issues: [
        { path: '/n', code: 'too-large' },
        { path: '/list/0', code: 'invalid-type' },
      ],
    })
    expect(method.params.validate({ n: 1 })).toMatchObject({ issues: [{ path: '/a', code: 'required' }] })
    expect(method.params.validate({ a: 'x', b: 1 }, { unknownFields: 'reject' }).ok).toBe(false)
    if (method.type !== 'procedure') throw new Error(method.type)
    expect(method.output?.schema?.validate({})).toEqual({ ok: true, value: {} })
    expect(method.output?.schema?.validate({}, { defaults: true })).toEqual({ ok: true, value: { x: 3 } })
  })

  it('have no parameters where none are declared', () => {
    const { params } = catalog.method('com.example.sub')!
    expect(params.def).toBeNull()
    expect(params.validate({ a: 1 }, { unknownFields: 'reject' })).toMatchObject({
      issues: [{ code: 'unknown-field' }],
    })
  })

  it('check messages by their full $type', () => {
    const method = catalog.method('com.example.sub')!
    if (method.type !== 'subscription') throw new Error(method.type)
    expect(method.message!.validate({ $type: 'com.example.sub#event', seq: 1 }).ok).toBe(true)
    expect(method.message!.validate({ $type: 'com.example.sub#event' })).toMatchObject({
      issues: [{ path: '/seq' }],
    })
    expect(method.message!.validate({ seq: 1 })).toMatchObject({ issues: [{ code: 'missing-type' }] })
  })
})

describe('dependencies', () => {
  it('are the other documents, sorted', () => {
    const refs = ['com.example.z#a', 'com.example.b', '#main', 'com.example.a#x']
    expect(dependencies(doc('com.example.a', { main: object({ u: { type: 'union', refs } }) }))).toEqual([
      'com.example.b',
      'com.example.z',
    ])
  })
})
