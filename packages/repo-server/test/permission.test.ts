// What the methods of an owner need, as the embedder is asked about it.
import { createMemoryBlobs, type BlobStore, type BlobUpkeep } from '@avocet/blobs'
import { createKeypair } from '@avocet/crypto'
import { createScopeSet } from '@avocet/oauth-scopes'
import type { Did } from '@avocet/syntax'
import { XrpcError } from '@avocet/xrpc'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { beforeEach, expect, test } from 'vitest'

import {
  createMemoryRepoServerStore,
  createRepoHost,
  mountRepo,
  mountSync,
  toXrpcError,
  type RepoHost,
  type RepoNeed,
} from '../src/index.ts'

const A: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const POST = 'app.bsky.feed.post'
const JSON_TYPE = 'application/json'
const RKEY = '3kaaaaaaaaa22'
const record = { $type: POST, text: 'hello', createdAt: '2026-01-01T00:00:00Z' }
const PNG = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13])

/** Scopes of whoever calls. */
let scopes: string
let asked: { readonly method: string; readonly needs: readonly RepoNeed[] }[]
let files: BlobStore & BlobUpkeep
let host: RepoHost
let router: Router
beforeEach(async () => {
  scopes = 'atproto'
  asked = []
  files = createMemoryBlobs()
  const key = createKeypair()
  host = createRepoHost({
    store: createMemoryRepoServerStore(),
    files,
    access: {
      authorize: () => ({ did: A }),
      permit: (_, needs, { method }) => {
        asked.push({ method, needs })
        const set = createScopeSet(scopes)
        if (!needs.every((need) => set.allows(need))) throw new XrpcError(403, 'ScopeMissingError')
      },
    },
    accounts: {
      keyOf: () => key,
      describe: async (did) => ({ handle: 'anna.test', didDoc: { id: did }, handleIsCorrect: true }),
    },
  })
  router = createRouter({ mapError: toXrpcError })
  mountRepo(router, host)
  mountSync(router, host)
  await host.createRepo(A)
})

async function call(name: string, body?: object | Uint8Array<ArrayBuffer>, type = JSON_TYPE) {
  const isBytes = body instanceof Uint8Array
  const init =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': type }, body: isBytes ? body : JSON.stringify(body) }
  const answer = await router.fetch(new Request(`http://localhost/xrpc/com.atproto.repo.${name}`, init))
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
}
const outcome = async (...args: Parameters<typeof call>): Promise<string> => {
  const { status, body } = await call(...args)
  return `${status} ${body.error ?? ''}`
}
const one = { repo: A, collection: POST, rkey: RKEY, record }
const item = (kind: 'create' | 'update' | 'delete', collection: string): object => ({
  $type: `com.atproto.repo.applyWrites#${kind}`,
  collection,
  rkey: RKEY,
  ...(kind === 'delete' ? {} : { value: { ...record, $type: collection } }),
})
const repo = (action: 'create' | 'update' | 'delete', collection = POST): RepoNeed => ({
  resource: 'repo',
  collection,
  action,
})

test('each method says what it needs, once, and is refused whole', async () => {
  const batch = [item('create', POST), item('update', 'com.example.a'), item('delete', 'com.example.b')]
  const table: readonly [string, object | Uint8Array<ArrayBuffer>, string, ...RepoNeed[]][] = [
    ['createRecord', one, JSON_TYPE, repo('create')],
    ['putRecord', one, JSON_TYPE, repo('create'), repo('update')],
    ['deleteRecord', one, JSON_TYPE, repo('delete')],
    [
      'applyWrites',
      { repo: A, writes: batch },
      JSON_TYPE,
      repo('create'),
      repo('update', 'com.example.a'),
      repo('delete', 'com.example.b'),
    ],
    ['uploadBlob', PNG, 'Image/PNG; a=b', { resource: 'blob', mime: 'image/png' }],
    ['uploadBlob', PNG, 'nonsense', { resource: 'blob', mime: 'application/octet-stream' }],
    ['importRepo', PNG, 'application/vnd.ipld.car', { resource: 'account', attr: 'repo', action: 'manage' }],
  ]
  for (const [name, body, type, ...needs] of table) {
    asked = []
    // Each with what it asked alone.
    expect([name, await outcome(name, body, type)]).toEqual([name, '403 ScopeMissingError'])
    expect(asked).toEqual([{ method: `com.atproto.repo.${name}`, needs }])
  }
  expect(await host.parts.options.store.records.count(A)).toBe(0)

  // The account alone counts.
  asked = []
  expect(await outcome('listMissingBlobs')).toBe('200 ')
  expect(asked).toEqual([{ method: 'com.atproto.repo.listMissingBlobs', needs: [] }])
})

test('with the scopes for it, and no others, a call goes through', async () => {
  scopes = `atproto repo:${POST}?action=create`
  expect(await outcome('createRecord', { repo: A, collection: POST, record })).toBe('200 ')
  expect(await outcome('putRecord', one)).toBe('403 ScopeMissingError')
  scopes = `atproto repo:${POST}?action=update`
  expect(await outcome('putRecord', one)).toBe('403 ScopeMissingError')
  scopes = `atproto repo:${POST}?action=create&action=update`
  expect(await outcome('putRecord', one)).toBe('200 ')
  expect(await outcome('deleteRecord', one)).toBe('403 ScopeMissingError')
  scopes = `atproto repo:${POST}?action=delete`
  expect(await outcome('deleteRecord', one)).toBe('200 ')
})

test('of 200 writes one that is not permitted stops all', async () => {
  scopes = `atproto repo:${POST}`
  const create = (i: number): object => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection: i === 150 ? 'com.example.other' : POST,
    value: { ...record, text: `${i}` },
  })
  const writes = Array.from({ length: 200 }, (_, i) => create(i))
  expect(await outcome('applyWrites', { repo: A, writes })).toBe('403 ScopeMissingError')
  expect(await host.parts.options.store.records.count(A)).toBe(0)
  expect(await outcome('applyWrites', { repo: A, writes: writes.filter((_, i) => i !== 150) })).toBe('200 ')
  expect(await host.parts.options.store.records.count(A)).toBe(199)
})

test('a blob whose bytes are of another type than was said needs a scope for that too, or leaves nothing', async () => {
  scopes = 'atproto blob:text/plain'
  expect(await outcome('uploadBlob', PNG, 'text/plain')).toBe('403 ScopeMissingError')
  expect(asked.map(({ needs }) => needs)).toEqual([
    [{ resource: 'blob', mime: 'text/plain' }],
    [{ resource: 'blob', mime: 'image/png' }],
  ])
  for await (const page of files.list(A)) expect(page).toEqual([])
  expect(await host.parts.options.store.blobs.bytes(A)).toBe(0)

  scopes = 'atproto blob:text/plain blob:image/*'
  const stored = await call('uploadBlob', PNG, 'text/plain')
  expect([stored.status, stored.body.blob.mimeType]).toEqual([200, 'image/png'])
  // The same bytes refused later: the blob that is there stays.
  scopes = 'atproto blob:text/plain'
  expect(await outcome('uploadBlob', PNG, 'text/plain')).toBe('403 ScopeMissingError')
  expect(await host.parts.options.store.blobs.bytes(A)).toBe(PNG.length)
  expect(await files.open(A, stored.body.blob.ref.$link)).not.toBe(null)

  // What is what it says is asked about once.
  asked = []
  scopes = 'atproto blob:image/png'
  expect(await outcome('uploadBlob', PNG, 'image/png')).toBe('200 ')
  expect(asked).toHaveLength(1)
})

test('what the methods need stands beside them', () => {
  const declared = router.methods().filter(({ needs }) => needs !== undefined)
  expect(declared.map(({ schema }) => schema.nsid).toSorted()).toEqual(
    [
      'applyWrites',
      'createRecord',
      'deleteRecord',
      'importRepo',
      'listMissingBlobs',
      'putRecord',
      'uploadBlob',
    ].map((name) => `com.atproto.repo.${name}`),
  )
})
