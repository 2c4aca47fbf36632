// A host on a router: what an embedder sees, without sockets.
import assert from 'node:assert/strict'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'

import { createMemoryBlobs, createMemoryRemoteRows, createRemoteBlobs, type BlobLimits } from '@avocet/blobs'
import { readCar } from '@avocet/car'
import { createKeypair } from '@avocet/crypto'
import { formatCid, parseCid, type DataObject } from '@avocet/data'
import { readRepo, exportRepo, createMemoryRepoStore, applyWrites, prepareWrite } from '@avocet/repo'
import { createTidClock, type Did } from '@avocet/syntax'
import { DidError, parseDidDocument, type DidResolver } from '@avocet/did'
import { XrpcError } from '@avocet/xrpc'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { beforeEach, describe, expect, test } from 'vitest'

import {
  createKeyedLock,
  createMemoryRepoServerStore,
  createRecord,
  createRepoExports,
  createRepoHost,
  describeBy,
  mountRepo,
  mountSync,
  RepoServerError,
  toXrpcError,
  type AppliedEvent,
  type RepoHost,
  type RepoHostOptions,
} from '../src/index.ts'

const A: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const B: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const POST = 'app.bsky.feed.post'
const key = createKeypair()
/** Record keys of posts are TIDs. */
const [RKEY, RKEY_2] = ['3kaaaaaaaaa22', '3kaaaaaaaab22'] as const
const note = (text: string): { $type: string; text: string; createdAt: string } => ({
  $type: POST,
  text,
  createdAt: '2026-01-01T00:00:00Z',
})

let events: AppliedEvent[]
let host: RepoHost
let router: Router
const newHost = (more: Partial<RepoHostOptions> = {}): RepoHost =>
  createRepoHost({
    store: createMemoryRepoServerStore(),
    files: createMemoryBlobs(),
    access: {
      // The token is the DID.
      authorize: ({ header }) => {
        const token = header('authorization')
        if (token === null) throw new XrpcError(401, 'AuthMissing', 'Authentication Required')
        return { did: token.slice('Bearer '.length) as Did }
      },
      reader: ({ header }, did) => (header('authorization') === `Bearer ${did}` ? 'owner' : 'public'),
    },
    accounts: {
      keyOf: () => key,
      describe: async (did) => ({ handle: 'anna.test', didDoc: { id: did }, handleIsCorrect: true }),
    },
    onEvent: (event) => events.push(event),
    ...more,
  })
beforeEach(() => {
  events = []
  host = newHost()
  router = createRouter({ mapError: toXrpcError })
  mountRepo(router, host)
  mountSync(router, host)
})

const call = async (nsid: string, input?: object | Blob, as?: Did): Promise<[number, any]> => {
  const headers: Record<string, string> = as === undefined ? {} : { authorization: `Bearer ${as}` }
  const isBlob = input instanceof Blob
  if (input !== undefined && !isBlob) headers['content-type'] = 'application/json'
  const body = input === undefined ? {} : { body: isBlob ? input : JSON.stringify(input) }
  const method = input === undefined ? 'GET' : 'POST'
  const response = await router.fetch(
    new Request(`http://localhost/xrpc/${nsid}`, { method, headers, ...body }),
  )
  const bytes = new Uint8Array(await response.arrayBuffer())
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  return [response.status, isJson ? JSON.parse(new TextDecoder().decode(bytes)) : bytes]
}
const types = (): string[] => events.map(({ type }) => type)

test('a write without HTTP tells the keys that are made here', async () => {
  await host.createRepo(A)
  const { uris, cids } = await host.write(A, [{ action: 'create', collection: POST, record: note('keyed') }])
  const rkey = uris[0]!.slice(`at://${A}/${POST}/`.length)
  expect((await host.getRecord(A, POST, rkey))?.cid).toBe(cids[0])
})

test('a repository is made, written, read and exported without HTTP and with it', async () => {
  await host.createRepo(A, { handle: 'anna.test' })
  expect(types()).toEqual(['#identity', '#account', '#commit', '#sync'])
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
  const made = await host.write(A, [{ action: 'create', collection: POST, rkey: RKEY, record: note('one') }])
  expect((await host.getRecord(A, POST, RKEY))?.cid).toBe(made.cids[0])
  expect(made.uris).toEqual([`at://${A}/${POST}/${RKEY}`])

  const input = { repo: A, collection: POST, rkey: RKEY_2, record: note('two') }
  expect(await call('com.atproto.repo.createRecord', input)).toEqual([
    401,
    { error: 'AuthMissing', message: 'Authentication Required' },
  ])
  expect((await call('com.atproto.repo.createRecord', input, B))[1]).toMatchObject({
    error: 'AccountNotFound',
  })
  const [status, written] = await call('com.atproto.repo.createRecord', input, A)
  expect([status, written.uri, written.validationStatus]).toEqual([
    200,
    `at://${A}/${POST}/${RKEY_2}`,
    'valid',
  ])
  const [, listed] = await call(`com.atproto.repo.listRecords?repo=${A}&collection=${POST}`)
  expect(listed.records.map(({ value }: { value: { text: string } }) => value.text)).toEqual(['two', 'one'])
  const [, described] = await call(`com.atproto.repo.describeRepo?repo=${A}`)
  expect(described).toMatchObject({ handle: 'anna.test', collections: [POST] })

  const [, car] = await call(`com.atproto.sync.getRepo?did=${A}`)
  await using reader = await readRepo(car, { did: A, key: key.publicKey })
  const paths: string[] = []
  for await (const { path } of reader.entries) paths.push(path)
  expect(paths).toEqual([`${POST}/${RKEY}`, `${POST}/${RKEY_2}`])
  const [, latest] = await call(`com.atproto.sync.getLatestCommit?did=${A}`)
  expect(latest).toEqual(written.commit)
  expect(types().slice(4)).toEqual(['#commit', '#commit'])
})

test('blobs go up, are referred to, listed and handed out, and go with their record', async () => {
  await host.createRepo(A)
  const [, { blob }] = await call('com.atproto.repo.uploadBlob', new Blob(['some text']), A)
  const cid: string = blob.ref.$link
  const get = async (): Promise<number> => (await call(`com.atproto.sync.getBlob?did=${A}&cid=${cid}`))[0]
  expect(await get()).toBe(400)
  const record = { $type: 'com.example.file', blob }
  const input = { repo: A, collection: 'com.example.file', rkey: 'a', record }
  expect((await call('com.atproto.repo.putRecord', input, A))[0]).toBe(200)
  expect(await get()).toBe(200)
  expect((await call(`com.atproto.sync.listBlobs?did=${A}`))[1]).toEqual({ cids: [cid] })
  expect((await call('com.atproto.repo.deleteRecord', { ...input, record: undefined }, A))[0]).toBe(200)
  expect(await get()).toBe(400)
})

test('a repository that is turned off is read by its owner alone, takes no write, and comes back', async () => {
  await host.createRepo(A)
  await host.write(A, [{ action: 'create', collection: POST, rkey: RKEY, record: note('one') }])
  await host.setStatus(A, 'deactivated')
  const head = `com.atproto.sync.getLatestCommit?did=${A}`
  expect([(await call(head))[1].error, (await call(head, undefined, A))[0]]).toEqual(['RepoDeactivated', 200])
  const input = { repo: A, collection: POST, record: note('two') }
  expect((await call('com.atproto.repo.createRecord', input, A))[1].error).toBe('AccountDeactivated')
  expect((await call('com.atproto.sync.listRepos'))[1].repos).toMatchObject([
    { did: A, active: false, status: 'deactivated' },
  ])
  await host.setStatus(A, 'active')
  expect((await call('com.atproto.repo.createRecord', input, A))[0]).toBe(200)
  expect(types().slice(5)).toEqual(['#account', '#account', '#sync', '#commit'])
  await host.announceIdentity(A, null)
  await host.remove(A)
  expect((await call(head))[1].error).toBe('RepoNotFound')
  expect(events.slice(-2).map(({ type, body }) => [type, body['status']])).toEqual([
    ['#identity', undefined],
    ['#account', 'deleted'],
  ])
})

/** An archive of a repository elsewhere, with one record. */
async function archive(): Promise<Blob> {
  const tids = createTidClock()
  const there = createMemoryRepoStore()
  const writes = [prepareWrite({ action: 'create', collection: POST, rkey: 'old', record: note('old') })]
  const signer = createKeypair()
  await there.apply(await applyWrites({ did: A, head: null, store: there, writes, signer, rev: tids.next() }))
  const parts: Uint8Array<ArrayBuffer>[] = []
  for await (const chunk of exportRepo(there, A)) parts.push(new Uint8Array(chunk))
  return new Blob(parts, { type: 'application/vnd.ipld.car' })
}

test('an archive is taken over in a deactivated repository', async () => {
  await host.createRepo(A, { status: 'deactivated' })
  expect(types()).toEqual([])
  expect((await call('com.atproto.repo.importRepo', await archive(), A))[0]).toBe(200)
  await host.setStatus(A, 'active')
  const [, found] = await call(`com.atproto.repo.getRecord?repo=${A}&collection=${POST}&rkey=old`)
  expect(found.value).toEqual(note('old'))
})

test('an archive whose account changed while it waited for its turn is not taken over', async () => {
  const locks = createKeyedLock()
  host = newHost({ locks })
  await host.createRepo(A, { status: 'deactivated' })
  const release = await locks.acquire(A)
  const importing = host.importCar(A, (await archive()).stream())
  importing.catch(() => {})
  // All of it is here by then, but for the turn.
  await sleep(50)
  host.parts.imports.stop(A)
  release()
  await expect(importing).rejects.toMatchObject({ code: 'import-stopped' })
  expect(await host.parts.options.store.records.count(A)).toBe(0)
})

describe('getBlocks', () => {
  const TEXT = 'x'.repeat(250_000)
  const fill = async (count: number): Promise<string[]> => {
    await host.createRepo(A)
    const writes = Array.from({ length: count }, (_, n) => {
      const record = { $type: 'com.example.big', text: `${n}${TEXT}` }
      return { action: 'create', collection: 'com.example.big', rkey: `r${n}`, record } as const
    })
    const cids: string[] = []
    for (const write of writes) cids.push(...((await host.write(A, [write])).cids as string[]))
    return cids
  }
  const ask = (cids: readonly string[]): Promise<Response> =>
    router.fetch(
      new Request(`http://localhost/xrpc/com.atproto.sync.getBlocks?did=${A}&cids=${cids.join('&cids=')}`),
    )

  test('gives a block once, however often it is asked for', async () => {
    const [cid] = await fill(1)
    const response = await ask(Array.from({ length: 200 }, () => cid!))
    const { blocks } = readCar(new Uint8Array(await response.arrayBuffer()))
    expect(blocks.map((block) => formatCid(block.cid))).toEqual([cid])
  })

  test('holds a few blocks at a time, whatever they weigh', async () => {
    const cids = await fill(40)
    const { repos } = host.parts.options.store
    const most: number[] = []
    const exports = createRepoExports({
      ...repos,
      getBlocks: (did, wanted, since) => {
        most.push(wanted.length)
        return repos.getBlocks(did, wanted, since)
      },
    })
    const blocks: string[] = []
    const stream = await exports.blocks(A, cids.map(parseCid))
    const looks = most.length
    const chunks: Uint8Array[] = []
    for await (const chunk of stream) {
      if (chunks.length === 0) expect(most.length - looks).toBe(1)
      chunks.push(chunk)
    }
    expect(Math.max(...most)).toBeLessThanOrEqual(16)
    blocks.push(...readCar(Buffer.concat(chunks)).blocks.map(({ cid }) => formatCid(cid)))
    expect(blocks).toEqual(cids)
  })

  test('counts as an export for as long as its reader takes', async () => {
    host = newHost({ limits: { exports: { total: 1, perAccount: 1, perAddress: 1 } } })
    router = createRouter({ mapError: toXrpcError })
    mountSync(router, host)
    const cids = await fill(8)
    const slow = await ask(cids)
    const refused = await ask(cids)
    expect([refused.status, await refused.json()]).toMatchObject([503, { error: 'ServiceUnavailable' }])
    await slow.body!.cancel()
    expect((await ask(cids)).status).toBe(200)
  })
})

test('a removed repository leaves no blobs, and another under its DID keeps its own', async () => {
  const files = createMemoryBlobs()
  const gate = Promise.withResolvers<void>()
  host = newHost({ files: { ...files, removeAll: (did) => gate.promise.then(() => files.removeAll(did)) } })
  router = createRouter({ mapError: toXrpcError })
  mountRepo(router, host)
  const upload = async (): Promise<string> => {
    const [, { blob }] = await call('com.atproto.repo.uploadBlob', new Blob(['some text']), A)
    return blob.ref.$link
  }
  const isThere = async (cid: string): Promise<boolean> => {
    const store = host.parts.options.files
    return (await store.open(A, cid)) !== null
  }
  await host.createRepo(A)
  const cid = await upload()
  await host.remove(A)
  const again = host.createRepo(A)
  let isMade = false
  again.then(
    () => (isMade = true),
    () => {},
  )
  await setImmediate()
  expect([isMade, await isThere(cid)]).toEqual([false, true])
  gate.resolve()
  await again
  expect(await isThere(cid)).toBe(false)
  expect(await upload()).toBe(cid)
  await host.parts.removals.run()
  expect(await isThere(cid)).toBe(true)
})

test('what is left after a removal that failed is removed by the next run', async () => {
  const files = createMemoryBlobs()
  const errors: unknown[] = []
  let broken: Did[] = [A]
  const removed: Did[] = []
  host = newHost({
    onError: (error) => errors.push(error),
    files: {
      ...files,
      removeAll: async (did) => {
        if (broken.includes(did)) throw new Error('the store of blobs is down')
        removed.push(did)
      },
    },
  })
  for (const did of [A, B]) await host.createRepo(did)
  for (const did of [A, B]) await host.remove(did)
  await expect(host.parts.removals.run()).rejects.toThrow('the store of blobs is down')
  expect([removed, errors.length > 0]).toEqual([[B], true])
  broken = []
  await host.parts.removals.run()
  expect(removed).toEqual([B, A])
})

test('a deletion without a record key is refused', async () => {
  await host.createRepo(A)
  await expect(host.write(A, [{ action: 'delete', collection: POST }])).rejects.toMatchObject({
    name: 'RepoServerError',
    code: 'invalid-request',
  })
})

test('as many archives at a time as the limits say', async () => {
  host = newHost({ limits: { imports: { total: 10, perAccount: 1, perAddress: 10 } } })
  const dids = Array.from({ length: 11 }, (_, n): Did => `did:plc:${'abcdefghijk'[n]!.repeat(24)}`)
  const codes: unknown[] = []
  const tasks: Promise<void>[] = []
  for (const did of dids) {
    await host.createRepo(did, { status: 'deactivated' })
    const endless = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
    tasks.push(host.importCar(did, endless).catch((error: { code: unknown }) => void codes.push(error.code)))
  }
  await setImmediate()
  expect(codes).toEqual(['import-busy'])
  for (const did of dids) await host.setStatus(did, 'active')
  await Promise.all(tasks)
  expect(codes.slice(1)).toEqual(Array.from({ length: 10 }, () => 'import-stopped'))
})

describe('an embedder', () => {
  test('mounts one method alone', async () => {
    router = createRouter({ mapError: toXrpcError })
    createRecord(router, host)
    await host.createRepo(A)
    const input = { repo: A, collection: POST, record: note('one') }
    expect((await call('com.atproto.repo.createRecord', input, A))[0]).toBe(200)
    expect((await call(`com.atproto.repo.listRecords?repo=${A}&collection=${POST}`))[0]).toBe(501)
  })

  test("that says nothing of access lets nobody call what is an owner's", async () => {
    const { access: _, ...options } = host.parts.options
    host = createRepoHost(options)
    router = createRouter({ mapError: toXrpcError })
    mountRepo(router, host)
    await host.createRepo(A)
    const input = { repo: A, collection: POST, record: note('one') }
    const refused = [401, { error: 'AuthMissing', message: 'Authentication Required' }]
    expect(await call('com.atproto.repo.createRecord', input, A)).toEqual(refused)
    expect(await call('com.atproto.repo.uploadBlob', new Blob(['a']), A)).toEqual(refused)
    expect(await call('com.atproto.repo.listMissingBlobs', undefined, A)).toEqual(refused)
    expect((await call(`com.atproto.repo.listRecords?repo=${A}&collection=${POST}`))[0]).toBe(200)
  })

  test('says who may write what, of every write in a batch', async () => {
    const asked: unknown[] = []
    const { access } = host.parts.options
    host = newHost({
      access: {
        ...access,
        permit: (_, needs) => {
          asked.push(needs)
          if (needs.some((need) => need.resource !== 'repo' || need.collection !== POST)) {
            throw new RepoServerError('invalid-request', 'not allowed')
          }
        },
      },
    })
    router = createRouter({ mapError: toXrpcError })
    mountRepo(router, host)
    await host.createRepo(A)
    const create = (collection: string): object => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection,
      value: note('x'),
    })
    const batch = { repo: A, writes: [create(POST), create('com.example.other')] }
    expect((await call('com.atproto.repo.applyWrites', batch, A))[1].message).toBe('not allowed')
    const one = { repo: A, collection: POST, rkey: RKEY, record: note('one') }
    expect((await call('com.atproto.repo.putRecord', one, A))[0]).toBe(200)
    expect((await call('com.atproto.repo.deleteRecord', one, A))[0]).toBe(200)
    const [created, updated, deleted] = ['create', 'update', 'delete'].map((action) => ({
      resource: 'repo',
      collection: POST,
      action,
    }))
    expect(asked).toEqual([
      [created, { resource: 'repo', collection: 'com.example.other', action: 'create' }],
      [created, updated],
      [deleted],
    ])
    expect(await host.parts.options.store.records.count(A)).toBe(0)
  })

  test('describes accounts by their documents', async () => {
    let handle: 'anna.test' | 'ben.test' | null = 'anna.test'
    const document = parseDidDocument({ id: A, alsoKnownAs: ['at://anna.test'] }, A)
    assert(document.ok)
    let resolved: Awaited<ReturnType<DidResolver['resolve']>> = document
    const dids = { resolve: async () => resolved }
    host = newHost({ accounts: { keyOf: () => key, describe: describeBy(dids, () => handle) } })
    router = createRouter({ mapError: toXrpcError })
    mountRepo(router, host)
    await host.createRepo(A)
    const described = async (): Promise<unknown> => {
      const [, body] = await call(`com.atproto.repo.describeRepo?repo=${A}`)
      return body.error ?? [body.handle, body.handleIsCorrect, body.didDoc.id]
    }
    expect(await described()).toEqual(['anna.test', true, A])
    handle = 'ben.test'
    expect(await described()).toEqual(['ben.test', false, A])
    handle = null
    expect(await described()).toEqual(['handle.invalid', false, A])
    resolved = { ok: false, error: new DidError('not-found', 'no such DID') }
    expect(await described()).toBe('UnresolvableDid')
  })

  test('looks for records of others elsewhere, not for those that are taken down here', async () => {
    const found = { uri: `at://${B}/${POST}/a`, cid: 'c', value: note('elsewhere') }
    host = newHost({ findRemote: async () => found })
    router = createRouter({ mapError: toXrpcError })
    mountRepo(router, host)
    const get = (): Promise<[number, any]> =>
      call(`com.atproto.repo.getRecord?repo=${B}&collection=${POST}&rkey=a`)
    expect(await get()).toEqual([200, found])
    await host.createRepo(B)
    expect((await get())[1].error).toBe('RecordNotFound')
    await host.setStatus(B, 'deactivated')
    expect(await get()).toEqual([200, found])
    await host.setStatus(B, 'takendown')
    expect((await get())[1].error).toBe('InvalidRequest')
  })

  test('is told of no more events once the host is let go', async () => {
    await host.createRepo(A)
    await host[Symbol.asyncDispose]()
    await host.announceIdentity(A, null)
    expect(events).toHaveLength(4)
  })
})

describe('remote blobs', () => {
  const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(100, 'x')])
  const PICTURE = { accept: ['image/*'], maxSize: PNG.length }
  let answer: () => Response
  let files: ReturnType<typeof createMemoryBlobs>
  beforeEach(() => {
    answer = () => new Response(PNG, { headers: { 'content-type': 'image/png' } })
    files = createMemoryBlobs()
    const remoteBlobs = createRemoteBlobs({ fetch: async () => answer(), rows: createMemoryRemoteRows() })
    host = newHost({ files, remoteBlobs, redirectBlob: (_, cid) => `https://cdn.test/${cid}` })
    router = createRouter({ mapError: toXrpcError })
    mountRepo(router, host)
    mountSync(router, host)
  })
  const get = async (did: Did, cid: string): Promise<[number, string | null]> => {
    const response = await router.fetch(
      new Request(`http://localhost/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${cid}`),
    )
    return [response.status, response.headers.get('location')]
  }
  const refer = (did: Did, blob: unknown, rkey = 'a'): Promise<unknown> =>
    host.write(did, [
      {
        action: 'put',
        collection: 'com.example.file',
        rkey,
        record: { $type: 'com.example.file', blob } as DataObject,
      },
    ])

  test('are referred to by records, and handed out as redirects until no record refers to them', async () => {
    await host.createRepo(A)
    const added = await host.addRemoteBlob(A, 'https://example.com/a', PICTURE)
    assert(added.ok)
    const cid = added.value.ref.toString()
    expect(added.value).toMatchObject({ $type: 'blob', mimeType: 'image/png', size: PNG.length })
    expect(await get(A, cid)).toEqual([400, null])
    await refer(A, added.value)
    expect(await get(A, cid)).toEqual([302, 'https://example.com/a'])
    expect((await call(`com.atproto.sync.listBlobs?did=${A}`))[1]).toEqual({ cids: [cid] })
    await host.write(A, [{ action: 'delete', collection: 'com.example.file', rkey: 'a' }])
    expect(await get(A, cid)).toEqual([400, null])
    expect(await host.parts.options.remoteBlobs!.locate(A, cid)).toBeNull()
  })

  test('that are refused say why, and nothing is noted', async () => {
    await host.createRepo(A)
    const code = async (limits: BlobLimits): Promise<string | true> => {
      const added = await host.addRemoteBlob(A, 'https://example.com/a', limits)
      return added.ok || added.error.code
    }
    expect(await code({ ...PICTURE, maxSize: PNG.length - 1 })).toBe('too-large')
    expect(await code({ accept: ['video/*'] })).toBe('type-not-accepted')
    answer = () => new Response(null, { status: 404 })
    expect(await code(PICTURE)).toBe('refused')
    const { store } = host.parts.options
    expect(await store.blobs.bytes(A)).toBe(0)
  })

  test('have at most the bytes that the host takes', async () => {
    const { remoteBlobs } = host.parts.options
    const bounded = (blobBytes: number): RepoHost =>
      newHost({ remoteBlobs: remoteBlobs!, limits: { blobBytes } })
    for (const [bytes, ok] of [
      [PNG.length, true],
      [PNG.length - 1, false],
    ] as const) {
      host = bounded(bytes)
      await host.createRepo(A)
      expect((await host.addRemoteBlob(A, 'https://example.com/b')).ok).toBe(ok)
      // Whatever the field takes.
      const field = { maxSize: PNG.length * 2 }
      expect((await host.addRemoteBlob(A, 'https://example.com/c', field)).ok).toBe(ok)
    }
  })

  test('are beside uploaded ones, which are where they were', async () => {
    await host.createRepo(A)
    const { ref } = await host.upload(A, new Blob(['GIF89a']).stream(), 'image/gif')
    await refer(A, { $type: 'blob', ref, mimeType: 'image/gif', size: 6 })
    expect(await get(A, ref.toString())).toEqual([302, `https://cdn.test/${ref}`])
  })

  test('of a removed repository are forgotten by the next upkeep, those of others are not', async () => {
    const cids = new Map<Did, string>()
    for (const did of [A, B]) {
      await host.createRepo(did)
      const added = await host.addRemoteBlob(did, 'https://example.com/a', PICTURE)
      assert(added.ok)
      await refer(did, added.value)
      cids.set(did, added.value.ref.toString())
    }
    await host.remove(A)
    await host.upkeep()
    const { remoteBlobs } = host.parts.options
    expect(await remoteBlobs!.locate(A, cids.get(A)!)).toBeNull()
    expect(await get(B, cids.get(B)!)).toEqual([302, 'https://example.com/a'])
  })

  test('are asked for by nobody in a host that was given none', async () => {
    await expect(newHost().addRemoteBlob(A, 'https://example.com/a')).rejects.toThrow(TypeError)
  })
})

describe('upkeep', () => {
  const uploadTo = async (did: Did): Promise<string> => {
    const { ref } = await host.upload(did, new Blob(['some text']).stream(), 'text/plain')
    const record = {
      $type: 'com.example.file',
      blob: { $type: 'blob', ref, mimeType: 'text/plain', size: 9 },
    }
    await host.write(did, [{ action: 'create', collection: 'com.example.file', rkey: 'a', record }])
    return ref.toString()
  }

  test('removes what a removed repository left, and nothing of one made since under its DID', async () => {
    const { files } = host.parts.options
    await host.createRepo(A)
    const cid = await uploadTo(A)
    await host.remove(A)
    expect(await files.open(A, cid)).not.toBeNull()
    await host.createRepo(A)
    expect(await files.open(A, cid)).toBeNull()
    await uploadTo(A)
    await host.upkeep()
    expect(await files.open(A, cid)).not.toBeNull()
    await host.remove(A)
    await host.upkeep()
    expect(await files.open(A, cid)).toBeNull()
  })

  test('does all it has to, and tells what failed', async () => {
    const files = createMemoryBlobs()
    const failing = { ...files, clean: () => Promise.reject(new Error('no disk')) }
    host = newHost({ files: failing })
    await host.createRepo(A)
    const cid = await uploadTo(A)
    await host.remove(A)
    await expect(host.upkeep()).rejects.toThrow('no disk')
    expect(await files.open(A, cid)).toBeNull()
  })

  test('is done every so often, one round at a time, and not any more once the host is let go', async () => {
    let [running, most, rounds] = [0, 0, 0]
    const files = createMemoryBlobs()
    const clean = async (): Promise<void> => {
      running += 1
      most = Math.max(most, running)
      await sleep(10)
      running -= 1
      rounds += 1
      throw new Error('told')
    }
    const told: unknown[] = []
    host = newHost({ files: { ...files, clean }, upkeepMs: 1, onError: (error) => told.push(error) })
    await expect.poll(() => rounds).toBeGreaterThan(2)
    await host[Symbol.asyncDispose]()
    const done = rounds
    expect([most, running, told.length]).toEqual([1, 0, done])
    await sleep(30)
    expect(rounds).toBe(done)
    host = newHost({ files: { ...files, clean }, upkeepMs: 0 })
    await sleep(20)
    expect(rounds).toBe(done)
  })
})

test('a rare collection is listed some repositories at a time', async () => {
  const store = createMemoryRepoServerStore()
  const asked: number[] = []
  host = newHost({
    store: {
      ...store,
      records: {
        ...store.records,
        // As if there were a thousand times as many.
        reposWith: (collection, options) => {
          asked.push(options.most)
          return store.records.reposWith(collection, { ...options, most: 2 })
        },
      },
    },
  })
  router = createRouter({ mapError: toXrpcError })
  mountSync(router, host)
  const dids = Array.from('abcde', (letter): Did => `did:plc:${letter.repeat(24)}`)
  for (const did of dids) {
    await host.createRepo(did)
    const record = { $type: 'a.b.c', did }
    const isRare = did === dids[0] || did === dids[4]
    await host.write(did, [
      {
        action: 'create',
        collection: isRare ? 'a.b.c' : 'a.b.d',
        rkey: 'a',
        record: { ...record, $type: isRare ? 'a.b.c' : 'a.b.d' },
      },
    ])
  }
  const page = (more = ''): Promise<[number, unknown]> =>
    call(`com.atproto.sync.listReposByCollection?collection=a.b.c${more}`)
  expect(await page()).toEqual([200, { repos: [{ did: dids[0] }], cursor: dids[1] }])
  expect(await page(`&cursor=${dids[1]}`)).toEqual([200, { repos: [], cursor: dids[3] }])
  expect(await page(`&cursor=${dids[3]}`)).toEqual([200, { repos: [{ did: dids[4] }] }])
  expect(await page('&limit=1')).toEqual([200, { repos: [{ did: dids[0] }], cursor: dids[0] }])
  expect(asked).toEqual([2000, 2000, 2000, 2000])
})
