// Lexicons by their NSIDs: found once, kept with their hashes, and asked for again only when somebody says so.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cidForCbor, type DataObject } from '@avocet/data'
import { encode } from '@avocet/cbor'
import type { LexiconDocument, LexiconResolver } from '@avocet/lexicon'
import type { Did, Nsid } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Lexicons, loadLexiconsOf } from '../src/lexicons/load.ts'
import { documents, LIKE, NOTE } from './support/notes.ts'

let folder: string
let lockFile: string
let published: Map<string, LexiconDocument>
let asked: string[]
const said: string[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'))
  lockFile = join(folder, 'lexicons.lock.json')
  published = new Map(documents().map((document) => [document.id, document]))
  asked = []
  said.length = 0
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Whoever publishes them. */
const resolver: LexiconResolver = {
  resolve: (nsid) => {
    asked.push(nsid)
    const document = published.get(nsid)
    if (document === undefined) {
      return Promise.resolve({
        ok: false,
        error: { code: 'no-authority', message: 'nobody publishes it', nsid },
      })
    }
    const did: Did = 'did:web:example.com'
    const uri = `at://${did}/com.atproto.lexicon.schema/${nsid}` as const
    const cid = cidForCbor(encode(document as unknown as DataObject))
    return Promise.resolve({ ok: true, value: { nsid: nsid as Nsid, document, did, uri, cid } })
  },
  purge: () => {},
}
const load = async (items: readonly string[], update = false): Promise<Lexicons> => {
  const onLog = (line: string) => said.push(line)
  const { lexicons, keep } = await loadLexiconsOf(items, { resolver, lockFile, update, onLog })
  keep()
  return lexicons
}
const locked = (): string[] =>
  Object.keys((JSON.parse(readFileSync(lockFile, 'utf8')) as { lexicons: object }).lexicons)
/** Notes whose replies are described elsewhere. */
const withDefs = (): void => {
  const [note] = structuredClone(documents()) as any[]
  note.defs.main.record.properties.reply = { type: 'ref', ref: 'com.example.defs' }
  published.set(NOTE, note)
  const defs: any = { lexicon: 1, id: 'com.example.defs', defs: { main: { type: 'object', properties: {} } } }
  published.set('com.example.defs', defs)
}

test('a lexicon comes with all that it refers to, and is asked for once', async () => {
  withDefs()
  const { collections, catalog } = await load([NOTE])
  expect([collections, asked.toSorted(), locked()]).toEqual([
    [NOTE],
    ['com.example.defs', NOTE],
    ['com.example.defs', NOTE],
  ])
  expect(catalog.get('app.bsky.feed.post')).toBeDefined()
  expect(said).toContainEqual(expect.stringContaining(`lexicon ${NOTE} of at://did:web:example.com/`))
  published.clear()
  asked = []
  said.length = 0
  expect((await load([NOTE])).collections).toEqual([NOTE])
  expect([asked, said]).toEqual([[], []])
})

test('one more is asked for alone; what is not named any more goes', async () => {
  withDefs()
  await load([NOTE])
  asked = []
  await load([NOTE, LIKE])
  expect([asked, locked()]).toEqual([[LIKE], ['com.example.defs', LIKE, NOTE]])
  await load([LIKE])
  expect(locked()).toEqual([LIKE])
})

test('what was published anew is taken when it is asked for, and kept when it cannot be had', async () => {
  await load([NOTE])
  published.set(NOTE, documents(true)[0]!)
  const title = ({ catalog }: Lexicons): unknown =>
    (catalog.def(NOTE) as any).record.properties.title.maxLength
  expect(title(await load([NOTE]))).toBe(undefined)
  expect(title(await load([NOTE], true))).toBe(3)
  published.clear()
  expect(title(await load([NOTE], true))).toBe(3)
  expect(said.at(-1)).toContain('nobody publishes it')
})

test('one that nobody publishes is told, with who needs it', async () => {
  withDefs()
  published.delete('com.example.defs')
  await expect(load([NOTE])).rejects.toThrow(`com.example.defs, which ${NOTE} refers to: nobody publishes it`)
  await expect(load(['com.example.nothing'], true)).rejects.toMatchObject({ code: 'bad-config' })
})

test('a folder comes before the network, and bundled ones need neither', async () => {
  const own = join(folder, 'own')
  mkdirSync(own)
  writeFileSync(join(own, 'note.json'), JSON.stringify(documents(true)[0]))
  writeFileSync(join(own, 'lexicons.lock.json'), '{}')
  const { collections } = await load([own, NOTE, LIKE, 'app.bsky.feed.post'])
  expect([asked, collections]).toEqual([[LIKE], [NOTE, LIKE, 'app.bsky.feed.post']])
})

test.each([
  ['it is not JSON', () => 'no'],
  ['another version', (text: string) => text.replace('"version": 1', '"version": 2')],
  ['another document', (text: string) => text.replace('"type": "integer"', '"type": "boolean"')],
  ['another name', (text: string) => text.replace(`"${NOTE}": {`, `"${LIKE}": {`)],
])('a lock file is refused: %s', async (_, change) => {
  await load([NOTE])
  writeFileSync(lockFile, change(readFileSync(lockFile, 'utf8')))
  await expect(load([NOTE])).rejects.toThrow('delete it to ask the network')
})
