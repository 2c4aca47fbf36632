// Documents that come at run time, for a catalog that is there.
import { describe, expect, it } from 'vitest'
import { createCatalog, LexiconError, parseLexicon, type LexiconDocument } from '../src/index.ts'
import { defsJson, noteJson } from './documents.ts'

const getJson = {
  lexicon: 1,
  id: 'com.example.get',
  defs: {
    main: {
      type: 'query',
      output: { encoding: 'application/json', schema: { type: 'ref', ref: 'com.example.defs#view' } },
    },
  },
}
const parse = (json: unknown): LexiconDocument => {
  const parsed = parseLexicon(json)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}
const note = (max: number): LexiconDocument => parse(noteJson(max))
const record = (text: string): object => ({ $type: 'com.example.note', text })

describe('catalog.with', () => {
  it('is a catalog with more documents; the one it comes from stays as it is', () => {
    const first = createCatalog([note(3)])
    const second = first.with([parse(getJson), parse(defsJson)])
    expect([...second.nsids()]).toEqual(['com.example.note', 'com.example.get', 'com.example.defs'])
    expect([...first.nsids()]).toEqual(['com.example.note'])
    expect(first.method('com.example.get')).toBeUndefined()
    expect(second.method('com.example.get')?.type).toBe('query')
    expect(second.validateRecord(record('abc')).ok).toBe(true)
  })

  it('takes a document in place of one with its name', () => {
    const first = createCatalog([note(3)])
    const second = first.with([note(5)])
    expect([first, second].map((catalog) => catalog.validateRecord(record('abcde')).ok)).toEqual([
      false,
      true,
    ])
    expect(second.with([]).validateRecord(record('abcde')).ok).toBe(true)
  })

  it('checks that all of them fit together, by the options of the first', () => {
    const first = createCatalog([note(3)])
    expect(() => first.with([parse(getJson)])).toThrow(
      expect.objectContaining({ code: 'dangling-ref' }) as LexiconError,
    )
    expect(() => first.with([note(4), note(5)])).toThrow(
      expect.objectContaining({ code: 'duplicate-lexicon' }) as LexiconError,
    )
    const lax = createCatalog([note(3)], { absent: 'allow' })
    expect(lax.with([parse(getJson)]).method('com.example.get')).toBeDefined()
    // What a first lacked, a second may bring.
    expect(
      lax
        .with([parse(getJson)])
        .with([parse(defsJson)])
        .schema('com.example.defs#view')
        ?.is({ n: 1 }),
    ).toBe(true)
  })
})
