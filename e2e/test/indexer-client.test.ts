// From a lexicon of one's own to a typed client of an indexer: notes are written through a PDS, the indexer is asked what it serves,
// avocet-lex generates a client from that, and a program with it finds the notes by their fields and words.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type Network, procedure, startNetwork } from '../support/network.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const NOTE = 'com.example.note'
const note = {
  lexicon: 1,
  id: NOTE,
  defs: {
    main: {
      type: 'record',
      key: 'any',
      record: {
        type: 'object',
        required: ['text', 'createdAt'],
        properties: {
          text: { type: 'string', maxLength: 3000 },
          topic: { type: 'string', maxLength: 100 },
          parent: { type: 'ref', ref: 'com.atproto.repo.strongRef' },
          createdAt: { type: 'string', format: 'datetime' },
        },
      },
    },
  },
}
/** A query of the author's own, and how it is answered. */
const byTopic = {
  lexicon: 1,
  id: 'com.example.getTopic',
  defs: {
    main: {
      type: 'query',
      parameters: { type: 'params', required: ['topic'], properties: { topic: { type: 'string' } } },
      output: {
        encoding: 'application/json',
        schema: {
          type: 'object',
          required: ['notes'],
          properties: { notes: { type: 'array', items: { type: 'ref', ref: '#view' } } },
        },
      },
    },
    view: {
      type: 'object',
      required: ['note', 'answers'],
      properties: {
        note: { type: 'ref', ref: NOTE },
        answers: { type: 'integer' },
        parent: { type: 'string', format: 'at-uri' },
      },
    },
  },
}
const queries = {
  'com.example.getTopic': {
    list: NOTE,
    parameters: { topic: 'topic' },
    constants: { order: 'asc' },
    output: {
      notes: {
        $each: {
          note: 'value',
          answers: `count ${NOTE}:parent.uri`,
          parent: { $behind: 'parent.uri', $as: 'uri' },
        },
      },
    },
  },
}
const PROGRAM = `
import { createClient } from '@avocet/xrpc-client'
import { createMethods } from './code/client.ts'

declare const process: { readonly argv: readonly string[] }

const { com } = createMethods(createClient({ service: process.argv[2]! }))
const listed = await com.example.note.listRecords({
  params: { topic: ['birds'], order: 'asc', hydrate: ['parentUri'], linked: ['com.example.note:parent.uri'] },
})
if (!listed.ok) throw listed.error
const found = await com.example.note.searchRecords({ params: { q: 'heron*' } })
if (!found.ok) throw found.error
const counted = await com.example.note.countRecords({ params: { interval: 'day' } })
if (!counted.ok) throw counted.error
const own = await com.example.getTopic({ params: { topic: 'birds' } })
if (!own.ok) throw own.error
const answers: string[] = own.value.notes.map(({ note, answers, parent }) => note.text + ': ' + answers + ' ' + (parent === undefined))
const refused = await com.example.note.listRecords({ params: { createdAtExists: false } })
const texts: string[] = listed.value.records.map(({ value }) => value.text)
const links: number[] = listed.value.records.map(({ linked = [] }) => linked[0]?.count ?? -1)
const marked: number[] = found.value.records.flatMap(({ highlights }) => highlights.map(({ ranges }) => ranges[0]!.byteEnd))
const error: string | null = refused.ok ? null : refused.error.error
// @ts-expect-error -- there is no such field
const wrong = () => com.example.note.listRecords({ params: { colour: 'red' } })
console.log(JSON.stringify({ texts, answers, links, marked, error, included: listed.value.included?.length, count: counted.value.count, buckets: counted.value.buckets, wrong: typeof wrong }))
`

let folder: string
let network: Network
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-client-'))
  mkdirSync(join(folder, 'lexicons'))
  writeFileSync(join(folder, 'lexicons', 'note.json'), JSON.stringify(note))
  writeFileSync(join(folder, 'lexicons', 'topic.json'), JSON.stringify(byTopic))
  writeFileSync(join(folder, 'queries.json'), JSON.stringify(queries))
  network = await startNetwork([
    `--collections=${NOTE}`,
    `--lexicons=${join(folder, 'lexicons')}`,
    `--index=${NOTE}:createdAt,topic+createdAt`,
    `--search=${NOTE}:text`,
    `--queries=${join(folder, 'queries.json')}`,
  ])
}, 60_000)
afterAll(async () => {
  await network?.stop()
  rmSync(folder, { recursive: true, force: true })
})

test(
  'a client that was generated from what the indexer serves finds what was written',
  { timeout: 120_000 },
  async () => {
    const account = { handle: 'ada.test', email: 'ada@example.com', password: 'correct horse' }
    const created = await procedure<{ did: string; accessJwt: string }>(
      network.pds.url,
      'com.atproto.server.createAccount',
      account,
    )
    const { did, accessJwt: token } = created.body
    const write = async (rkey: string, fields: object): Promise<{ uri: string; cid: string }> => {
      const record = { $type: NOTE, createdAt: '2026-01-01T00:00:00Z', ...fields }
      const input = { repo: did, collection: NOTE, rkey, record, validate: false }
      const { status, body } = await procedure<{ uri: string; cid: string }>(
        network.pds.url,
        'com.atproto.repo.createRecord',
        input,
        { token },
      )
      expect(status).toBe(200)
      return { uri: body.uri, cid: body.cid }
    }
    const first = await write('a', { text: 'A heron at the pond', topic: 'birds' })
    await write('b', { text: 'Two herons', topic: 'birds', parent: first, createdAt: '2026-01-02T00:00:00Z' })
    await write('c', { text: 'No bird', createdAt: '2026-01-03T00:00:00Z' })
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${network.indexer.url}/xrpc/${NOTE}.countRecords`)
      if (((await answer.json()) as { count?: number }).count === 3) break
      expect(tries).toBeLessThan(200)
      await delay(100)
    }

    symlinkSync(join(root, 'e2e/node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'main.ts'), PROGRAM)
    const lex = join(root, 'packages/lex-cli/src/main.ts')
    await run(process.execPath, [
      lex,
      'generate',
      '--served-by',
      network.indexer.url,
      '--client',
      '--out',
      join(folder, 'code'),
    ])
    const compilerOptions = {
      module: 'nodenext',
      target: 'esnext',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowImportingTsExtensions: true,
      types: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }))
    await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { cwd: folder }).catch(
      (error: { stdout: string }) => {
        throw new Error(error.stdout)
      },
    )
    const { stdout } = await run(process.execPath, [join(folder, 'main.ts'), network.indexer.url])
    expect(JSON.parse(stdout)).toEqual({
      texts: ['A heron at the pond', 'Two herons'],
      answers: ['A heron at the pond: 1 true', 'Two herons: 0 false'],
      links: [1, 0],
      marked: expect.toSatisfy((ends: number[]) => ends.toSorted((a, b) => a - b).join() === '7,10'),
      error: 'IndexRequired',
      included: 1,
      count: 3,
      buckets: [1, 2, 3].map((day) => ({ start: `2026-01-0${day}T00:00:00.000Z`, count: 1 })),
      wrong: 'function',
    })
  },
)

test('the same as OpenAPI, in which every reference leads somewhere', async () => {
  const openapi = (await (await fetch(`${network.indexer.url}/openapi.json`)).json()) as any
  expect(openapi.openapi).toBe('3.1.0')
  expect(Object.keys(openapi.paths)).toEqual(
    [...['listRecords', 'countRecords', 'searchRecords'].map((name) => `${NOTE}.${name}`), byTopic.id].map(
      (nsid) => `/xrpc/${nsid}`,
    ),
  )
  const refs = [...JSON.stringify(openapi).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name]) => name!,
  )
  expect(refs).toContain(NOTE)
  for (const name of refs) {
    expect(name).toMatch(/^[\w.-]+$/)
    expect(openapi.components.schemas).toHaveProperty([name])
  }
  const { parameters } = openapi.paths[`/xrpc/${NOTE}.listRecords`].get
  expect(parameters.find(({ name }: { name: string }) => name === 'createdAtFrom')).toMatchObject({
    in: 'query',
    required: false,
    schema: { type: 'string', format: 'date-time' },
  })
  expect(openapi.components.schemas[NOTE]).toMatchObject({
    required: ['$type', 'text', 'createdAt'],
    properties: { $type: { const: NOTE }, text: { type: 'string', maxLength: 3000 } },
  })
})
