import { documents } from '@avocet/lexicons/catalog'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { startNetwork, type TestAccount, type TestNetwork } from './network.ts'

type Def = Record<string, any>
const byId = new Map<string, Def>(
  (documents as readonly Def[]).map((document) => [document['id'] as string, document]),
)

const FORMATS: Record<string, string> = {
  'at-identifier': 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  'at-uri': 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3jzfcijpj2z2a',
  cid: 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
  datetime: '2026-01-01T00:00:00.000Z',
  did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  handle: 'someone.test',
  language: 'en',
  nsid: 'app.bsky.feed.post',
  'record-key': 'self',
  tid: '3jzfcijpj2z2a',
  uri: 'https://example.com/',
}

/** A valid value of a definition, optional fields included down to a depth; `blob` is an uploaded one. */
function sample(def: Def, home: string, blob: unknown, depth: number): unknown {
  switch (def['type']) {
    case 'object': {
      const required = new Set<string>(def['required'] ?? [])
      const fields = Object.entries((def['properties'] ?? {}) as Record<string, Def>)
      const wanted = fields.filter(([name, field]) => required.has(name) || (depth > 0 && usable(field)))
      return Object.fromEntries(wanted.map(([name, field]) => [name, sample(field, home, blob, depth - 1)]))
    }
    case 'ref':
      return referred(def['ref'] as string, home, blob, depth, false)
    case 'union':
      return referred(def['refs'][0] as string, home, blob, depth, true)
    case 'array': {
      const count = Math.max(def['minLength'] ?? 0, depth > 0 ? 1 : 0)
      return Array.from({ length: count }, () => sample(def['items'] as Def, home, blob, depth - 1))
    }
    case 'string':
      return def['const'] ?? def['enum']?.[0] ?? def['knownValues']?.[0] ?? FORMATS[def['format']] ?? 'text'
    case 'integer':
      return def['const'] ?? def['enum']?.[0] ?? Math.max(def['minimum'] ?? 1, 1)
    case 'boolean':
      return def['const'] ?? true
    case 'blob':
      return blob
    case 'bytes':
      return { $bytes: 'AAAA' }
    case 'cid-link':
      return { $link: FORMATS['cid'] }
    case 'unknown':
      return { $type: 'com.example.any' }
    default:
      throw new Error(`no sample of ${def['type'] as string}`)
  }
}

/** An optional blob would have to be of a media type that the one uploaded may not be. */
const usable = (field: Def): boolean =>
  field['type'] !== 'blob' && !(field['type'] === 'union' && field['refs'].length === 0)

function referred(ref: string, home: string, blob: unknown, depth: number, typed: boolean): unknown {
  const [id = '', name = 'main'] = ref.startsWith('#') ? [home, ref.slice(1)] : ref.split('#')
  const def = byId.get(id)!['defs'][name] as Def
  const value = sample(def['type'] === 'record' ? (def['record'] as Def) : def, id, blob, depth)
  const full = name === 'main' ? id : `${id}#${name}`
  return typed && typeof value === 'object'
    ? { $type: full, ...value }
    : def['type'] === 'token'
      ? full
      : value
}

const types = [...byId.values()].filter(
  ({ id, defs }) => (id as string).startsWith('app.bsky.') && defs.main?.type === 'record',
)

let net: TestNetwork
let account: TestAccount
let blob: Record<string, unknown>
beforeAll(async () => {
  net = await startNetwork({ inProcess: true })
  account = await net.account()
  const bytes = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3])
  blob = (
    await net.post('com.atproto.repo.uploadBlob', { bytes, type: 'image/png', token: account.accessJwt })
  ).body.blob
})
afterAll(() => net[Symbol.asyncDispose]())

test('there are record types to try', () => {
  expect(types.length).toBeGreaterThan(15)
})

test.each(types.map(({ id, defs }) => [id as string, defs.main as Def]))(
  'a record of %s is written, validated and read back',
  async (collection, def) => {
    for (const depth of [0, 2]) {
      const record = {
        $type: collection,
        ...(sample(def['record'] as Def, collection, blob, depth) as object),
      }
      const key = def['key'] as string
      const rkey = key.startsWith('literal:')
        ? key.slice(8)
        : key === 'nsid'
          ? 'com.example.thing'
          : undefined
      const input = {
        repo: account.did,
        collection,
        record,
        validate: true,
        ...(rkey === undefined ? {} : { rkey }),
      }
      const method = rkey === undefined ? 'createRecord' : 'putRecord'
      const made = await net.post(`com.atproto.repo.${method}`, { token: account.accessJwt, input })
      expect(made.body).toMatchObject({ validationStatus: 'valid' })
      const params = { repo: account.did, collection, rkey: made.body.uri.split('/').at(-1) }
      const read = await net.get('com.atproto.repo.getRecord', { params })
      expect(read.body).toEqual({ uri: made.body.uri, cid: made.body.cid, value: record })
    }
  },
)
