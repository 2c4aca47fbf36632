import { describe, expect, it } from 'vitest'
import { loadBundled } from '../src/bundled.ts'
import { check } from '../src/check.ts'
import { formatProblems } from '../src/problem.ts'
import { folder, lexicon, record } from './support.ts'

async function rules(file: unknown, name = 'com/example/thing.json'): Promise<string[]> {
  const root = await folder({ [name]: file })
  const { problems } = await check({ paths: [root], base: root })
  return problems.map((problem) => `${problem.rule} ${problem.path}`)
}

const thing = (main: object, defs?: object) => lexicon('com.example.thing', main, defs)
const P = '/defs/main/record/properties'
const text = { type: 'string', maxLength: 100, maxGraphemes: 10 }
const query = (rest: object) => ({
  type: 'query',
  description: 'Gets it.',
  output: { encoding: 'application/json', schema: { type: 'object', properties: {} } },
  ...rest,
})

describe('check', () => {
  it('has nothing to say of a good lexicon', async () => {
    expect(await rules(thing(record({ text, createdAt: { type: 'string', format: 'datetime' } })))).toEqual(
      [],
    )
  })

  it('says where a document is wrong, with a hint', async () => {
    const root = await folder({
      'com/example/thing.json': `{
  "lexicon": 1,
  "id": "com.example.thing",
  "defs": {
    "main": { "type": "record", "key": "tid", "record": { "type": "object", "properties": {
      "text": { "type": "string", "maxLength": "long" }
    } } }
  }
}`,
      'broken.json': '{ "lexicon": 1, }',
    })
    const { problems } = await check({ paths: [root], base: root })
    expect(formatProblems(problems)).toBe(
      [
        `broken.json error [json]: ${problems[0]!.message}`,
        '    hint: the file is no JSON: look for a missing or spare comma',
        `com/example/thing.json:6:48 error [lexicon] ${P}/text/maxLength: must be a length`,
        '    hint: https://atproto.com/specs/lexicon',
      ].join('\n'),
    )
  })

  it('follows references, into the bundled documents too', async () => {
    const ref = (to: string) => ({ type: 'ref', ref: to })
    const root = await folder({
      'com/example/thing.json': thing(
        record({ a: ref('com.atproto.repo.strongRef'), b: ref('com.atproto.repo.nothing'), c: ref('#gone') }),
      ),
    })
    const { problems } = await check({ paths: [root], base: root, bundled: await loadBundled() })
    expect(problems.map((problem) => [problem.rule, problem.path, problem.line])).toEqual([
      ['reference', `${P}/b/ref`, 18],
      ['reference', `${P}/c/ref`, 22],
    ])
  })

  it('reports what cannot be read', async () => {
    const root = await folder({ 'a.json': thing(record({})), 'b/a.json': thing(record({})) })
    const { problems } = await check({ paths: [root, `${root}/none`], base: root })
    expect(problems.map((problem) => problem.rule).toSorted()).toEqual(['file', 'file-name', 'lexicon'])
  })
})

describe('the style guide', () => {
  const field = (of: object, name = 'x') => thing(record({ [name]: of }))
  const cases: [string, unknown, string[]][] = [
    ['names of fields', field(text, 'Some_name'), [`field-case ${P}/Some_name`]],
    ['reserved names', field(text, '$x'), [`reserved-name ${P}/$x`]],
    ['vague names', field({ type: 'string', format: 'uri' }, 'uri'), [`field-description ${P}/uri`]],
    ['misspelt keys', field({ ...text, maxlength: 5 }), [`unknown-key ${P}/x/maxlength`]],
    ['strings without limits', field({ type: 'string' }), [`string-limit ${P}/x`]],
    [
      'strings with two limits',
      field({ type: 'string', format: 'did', maxLength: 5 }),
      [`format-and-length ${P}/x`],
    ],
    ['graphemes alone', field({ type: 'string', maxGraphemes: 10 }), [`graphemes-without-bytes ${P}/x`]],
    ['odd ratios', field({ type: 'string', maxGraphemes: 10, maxLength: 50 }), [`graphemes-ratio ${P}/x`]],
    ['enums', field({ type: 'string', enum: ['a'] }), [`closed-enum ${P}/x`]],
    ['enums of numbers', field({ type: 'integer', enum: [1] }), [`closed-enum ${P}/x`]],
    [
      'closed unions',
      field({ type: 'union', refs: ['com.example.thing'], closed: true }),
      [`closed-union ${P}/x`],
    ],
    ['unknown data in records', field({ type: 'unknown' }), [`unknown-in-record ${P}/x`]],
    ['true by default', field({ type: 'boolean', default: true }), [`boolean-default ${P}/x`]],
    ['handles in records', field({ type: 'string', format: 'at-identifier' }), [`handle-in-record ${P}/x`]],
    [
      'values in odd cases',
      field({ ...text, knownValues: ['ok-so', 'Not so', 'com.example.defs#token'] }),
      [`value-case ${P}/x/knownValues/1`],
    ],
    [
      'names of definitions',
      thing(record({}), { Some_def: { type: 'token' } }),
      ['name-case /defs/Some_def'],
    ],
    ['generic names', thing(record({}), { length: { type: 'token' } }), ['generic-name /defs/length']],
    ['no description', thing({ ...record({}), description: undefined }), ['description /defs/main']],
    ['verbs of queries', lexicon('com.example.createThing', query({})), ['method-verb /id', 'file-name /id']],
    [
      'verbs of procedures',
      lexicon('com.example.getThing', { ...query({}), type: 'procedure' }),
      ['method-verb /id', 'file-name /id'],
    ],
    ['names of subscriptions', thing({ type: 'subscription', description: 'x' }), ['method-verb /id']],
    ['plurals', lexicon('com.example.things', record({})), ['record-name /id', 'file-name /id']],
    ['no output', thing(query({ output: undefined })), ['output /defs/main']],
    [
      'names of errors',
      thing(query({ errors: [{ name: 'not_found' }] })),
      ['error-case /defs/main/errors/0/name'],
    ],
    [
      'bare arrays',
      thing(
        query({
          output: {
            encoding: 'application/json',
            schema: {
              type: 'object',
              properties: { dids: { type: 'array', items: { type: 'string', format: 'did' } } },
            },
          },
        }),
      ),
      ['array-of-values /defs/main/output/schema/properties/dids'],
    ],
    [
      'pages',
      thing(
        query({
          parameters: {
            type: 'params',
            required: ['cursor'],
            properties: { cursor: { type: 'integer' }, who: { type: 'string', format: 'handle' } },
          },
        }),
      ),
      [
        'cursor /defs/main/parameters',
        'cursor /defs/main/parameters/required',
        'cursor /defs/main/parameters/properties/cursor',
        'at-identifier /defs/main/parameters/properties/who',
        'cursor /defs/main/output/schema',
      ],
    ],
  ]
  it.each(cases)('%s', async (_, file, expected) => {
    expect((await rules(file)).toSorted()).toEqual(expected.toSorted())
  })

  it('knows names that are both a schema and a group', async () => {
    const root = await folder({
      'thing.json': thing(record({})),
      'part.json': lexicon('com.example.thing.part', record({})),
    })
    const { problems } = await check({ paths: [root], base: root })
    expect(problems.map((problem) => problem.rule)).toEqual(['group-name'])
  })

  it('can be told what to leave out', async () => {
    const root = await folder({ 'com/example/thing.json': field({ type: 'string' }) })
    expect((await check({ paths: [root], ignore: ['string-limit'] })).problems).toEqual([])
  })
})
