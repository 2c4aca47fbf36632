// A record's fields as people read them.

import { cidForRaw, type DataObject } from '@avocet/data'
import { createCatalog, parseLexicon } from '@avocet/lexicon'
import { describe, expect, test } from 'vitest'
import { readFields } from '../src/queries/record-fields.ts'

const NOTE = 'com.example.note'
function lexicon(properties: object, others: object = {}) {
  const parsed = parseLexicon({
    lexicon: 1,
    id: NOTE,
    defs: {
      main: { type: 'record', key: 'tid', record: { type: 'object', properties } },
      ...others,
    },
  })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed))
  return createCatalog([parsed.value])
}
const none = createCatalog([])
const fieldsOf = (catalog: ReturnType<typeof createCatalog>, record: DataObject) =>
  readFields(catalog, NOTE, record).fields.map(({ depth, name, type, detail, value }) =>
    [depth, name, type, detail, value].join('|'),
  )

describe('by its lexicon', () => {
  test('types, formats and descriptions, through references, lists and unions', () => {
    const catalog = lexicon(
      {
        at: { type: 'string', format: 'datetime', description: 'when <b>seen</b>' },
        about: { type: 'ref', ref: '#target' },
        parts: { type: 'array', items: { type: 'union', refs: ['#word', '#target'] } },
      },
      {
        target: { type: 'object', properties: { uri: { type: 'string', format: 'at-uri' } } },
        word: { type: 'object', properties: { text: { type: 'string' } } },
      },
    )
    const uri = 'at://did:web:a.example/com.example.note/b'
    const record = {
      $type: NOTE,
      at: '2026-01-01T00:00:00Z',
      about: { uri },
      parts: [
        { $type: `${NOTE}#word`, text: 'w' },
        { $type: 'com.example.other', uri },
      ],
      more: 5,
    }
    expect(fieldsOf(catalog, record)).toEqual([
      `0|$type|string||${NOTE}`,
      '0|at|string|datetime|2026-01-01T00:00:00Z',
      `0|about|object|${NOTE}#target|`,
      `1|uri|string|at-uri|${uri}`,
      '0|parts|array||',
      `1|[0]|object|${NOTE}#word|`,
      `2|$type|string||${NOTE}#word`,
      '2|text|string||w',
      '1|[1]|union|com.example.other|',
      '2|$type|string||com.example.other',
      `2|uri|string||${uri}`,
      '0|more|integer||5',
    ])
    const { fields } = readFields(catalog, NOTE, record)
    expect(fields[1]!.description).toBe('when <b>seen</b>')
    expect(fields.filter(({ declared }) => !declared).map(({ name }) => name)).toEqual(['uri', 'more'])
  })

  test('a field named as what objects inherit is not declared', () => {
    const fields = readFields(
      lexicon({ a: { type: 'string' } }),
      NOTE,
      JSON.parse('{"constructor":1,"__proto__":2}'),
    )
    expect(fields.fields.map(({ name, declared }) => [name, declared])).toEqual([
      ['constructor', false],
      ['__proto__', false],
    ])
  })
})

describe('without one', () => {
  test('what values are', () => {
    const ref = cidForRaw(new Uint8Array([1]))
    const record = {
      link: ref,
      bytes: new Uint8Array(3),
      blob: { $type: 'blob', ref, mimeType: 'image/png', size: 5 },
      no: null,
      yes: true,
    }
    expect(fieldsOf(none, record as unknown as DataObject)).toEqual([
      `0|link|cid-link||${ref.toString()}`,
      '0|bytes|bytes||3 bytes',
      `0|blob|blob||image/png, 5 bytes, ${ref.toString()}`,
      '0|no|null||',
      '0|yes|boolean||true',
    ])
  })

  test.each([
    ['wide', Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`k${i}`, i]))],
    ['a list', { list: Array.from({ length: 40_000 }, (_, i) => i) }],
    ['lists in lists', { list: Array.from({ length: 200 }, () => Array.from({ length: 200 }, (_, i) => i)) }],
  ])('%s: 500 fields, the first ones', (_, record) => {
    const { fields, isCut } = readFields(none, NOTE, record)
    expect([fields.length, isCut, fields[2]!.value]).toEqual([500, true, expect.anything()])
  })

  test('500 are all there are', () => {
    const record = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]))
    expect(readFields(none, NOTE, record)).toMatchObject({ isCut: false, fields: { length: 500 } })
  })

  test('texts and names are cut, and say so', () => {
    const { fields } = readFields(none, NOTE, {
      a: 'x'.repeat(3000),
      b: 'x'.repeat(3001),
      ['n'.repeat(900)]: 1,
    })
    expect(fields.map(({ name, value, cutFrom }) => [name.length, String(value).length, cutFrom])).toEqual([
      [1, 3000, null],
      [1, 3000, 3001],
      [200, 1, null],
    ])
  })

  test('what is deeper than anybody reads is left out', () => {
    let record: DataObject = {}
    for (let i = 0; i < 60; i++) record = { in: record }
    expect(readFields(none, NOTE, record).fields).toHaveLength(25)
  })
})
