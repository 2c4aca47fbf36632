// Each bound of the language: at it and one beyond, with the code of the issue; and what is found twice, deep or absent.
import { cidForRaw } from '@avocet/data'
import { describe, expect, it } from 'vitest'
import { createCatalog, type CatalogOptions } from '../src/catalog.ts'
import { defineRecord, defineSchema, linkDef } from '../src/define.ts'
import type { LexiconDef, LexiconDocument, LexiconField } from '../src/document.ts'
import { checkDocuments, dependencies } from '../src/links.ts'
import { openVariant } from '../src/typed.ts'
import type { ValidateOptions } from '../src/validation.ts'

const id = 'com.example.a'
const document = (defs: Record<string, LexiconDef>, nsid = id): LexiconDocument => ({
  lexicon: 1,
  id: nsid,
  defs,
})
const catalog = (defs: Record<string, LexiconDef>, options?: CatalogOptions) =>
  createCatalog([document(defs)], options)

/** The issues of a field `x`, each as its path and code. */
function issues(field: LexiconField, value: unknown, options?: ValidateOptions): string[] {
  const schema = catalog({ main: { type: 'object', properties: { x: field } } }).schema(id)!
  const result = schema.validate({ x: value }, options)
  return result.ok ? [] : result.issues.map(({ path, code }) => `${path} ${code}`)
}

describe('scalars', () => {
  it.each<[string, LexiconField, unknown[], [unknown, string][]]>([
    [
      'integers',
      { type: 'integer', minimum: -2, maximum: 3 },
      [-2, 0, 3],
      [
        [-3, 'too-small'],
        [4, 'too-large'],
        [1.5, 'invalid-type'],
        ['1', 'invalid-type'],
        [2 ** 53, 'invalid-type'],
      ],
    ],
    ['any integers', { type: 'integer' }, [2 ** 53 - 1, -(2 ** 53 - 1)], [[-(2 ** 53), 'invalid-type']]],
    [
      'one integer',
      { type: 'integer', const: 5 },
      [5],
      [
        [4, 'invalid-const'],
        [6, 'invalid-const'],
      ],
    ],
    [
      'some integers',
      { type: 'integer', enum: [1, 3], maximum: 5 },
      [1, 3],
      [
        [2, 'invalid-enum'],
        [6, 'invalid-enum'],
      ],
    ],
    [
      'booleans',
      { type: 'boolean', const: true },
      [true],
      [
        [false, 'invalid-const'],
        [1, 'invalid-type'],
      ],
    ],
    [
      'bytes of UTF-8',
      { type: 'string', minLength: 2, maxLength: 6 },
      ['ab', 'é', 'abcdef', '€€', 'ééé'],
      [
        ['a', 'too-short'],
        ['', 'too-short'],
        ['abcdefg', 'too-long'],
        ['€€a', 'too-long'],
        ['€€€', 'too-long'],
        ['éééa', 'too-long'],
      ],
    ],
    [
      'graphemes',
      { type: 'string', minGraphemes: 2, maxGraphemes: 3 },
      ['ab', 'abc', '👨‍👩‍👧👨‍👩‍👧', '👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧', 'e\u0301e\u0301'],
      [
        ['a', 'too-few-graphemes'],
        ['', 'too-few-graphemes'],
        ['👨‍👩‍👧', 'too-few-graphemes'],
        ['abcd', 'too-many-graphemes'],
        ['👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧a', 'too-many-graphemes'],
      ],
    ],
    [
      'texts of a set, a length and a format',
      { type: 'string', enum: ['did:web:a.b', 'x', 'did:web:abcdef.gh'], maxLength: 12, format: 'did' },
      ['did:web:a.b'],
      [
        ['did:web:a.c', 'invalid-enum'],
        ['did:web:abcdef.gh', 'too-long'],
        ['x', 'invalid-format'],
        [1, 'invalid-type'],
      ],
    ],
    [
      'one text',
      { type: 'string', const: 'a', maxLength: 9 },
      ['a'],
      [
        ['b', 'invalid-const'],
        [null, 'invalid-type'],
      ],
    ],
    [
      'bytes',
      { type: 'bytes', minLength: 2, maxLength: 3 },
      [new Uint8Array(2), new Uint8Array(3)],
      [
        [new Uint8Array(1), 'too-short'],
        [new Uint8Array(4), 'too-long'],
        [[1, 2], 'invalid-type'],
      ],
    ],
    [
      'arrays',
      { type: 'array', items: { type: 'integer' }, minLength: 1, maxLength: 2 },
      [[1], [1, 2]],
      [
        [[], 'too-short'],
        [[1, 2, 3], 'too-long'],
        [{ length: 1 }, 'invalid-type'],
      ],
    ],
  ])('%s', (_, field, good, bad) => {
    for (const value of good) expect(issues(field, value), JSON.stringify(value)).toEqual([])
    for (const [value, code] of bad) expect([value, issues(field, value)]).toEqual([value, [`/x ${code}`]])
  })

  it('blobs: their size, and their type by the patterns that are accepted', () => {
    const blob = (mimeType: string, size = 10) => ({
      $type: 'blob',
      ref: cidForRaw(new Uint8Array()),
      mimeType,
      size,
    })
    const field: LexiconField = { type: 'blob', accept: ['image/*', 'Video/MP4'], maxSize: 10 }
    // One schema for all: what was seen last must not decide.
    const schema = catalog({ main: { type: 'object', properties: { x: field } } }).schema(id)!
    const codes = (value: unknown): string[] => {
      const result = schema.validate({ x: value })
      return result.ok ? [] : result.issues.map(({ code }) => code)
    }
    for (const type of ['image/png', 'IMAGE/PNG', 'image/png; q=1', ' video/mp4 ', 'image/png']) {
      expect([type, codes(blob(type))]).toEqual([type, []])
    }
    for (const type of ['image/', 'images/png', 'video/webm', 'text/plain', 'text/plain', 'video/mp4x']) {
      expect([type, codes(blob(type))]).toEqual([type, ['blob-mime-type']])
    }
    expect(codes(blob('image/png', 11))).toEqual(['blob-too-large'])
    expect(codes({ $type: 'blob' })).toEqual(['invalid-type'])
  })
})

describe('objects', () => {
  const properties = {
    constructor: { type: 'string' },
    toString: { type: 'integer' },
    plain: { type: 'boolean' },
  } as const
  const schema = catalog({ main: { type: 'object', properties, required: ['constructor'] } }).schema(id)!
  const told = (value: unknown, options?: ValidateOptions): string[] => {
    const result = schema.validate(value, options)
    return result.ok ? [] : result.issues.map(({ path, code }) => `${path} ${code}`)
  }

  it('have fields of their own only', () => {
    expect(told({})).toEqual(['/constructor required'])
    expect(told({ constructor: 'x' })).toEqual([])
    expect(told({ constructor: 'x', toString: 'x' })).toEqual(['/toString invalid-type'])
    for (const value of [null, [], new Uint8Array(), 'x', new Map(), cidForRaw(new Uint8Array())]) {
      expect(told(value)).toEqual([' invalid-type'])
    }
    expect(told(Object.assign(Object.create(null) as object, { constructor: 'x' }))).toEqual([])
  })

  it('may be held to the fields that are known; what is undefined is absent', () => {
    const strict = { unknownFields: 'reject' } as const
    const value = { constructor: 'x', 'a/b~c': 1, other: undefined, $type: 'x' }
    expect(told(value)).toEqual([])
    expect(told(value, strict)).toEqual(['/a~1b~0c unknown-field'])
    expect(told({ constructor: 1, '~1': 1, '/0': 2 }, strict)).toEqual([
      '/constructor invalid-type',
      '/~01 unknown-field',
      '/~10 unknown-field',
    ])
  })

  it('tell 100 issues, or as many as are asked for', () => {
    const field: LexiconField = { type: 'array', items: { type: 'integer' } }
    const wrong = Array.from({ length: 300 }, String)
    expect(issues(field, wrong)).toHaveLength(100)
    for (const maxIssues of [1, 2, 299, 300])
      expect(issues(field, wrong, { maxIssues })).toHaveLength(maxIssues)
    expect(issues(field, wrong, { maxIssues: 0 })).toHaveLength(1)
    expect(issues(field, wrong, { maxIssues: 2 })).toEqual(['/x/0 invalid-type', ' too-many-issues'])
    const long: LexiconField = { ...field, minLength: 9 }
    for (const maxIssues of [1, 2, 3])
      expect(issues(long, wrong.slice(0, 5), { maxIssues })).toHaveLength(maxIssues)
    // Once there are so many, nothing more is looked at.
    let reads = 0
    const counted = new Proxy(wrong, {
      get(target, key, receiver) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads++
        return Reflect.get(target, key, receiver) as unknown
      },
    })
    expect(issues(field, counted, { maxIssues: 2 })).toHaveLength(2)
    expect(reads).toBe(2)
    const strict = { unknownFields: 'reject', maxIssues: 2 } as const
    expect(told({ constructor: 'x', a: 1, b: 2, c: 3 }, strict)).toEqual([
      '/a unknown-field',
      ' too-many-issues',
    ])
  })
})

describe('depth', () => {
  const schema = catalog({
    main: {
      type: 'object',
      properties: {
        next: { type: 'ref', ref: '#main' },
        any: { type: 'union', refs: ['#main'] },
        list: { type: 'array', items: { type: 'ref', ref: '#main' } },
        text: { type: 'string', maxLength: 3 },
      },
    },
  }).schema(id)!
  const nested = (levels: number, make: (inner: object) => object): object => {
    let value: object = {}
    for (let i = 0; i < levels; i++) value = make(value)
    return value
  }

  it.each<[string, (inner: object) => object]>([
    ['refs', (next) => ({ next })],
    ['unions', (any) => ({ any: { ...any, $type: id } })],
    ['lists', (inner) => ({ list: [inner] })],
  ])('of %s is 256 at most', (_, make) => {
    expect(schema.validate(nested(256, make)).ok).toBe(true)
    const result = schema.validate(nested(257, make))
    expect(result.ok ? [] : result.issues.map(({ code }) => code)).toEqual(['too-deep'])
  })

  it('is not number', () => {
    const wide = { list: Array.from({ length: 1000 }, () => ({ next: {} })) }
    expect(schema.validate(wide).ok).toBe(true)
  })

  it('ends a rewrite too', () => {
    const deep = nested(50_000, (next) => ({ next }))
    for (const options of [{ truncate: true }, { defaults: true }]) {
      expect(schema.validate(deep, options)).toMatchObject({ ok: false, issues: [{ code: 'too-deep' }] })
    }
  })
})

describe('unions', () => {
  const defs = {
    main: {
      type: 'object',
      properties: {
        open: { type: 'union', refs: ['com.absent.a', '#known', 'com.example.a'] },
        closed: { type: 'union', closed: true, refs: ['#known'] },
      },
    },
    known: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
  } as const satisfies Record<string, LexiconDef>
  const schema = catalog(defs, { absent: 'allow' }).schema(id)!
  const told = (value: unknown): string[] => {
    const result = schema.validate(value)
    return result.ok ? [] : result.issues.map(({ path, code }) => `${path} ${code}`)
  }

  it('check what they know, behind a variant that is absent too', () => {
    expect(told({ open: { $type: `${id}#known` } })).toEqual(['/open/n required'])
    expect(told({ open: { $type: `${id}#known`, n: 1 } })).toEqual([])
    expect(told({ open: { $type: 'com.absent.a', n: 'x' } })).toEqual([])
    expect(told({ open: { $type: 'com.other.b' } })).toEqual([])
    expect(told({ open: { $type: `${id}#main` } })).toEqual(['/open wrong-type'])
    expect(told({ open: { $type: 'blob' } })).toEqual(['/open invalid-type'])
    expect(told({ open: { $type: '' } })).toEqual(['/open missing-type'])
    expect(told({ open: {} })).toEqual(['/open missing-type'])
    expect(told({ open: 'x' })).toEqual(['/open invalid-type'])
    expect(told({ closed: { $type: 'com.other.b' } })).toEqual(['/closed unknown-variant'])
    expect(told({ closed: { $type: 'blob' } })).toEqual(['/closed unknown-variant'])
    expect(told({ closed: { $type: `${id}#known`, n: 1 } })).toEqual([])
  })
})

describe('documents', () => {
  it('that fail to compile fail each time', () => {
    const broken = catalog({
      main: { type: 'object', properties: { x: { type: 'nothing' } as never } },
    })
    for (let again = 0; again < 3; again++) {
      expect(() => broken.schema(id)!.validate({ x: 1 })).toThrow(
        expect.objectContaining({ code: 'invalid-lexicon' }),
      )
    }
  })

  it('may need themselves where there is a way out, and not where there is none', () => {
    const problems = (properties: Record<string, LexiconField>, nullable: string[] = []): string[] =>
      checkDocuments([
        document({ main: { type: 'object', required: Object.keys(properties), nullable, properties } }),
      ]).map(({ code }) => code)
    const self: LexiconField = { type: 'ref', ref: '#main' }
    expect(problems({ x: self })).toEqual(['endless-loop'])
    expect(problems({ x: self }, ['x'])).toEqual([])
    expect(problems({ x: { type: 'array', items: self } })).toEqual([])
    expect(problems({ x: { type: 'array', items: self, minLength: 0 } })).toEqual([])
    expect(problems({ x: { type: 'array', items: self, minLength: 1 } })).toEqual(['endless-loop'])
    expect(problems({ x: { type: 'object', properties: { y: self } } })).toEqual([])
    expect(problems({ x: { type: 'object', required: ['y'], properties: { y: self } } })).toEqual([
      'endless-loop',
    ])
    expect(problems({ x: { type: 'union', refs: ['#main'] } })).toEqual([])
    // What it needs is not there: that is told once, and is no loop.
    const gone: LexiconField = { type: 'ref', ref: 'com.example.nowhere#gone' }
    expect(problems({ x: gone })).toEqual(['dangling-ref'])
    const own = document({ main: { type: 'object', required: ['x'], properties: { x: gone } } })
    expect(checkDocuments([own], { absent: 'allow' })).toEqual([])
  })

  it('are no definition of another kind', () => {
    const query = linkDef(id, { type: 'query' })
    const wrong = { code: 'wrong-definition', message: `not a record; ref=${id} type=query` }
    expect(() => defineRecord(query)).toThrow(expect.objectContaining(wrong))
    const record = { type: 'object', properties: {} } as const
    const beside = linkDef(`${id}#other`, { type: 'record', key: 'tid', record })
    expect(() => defineRecord(beside)).toThrow(
      expect.objectContaining({ ...wrong, message: `not a record; ref=${id}#other type=record` }),
    )
  })

  it('that were not checked together tell what they miss when it is needed', () => {
    const properties: Record<string, LexiconField> = { x: { type: 'ref', ref: '#toString' } }
    const schema = defineSchema(linkDef(id, { type: 'object', properties }))
    expect(() => schema.validate({ x: 1 })).toThrow(
      expect.objectContaining({
        code: 'dangling-ref',
        message: `no such definition; ref=#toString in=${id}`,
      }),
    )
  })

  it('depend on the others that they name, once each', () => {
    const refs = ['com.example.z', 'com.example.b#x', '#main', 'com.example.b#y', id]
    const own = document({ main: { type: 'object', properties: { x: { type: 'union', refs } } } })
    expect(dependencies(own)).toEqual(['com.example.b', 'com.example.z'])
    expect(checkDocuments([own]).map(({ path, code, ref }) => [path, code, ref])).toEqual([
      ['/defs/main/properties/x/refs/0', 'dangling-ref', 'com.example.z'],
      ['/defs/main/properties/x/refs/1', 'dangling-ref', 'com.example.b#x'],
      ['/defs/main/properties/x/refs/3', 'dangling-ref', 'com.example.b#y'],
    ])
    expect(checkDocuments([own], { absent: 'allow' })).toEqual([])
  })
})

it('hands on an object of another lexicon for an open union', () => {
  const object = { $type: 'com.example.other', n: 1 }
  expect(openVariant(object)).toBe(object)
})
