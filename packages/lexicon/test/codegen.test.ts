// What is printed of a document, to the letter. That it compiles and runs is shown where files are written (`lex-cli`).
import { describe, expect, it } from 'vitest'
import {
  comment,
  generateModule,
  literal,
  namespaceName,
  type GeneratedModule,
} from '../src/codegen/index.ts'
import { parseLexicon, type LexiconDocument } from '../src/index.ts'

const document = (id: string, defs: object): LexiconDocument => {
  const parsed = parseLexicon({ lexicon: 1, id, defs })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return parsed.value
}
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })
const shared = document('com.example.defs', {
  view: object({ name: { type: 'string' } }),
  params: { type: 'token' },
})
const post = document('com.example.post', { main: { type: 'record', key: 'tid', record: object({}) } })
const generate = (defs: object, id = 'com.example.thing', runtime?: string): GeneratedModule => {
  const own = document(id, defs)
  return generateModule(own, {
    documents: new Map([own, shared, post].map((one) => [one.id, one])),
    specifier: (nsid) => (nsid === 'com.example.post' ? 'other-package' : `./${nsid}`),
    ...(runtime === undefined ? {} : { runtime }),
  })
}
/** The members of an object with these fields, as they are printed. */
const members = (properties: object, more: object = {}): string =>
  /export type Main = \{\n {2}\$type\?: 'com.example.thing'\n(.*?)\n\}\n/s.exec(
    generate({ main: object(properties, more) }).ts,
  )![1]!
const member = (field: object): string => members({ x: field }).trim()

describe('a module', () => {
  it('of a record', () => {
    const { ts, js, dts } = generate({
      main: {
        type: 'record',
        key: 'tid',
        description: 'A thing.',
        record: object(
          { text: { type: 'string' }, view: { type: 'ref', ref: 'com.example.defs#view' } },
          { required: ['text'], nullable: ['view'] },
        ),
      },
    })
    expect(ts).toMatchSnapshot('ts')
    expect(js).toMatchSnapshot('js')
    expect(dts).toMatchSnapshot('dts')
  })

  it('of methods', () => {
    const parameters = {
      type: 'params',
      description: 'What is asked for.',
      required: ['q', 'limit'],
      properties: {
        q: { type: 'string' },
        limit: { type: 'integer', default: 50 },
        tags: { type: 'array', items: { type: 'string' } },
      },
    }
    const body = (schema: object): object => ({
      encoding: 'application/json',
      schema,
      description: 'A body.',
    })
    const errors = [{ name: 'NotFound' }, { name: 'Gone' }]
    const view = { type: 'ref', ref: 'com.example.defs#view' }
    for (const main of [
      { type: 'query', parameters, output: body(view), errors },
      { type: 'query' },
      {
        type: 'query',
        parameters: { type: 'params', properties: {} },
        output: { encoding: 'application/json' },
      },
      { type: 'procedure', input: body(object({})), output: { encoding: 'video/*' }, errors },
      { type: 'subscription', parameters, message: { schema: { type: 'union', refs: ['#event'] } }, errors },
      { type: 'subscription' },
    ]) {
      const event = main.type === 'subscription' ? { event: object({}) } : {}
      const { ts, js, dts } = generate({ main, ...event })
      expect(`${ts}\n${js}\n${dts}`).toMatchSnapshot()
    }
  })

  it('of definitions beside', () => {
    const { ts, js, dts } = generate(
      {
        delete: { type: 'token', description: 'A word.' },
        'odd-name': object({}),
        list: { type: 'array', items: { type: 'union', refs: ['com.example.post', '#odd-name'] } },
        AtUri: { type: 'string', format: 'at-uri' },
      },
      'com.example.thing',
      './runtime.ts',
    )
    expect(`${ts}\n${js}\n${dts}`).toMatchSnapshot()
  })

  it('of a permission set', () => {
    const permissions = [{ type: 'permission', resource: 'repo', collection: ['com.example.post'] }]
    expect(generate({ main: { type: 'permission-set', title: 'All', permissions } }).ts).toMatchSnapshot()
  })

  it('has names of its own: for keywords, for what it imports, for what methods have, for two that look alike', () => {
    const names = (defs: object): string[] =>
      [...generate(defs).ts.matchAll(/^export (?:type|const|function) ([\w$]+)/gm)].map(([, name]) => name!)
    const record = { type: 'record', key: 'tid', record: object({}) }
    expect(names({ main: record })).toEqual(['Main', '$main', 'main', 'Thing', 'isThing', 'createThing'])
    expect(names({ main: record, thing: object({}) })).toEqual([
      'Main',
      '$main',
      'main',
      'Thing',
      '$thing',
      'thing',
    ])
    expect(names({ main: record, isThing: object({}) })).toEqual([
      'Main',
      '$main',
      'main',
      'IsThing',
      '$isThing',
      'isThing',
    ])
    expect(names({ main: record, createThing: object({}) })).not.toContain('Thing')
    expect(names({ class: object({}), did: object({}), 'a-b': object({}), aB: object({}) })).toEqual([
      'Class',
      '$class',
      'class_',
      'Did_',
      '$did',
      'did',
      'AB',
      '$aB',
      'aB',
      'AB_',
      '$aB_',
      'aB_',
    ])
    expect(names({ $view: object({}), view: object({}) })).toEqual([
      '$view',
      '$$view',
      '$view',
      'View',
      '$view_',
      'view',
    ])
    expect(names({ main: { type: 'query' } })).toEqual([
      'Params',
      'DecodedParams',
      'Output',
      'ErrorName',
      'main',
    ])
    expect(names({ main: { type: 'query' }, output: object({}) })).toContain('Output_')
    expect(names({ output: object({}) })).toContain('Output')
    expect(names({ main: { type: 'query' } })).not.toContain('isThing')
  })

  it('names a type of another document as that document’s module does', () => {
    expect(member({ type: 'ref', ref: 'com.example.defs#params' })).toBe('x?: ComExampleDefs.Params')
    expect(member({ type: 'ref', ref: 'com.example.nowhere#a-b' })).toBe('x?: ComExampleNowhere.AB')
  })
})

describe('a field', () => {
  it.each<[string, object]>([
    ['boolean', { type: 'boolean' }],
    ['true', { type: 'boolean', const: true }],
    ['number', { type: 'integer' }],
    ['3', { type: 'integer', const: 3 }],
    ['1 | 2', { type: 'integer', enum: [1, 2] }],
    ['string', { type: 'string' }],
    ["'it\\'s'", { type: 'string', const: "it's" }],
    ["'a' | 'b'", { type: 'string', enum: ['a', 'b'] }],
    ["'a' | (string & {})", { type: 'string', knownValues: ['a'] }],
    ['string', { type: 'string', knownValues: [] }],
    ["'at://x' | (AtUri & {})", { type: 'string', format: 'at-uri', knownValues: ['at://x'] }],
    ['Datetime', { type: 'string', format: 'datetime' }],
    ['Uint8Array', { type: 'bytes' }],
    ['CID', { type: 'cid-link' }],
    ['BlobRef', { type: 'blob' }],
    ['DataObject', { type: 'unknown' }],
    ['Main', { type: 'ref', ref: '#main' }],
    ["Typed<Main, 'com.example.thing'> | UnknownVariant", { type: 'union', refs: ['#main'] }],
    ["Typed<Main, 'com.example.thing'>", { type: 'union', closed: true, refs: ['#main'] }],
    ['string[]', { type: 'array', items: { type: 'string' } }],
    ["('a' | 'b')[]", { type: 'array', items: { type: 'string', enum: ['a', 'b'] } }],
    ['DataObject', { type: 'object', properties: {} }],
    ['{\n    y?: number\n  }', object({ y: { type: 'integer' } })],
  ])('has the type %s', (type, field) => {
    expect(member(field)).toBe(`x?: ${type}`)
  })

  it.each<[string, object]>([
    [
      '(1 to 2 graphemes; 3 to 4 bytes)',
      { type: 'string', minGraphemes: 1, maxGraphemes: 2, minLength: 3, maxLength: 4 },
    ],
    ['(at most 4 bytes)', { type: 'string', minLength: 0, maxLength: 4 }],
    ['(at least 3 bytes)', { type: 'string', minLength: 3 }],
    ['(at least 3 bytes)', { type: 'bytes', minLength: 3 }],
    ['(at most 5 items)', { type: 'array', items: { type: 'boolean' }, maxLength: 5 }],
    ['(at most 9 bytes; image/*, video/mp4)', { type: 'blob', maxSize: 9, accept: ['image/*', 'video/mp4'] }],
    ['(1 to 9)', { type: 'integer', minimum: 1, maximum: 9 }],
    ['(at least 0)', { type: 'integer', minimum: 0 }],
    ['(at most 0)', { type: 'integer', maximum: 0 }],
    ['@default 7', { type: 'integer', default: 7 }],
    ['What it is.', { type: 'boolean', description: 'What it is.' }],
  ])('tells what its type cannot: %s', (doc, field) => {
    expect(member(field).split('\n')[0]).toBe(`/** ${doc} */`)
  })

  it('tells nothing where there is nothing to tell', () => {
    for (const field of [{ minLength: 0 }, { description: '' }, {}])
      expect(member({ type: 'string', ...field })).toBe('x?: string')
  })

  it('is marked when it is deprecated', () => {
    expect(members({ x: { type: 'boolean', description: 'DEPRECATED: use y.' } })).toBe(
      '  /**\n   * DEPRECATED: use y.\n   * @deprecated\n   */\n  x?: boolean',
    )
    expect(member({ type: 'boolean', description: 'Not deprecated.' })).toContain('/** Not deprecated. */')
  })

  it('is required, nullable, quoted', () => {
    expect(
      members({ a: { type: 'boolean' }, 'b-c': { type: 'boolean' } }, { required: ['a'], nullable: ['b-c'] }),
    ).toBe("  a: boolean\n  'b-c'?: boolean | null")
  })

  it('of many variants has a line for each', () => {
    const refs = ['#main', 'com.example.post', 'com.example.defs#view']
    expect(member({ type: 'union', refs })).toBe(`x?:
    | Typed<Main, 'com.example.thing'>
    | Typed<ComExamplePost.Main, 'com.example.post'>
    | Typed<ComExampleDefs.View, 'com.example.defs#view'>
    | UnknownVariant`)
  })
})

describe('text', () => {
  it('in a comment cannot end it, and is broken at a hundred columns', () => {
    expect(comment('')).toBe('')
    expect(comment('\n\n')).toBe('')
    expect(comment('one */ two')).toBe('/** one * / two */\n')
    expect(comment('one\n\ntwo\n', 2)).toBe('  /**\n   * one\n   *\n   * two\n   */\n')
    expect(comment(`${'x'.repeat(49)} ${'y'.repeat(50)}`)).toBe(
      `/** ${'x'.repeat(49)} ${'y'.repeat(50)} */\n`,
    )
    expect(comment(`${'x'.repeat(50)} ${'y'.repeat(50)}`)).toBe(
      `/**\n * ${'x'.repeat(50)}\n * ${'y'.repeat(50)}\n */\n`,
    )
    expect(comment('z'.repeat(150))).toBe(`/** ${'z'.repeat(150)} */\n`)
  })

  it('in a literal cannot end it', () => {
    expect(literal(`a'b"c\\d\n\u2028\u2029`)).toBe(`'a\\'b"c\\\\d\\n\\u2028\\u2029'`)
  })

  it('of an NSID becomes a name', () => {
    expect(namespaceName('com.example-site.getThing')).toBe('ComExampleSiteGetThing')
    expect(namespaceName('com.4chan.x')).toBe('Com_4chanX')
  })
})
