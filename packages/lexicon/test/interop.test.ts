// The vectors of bluesky-social/atproto-interop-tests, lexicon/.
import { fromJson } from '@avocet/data'
import { readFixtureText } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import { createCatalog } from '../src/catalog.ts'
import type { LexiconDocument } from '../src/document.ts'
import { parseLexicon } from '../src/parse/parse.ts'
import type { Validation } from '../src/validation.ts'

type DocumentCase = { name: string; lexicon: unknown }
type RecordCase = { name: string; rkey: string; data: unknown }

async function load<T>(file: string): Promise<T | null> {
  const text = await readFixtureText(`interop/lexicon/${file}`)
  return text === null ? null : (JSON.parse(text) as T)
}

const valid = await load<DocumentCase[]>('lexicon-valid.json')
const invalid = await load<DocumentCase[]>('lexicon-invalid.json')
const goodRecords = await load<RecordCase[]>('record-data-valid.json')
const badRecords = await load<RecordCase[]>('record-data-invalid.json')
const names = ['permission-set', 'procedure', 'query', 'record', 'subscription']
const catalogFiles = await Promise.all(names.map((name) => load<unknown>(`catalog/${name}.json`)))
const present = valid && invalid && goodRecords && badRecords

describe.skipIf(!present)('documents', () => {
  it.each(valid ?? [])('takes: $name', ({ lexicon }) => {
    expect(parseLexicon(lexicon)).toEqual({ ok: true, value: lexicon })
  })

  it.each(invalid ?? [])('refuses: $name', ({ lexicon }) => {
    const result = parseLexicon(lexicon)
    expect(result.ok).toBe(false)
    expect(result.ok || result.error.issues.length).toBeGreaterThan(0)
  })
})

describe.skipIf(!present)('records', () => {
  const catalog = createCatalog(
    catalogFiles
      .filter((file) => file !== null)
      .map((file): LexiconDocument => {
        const parsed = parseLexicon(file)
        if (!parsed.ok) throw new Error(parsed.error.message)
        return parsed.value
      }),
    // The procedure refers to a document of app.bsky, which is not among the vectors.
    { absent: 'allow' },
  )
  const validate = ({ rkey, data }: RecordCase): Validation<unknown> => {
    try {
      return catalog.validateRecord(fromJson(data), { rkey })
    } catch (error) {
      // The JSON form itself is refused, before any schema.
      return { ok: false, issues: [{ path: '', code: 'invalid-type', message: String(error) }] }
    }
  }

  it('has every primary type in the catalog', () => {
    expect([...catalog.nsids()].map((nsid) => catalog.def(nsid)?.type)).toEqual(names)
    expect(catalog.permissionSet('example.lexicon.permissionset')?.permissions).toHaveLength(6)
    expect(catalog.method('example.lexicon.query')?.type).toBe('query')
    expect(catalog.method('example.lexicon.procedure')?.type).toBe('procedure')
    expect(catalog.method('example.lexicon.subscription')?.type).toBe('subscription')
  })

  it.each(goodRecords ?? [])('takes: $name', (record) => {
    expect(validate(record)).toMatchObject({ ok: true })
  })

  it.each(badRecords ?? [])('refuses: $name', (record) => {
    const result = validate(record)
    expect(result.ok).toBe(false)
    expect(result.ok || result.issues.length).toBeGreaterThan(0)
  })

  it('refuses a record under a key of the wrong type', () => {
    const data = goodRecords![0]!.data
    expect(validate({ name: '', rkey: 'other', data })).toMatchObject({
      ok: false,
      issues: [{ path: '', code: 'record-key' }],
    })
  })
})
