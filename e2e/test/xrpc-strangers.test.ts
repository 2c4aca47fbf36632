// Published peers on the other end of the wire, over real sockets: their clients against our server, our client against
// their server, and streams both ways.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { zstdDecompressSync } from 'node:zlib'

import { ComAtprotoSyncSubscribeRepos } from '@atcute/atproto'
import { Client as AtcuteClient, ok, simpleFetchHandler } from '@atcute/client'
import { FirehoseSubscription } from '@atcute/firehose'
import { AtpAgent, XRPCError } from '@atproto/api'
import {
  createServer,
  ErrorFrame,
  InvalidRequestError,
  AuthRequiredError,
  Subscription,
} from '@atproto/xrpc-server'
import { cidForRaw, type DataObject, parseCid } from '@avocet/data'
import {
  createCatalog,
  parseLexicon,
  type LexiconDocument,
  type Procedure,
  type Query,
} from '@avocet/lexicon'
import {
  ComAtprotoRepoCreateRecord,
  ComAtprotoRepoGetRecord,
  ComAtprotoRepoListRecords,
  ComAtprotoRepoUploadBlob,
  ComAtprotoServerCreateSession,
  ComAtprotoServerGetSession,
  ComAtprotoServerRefreshSession,
  ComAtprotoSyncGetBlob,
  ComAtprotoSyncSubscribeRepos as SubscribeRepos,
} from '@avocet/lexicons/com.atproto'
import { readFixture } from '@avocet/testing'
import { encodeFrame, XrpcError } from '@avocet/xrpc'
import {
  createClient,
  createRpc,
  getBlob,
  listRecords,
  subscribe,
  unwrap,
  uploadBlob,
  XrpcClientError,
} from '@avocet/xrpc-client'
import { createRouter, type Router } from '@avocet/xrpc-server'
import { serve, type Serving } from '@avocet/xrpc-server/node'
import { Firehose } from '@skyware/firehose'
import express from 'express'
import { CID } from 'multiformats/cid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const time = '2026-01-01T00:00:00.000Z'
const jwt = (scope: string, n: number): string =>
  `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ scope, n, sub: did, exp: 4_000_000_000 }))}.sig`.replaceAll(
    '=',
    '',
  )

/** A small service with real methods: one account, records and blobs in memory. */
function createService(): { router: Router; expire: () => void; blobs: Map<string, Uint8Array> } {
  let token = 1
  const records = new Map<string, DataObject>()
  const blobs = new Map<string, Uint8Array>()
  const session = () =>
    ({
      did,
      handle: 'alice.test',
      accessJwt: jwt('access', token),
      refreshJwt: jwt('refresh', token),
      active: true,
    }) as const
  const auth = ({ header }: { header: (name: string) => string | null }): { did: typeof did } => {
    const given = header('authorization')
    if (given === null) throw new XrpcError(401, 'AuthMissing', 'Authentication Required')
    if (given !== `Bearer ${jwt('access', token)}`)
      throw new XrpcError(400, 'ExpiredToken', 'Token has expired')
    return { did }
  }
  const router = createRouter({ limits: { blobBytes: 1_000_000 } })
    .add(ComAtprotoServerCreateSession.main, ({ input }) => {
      if (input.password !== 'secret')
        throw new XrpcError(401, 'AuthenticationRequired', 'Invalid identifier or password')
      return session()
    })
    .add(ComAtprotoServerRefreshSession.main, ({ header }) => {
      if (header('authorization')?.startsWith('Bearer ') !== true)
        throw new XrpcError(401, 'AuthMissing', 'No token')
      token += 1
      return session()
    })
    .add(ComAtprotoServerGetSession.main, {
      auth,
      handler: ({ auth: caller }) => ({ did: caller.did, handle: 'alice.test' as const }),
    })
    .add(ComAtprotoRepoCreateRecord.main, {
      auth,
      handler: ({ input }) => {
        const rkey = input.rkey ?? String(records.size)
        const uri = `at://${did}/${input.collection}/${rkey}` as const
        if (records.has(uri)) throw new XrpcError(400, 'InvalidRequest', 'Record exists')
        records.set(uri, input.record as DataObject)
        return { uri, cid: cidForRaw(new TextEncoder().encode(uri)).toString() }
      },
    })
    .add(ComAtprotoRepoGetRecord.main, ({ params }) => {
      const uri = `at://${did}/${params.collection}/${params.rkey}` as const
      const value = records.get(uri)
      if (value === undefined) throw new XrpcError(400, 'RecordNotFound', `Could not locate record: ${uri}`)
      return { uri, cid: cidForRaw(new TextEncoder().encode(uri)).toString(), value }
    })
    .add(ComAtprotoRepoListRecords.main, ({ params }) => {
      const all = [...records].map(([uri, value]) => ({
        uri: uri as `at://${string}`,
        cid: cidForRaw(new Uint8Array()).toString(),
        value,
      }))
      const from = Number(params.cursor ?? 0)
      const page = all.slice(from, from + params.limit)
      return {
        records: page,
        ...(from + params.limit < all.length ? { cursor: String(from + params.limit) } : {}),
      }
    })
    .add(ComAtprotoRepoUploadBlob.main, {
      auth,
      handler: async ({ input, encoding }) => {
        const bytes = new Uint8Array(await new Response(input).arrayBuffer())
        const ref = cidForRaw(bytes)
        blobs.set(ref.toString(), bytes)
        return { blob: { $type: 'blob' as const, ref, mimeType: encoding ?? '', size: bytes.length } }
      },
    })
    .add(ComAtprotoSyncGetBlob.main, ({ params }) => {
      const bytes = blobs.get(params.cid)
      if (bytes === undefined) throw new XrpcError(400, 'BlobNotFound', 'Blob not found')
      return new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-type': 'image/png' } })
    })
  return { router, blobs, expire: () => (token += 1) }
}

describe('clients of others against our server', () => {
  let server: Serving
  const service = createService()
  beforeAll(async () => {
    server = await serve({ router: service.router })
  })
  afterAll(() => server.close())

  test('@atproto/api: session, records, blobs, errors, renewal', async () => {
    const agent = new AtpAgent({ service: server.url })
    await expect(agent.login({ identifier: 'alice.test', password: 'wrong' })).rejects.toMatchObject({
      status: 401,
      error: 'AuthenticationRequired',
      message: 'Invalid identifier or password',
    })
    await agent.login({ identifier: 'alice.test', password: 'secret' })
    const { data: blob } = await agent.uploadBlob(new Uint8Array(1000).fill(7), { encoding: 'image/png' })
    expect(blob.blob).toMatchObject({ mimeType: 'image/png', size: 1000 })
    const record = {
      $type: 'app.bsky.feed.post',
      text: 'hi é😀',
      createdAt: time,
      embed: { $type: 'app.bsky.embed.images', images: [{ image: blob.blob, alt: '' }] },
    }
    const created = await agent.com.atproto.repo.createRecord({
      repo: did,
      collection: 'app.bsky.feed.post',
      rkey: 'one',
      record,
    })
    expect(created.data.uri).toBe(`at://${did}/app.bsky.feed.post/one`)
    const got = await agent.com.atproto.repo.getRecord({
      repo: did,
      collection: 'app.bsky.feed.post',
      rkey: 'one',
    })
    expect(got.data.value).toMatchObject({ text: 'hi é😀' })
    expect(
      (
        got.data.value as { embed: { images: { image: { ref: unknown } }[] } }
      ).embed.images[0]!.image.ref!.toString(),
    ).toBe(blob.blob.ref.toString())
    const missing = agent.com.atproto.repo.getRecord({
      repo: did,
      collection: 'app.bsky.feed.post',
      rkey: 'nope',
    })
    const error = await missing.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(XRPCError)
    expect(error).toMatchObject({ status: 400, error: 'RecordNotFound' })
    const big = agent.uploadBlob(new Uint8Array(2_000_000), { encoding: 'image/png' })
    await expect(big).rejects.toMatchObject({ status: 413, error: 'PayloadTooLarge' })
    await expect(agent.com.atproto.identity.resolveHandle({ handle: 'a.test' })).rejects.toMatchObject({
      status: 501,
      error: 'MethodNotImplemented',
    })
    service.expire()
    expect((await agent.com.atproto.server.getSession()).data.handle).toBe('alice.test')
    const back = await agent.com.atproto.sync.getBlob({ did, cid: blob.blob.ref.toString() })
    expect(back.data).toEqual(new Uint8Array(1000).fill(7))
    expect(back.headers['content-type']).toBe('image/png')
  })

  test('@atcute/client: queries, procedures, bytes, errors', async () => {
    const rpc = new AtcuteClient({ handler: simpleFetchHandler({ service: server.url }) })
    const session = await ok(
      rpc.post('com.atproto.server.createSession', {
        input: { identifier: 'alice.test', password: 'secret' },
      }),
    )
    const headers = { authorization: `Bearer ${session.accessJwt}` }
    const input = {
      repo: did,
      collection: 'app.bsky.feed.like',
      record: { $type: 'app.bsky.feed.like' },
    } as const
    for (let i = 0; i < 3; i++) await ok(rpc.post('com.atproto.repo.createRecord', { input, headers }))
    const params = { repo: did, collection: 'app.bsky.feed.like', limit: 2 } as const
    const page = await ok(rpc.get('com.atproto.repo.listRecords', { params }))
    expect(page.records.length).toBe(2)
    expect(page.cursor).toBe('2')
    const { blob } = await ok(
      rpc.post('com.atproto.repo.uploadBlob', { input: new Blob(['abc'], { type: 'image/png' }), headers }),
    )
    const bytes = await ok(
      rpc.get('com.atproto.sync.getBlob', {
        params: { did, cid: (blob.ref as { $link: string }).$link },
        as: 'bytes',
      }),
    )
    expect(Buffer.from(bytes).toString()).toBe('abc')
    const refused = await rpc.post('com.atproto.repo.createRecord', { input })
    expect([refused.ok, refused.status, refused.data]).toEqual([
      false,
      401,
      { error: 'AuthMissing', message: 'Authentication Required' },
    ])
    const invalid = await rpc.get('com.atproto.repo.listRecords', { params: { ...params, limit: 101 } })
    expect([invalid.status, (invalid.data as { error: string }).error]).toEqual([400, 'InvalidRequest'])
  })
})

const documents = [
  {
    lexicon: 1,
    id: 'io.example.ping',
    defs: {
      main: {
        type: 'query',
        parameters: {
          type: 'params',
          required: ['message'],
          properties: {
            message: { type: 'string' },
            times: { type: 'integer' },
            loud: { type: 'boolean', default: false },
            tags: { type: 'array', items: { type: 'string' } },
          },
        },
        output: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['message'],
            properties: {
              message: { type: 'string' },
              times: { type: 'integer' },
              loud: { type: 'boolean' },
              tags: { type: 'array', items: { type: 'string' } },
              link: { type: 'cid-link' },
              bytes: { type: 'bytes' },
            },
          },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'io.example.store',
    defs: {
      main: {
        type: 'procedure',
        input: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['link'],
            properties: { link: { type: 'cid-link' }, bytes: { type: 'bytes' } },
          },
        },
        output: {
          encoding: 'application/json',
          schema: {
            type: 'object',
            required: ['link'],
            properties: { link: { type: 'cid-link' }, bytes: { type: 'bytes' } },
          },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'io.example.upload',
    defs: {
      main: {
        type: 'procedure',
        input: { encoding: '*/*' },
        output: {
          encoding: 'application/json',
          schema: { type: 'object', required: ['size'], properties: { size: { type: 'integer' } } },
        },
      },
    },
  },
  {
    lexicon: 1,
    id: 'io.example.download',
    defs: { main: { type: 'query', output: { encoding: 'application/vnd.ipld.car' } } },
  },
  {
    lexicon: 1,
    id: 'io.example.count',
    defs: {
      main: {
        type: 'subscription',
        parameters: { type: 'params', properties: { cursor: { type: 'integer' }, end: { type: 'integer' } } },
        message: { schema: { type: 'union', refs: ['#even', '#odd'] } },
        errors: [{ name: 'FutureCursor' }],
      },
      even: {
        type: 'object',
        required: ['seq'],
        properties: { seq: { type: 'integer' }, bytes: { type: 'bytes' } },
      },
      odd: {
        type: 'object',
        required: ['seq'],
        properties: { seq: { type: 'integer' }, link: { type: 'cid-link' } },
      },
    },
  },
]
const catalog = createCatalog(
  documents.map((json) => {
    const parsed = parseLexicon(json)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed))
    return parsed.value as LexiconDocument
  }),
)
const ping = catalog.method('io.example.ping') as Query
const store = catalog.method('io.example.store') as Procedure
const upload = catalog.method('io.example.upload') as Procedure
const download = catalog.method('io.example.download') as Query
const link = parseCid('bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')

/** A server of @atproto/xrpc-server with the methods above. */
async function listenPeer(): Promise<{ url: string; server: Server; drop: () => void }> {
  const peer = createServer(documents as never)
  peer.method('io.example.ping', ({ params }) => {
    if (params['message'] === 'wrong') throw new InvalidRequestError('no such thing', 'NoSuchThing')
    if (params['message'] === 'secret') throw new AuthRequiredError()
    if (params['message'] === 'crash') throw new Error('hunter2')
    const { message, times, loud, tags } = params
    return { encoding: 'application/json', body: { message, times, loud, tags } as never }
  })
  peer.method('io.example.store', ({ input }) => ({
    encoding: 'application/json',
    body: (input as unknown as { body: never }).body,
  }))
  peer.method('io.example.upload', async ({ input }) => {
    let size = 0
    for await (const chunk of (input as { body: AsyncIterable<Uint8Array> }).body) size += chunk.length
    return { encoding: 'application/json', body: { size } as never }
  })
  peer.method(
    'io.example.download',
    () => ({ encoding: 'application/vnd.ipld.car', buffer: Buffer.alloc(200_000, 5) }) as never,
  )
  let connections = 0
  peer.streamMethod('io.example.count', async function* ({ params, signal }) {
    connections += 1
    const from = Number(params?.['cursor'] ?? 0)
    const end = Number(params?.['end'] ?? 1_000_000)
    if (from > end) {
      yield new ErrorFrame({ error: 'FutureCursor', message: 'Cursor in the future.' })
      return
    }
    for (let seq = from + 1; seq <= end && !signal.aborted; seq++) {
      yield seq % 2 === 0
        ? { $type: 'io.example.count#even', seq, bytes: new Uint8Array([seq % 256]) }
        : { $type: '#odd', seq, link: CID.parse(link.toString()) }
      if (end === 1_000_000) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    expect(connections).toBeGreaterThan(0)
  })
  // Its streams are served only when its router is mounted in an Express app.
  const server = express().use(peer.router).listen(0)
  await once(server, 'listening')
  const sockets = new Set<import('node:net').Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    drop: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
}

describe('our client against @atproto/xrpc-server', () => {
  let peer: Awaited<ReturnType<typeof listenPeer>>
  beforeAll(async () => {
    peer = await listenPeer()
  })
  afterAll(async () => {
    peer.drop()
    await new Promise((resolve) => peer.server.close(resolve))
  })

  test('queries, procedures and bytes, typed and by name', async () => {
    const client = createClient({ service: peer.url, lexicons: catalog })
    const params = { message: 'é& =?', times: 7, tags: ['a', 'b'] }
    expect(unwrap(await client.call(ping, { params }))).toEqual({ ...params, loud: false })
    const rpc = createRpc<{ 'io.example.ping': typeof ping }>(client, catalog)
    expect(await rpc.io.example.ping({ message: 'x' })).toEqual({ message: 'x', loud: false })
    const stored = unwrap(await client.call(store, { input: { link, bytes: new Uint8Array([1, 2, 3]) } }))
    expect(stored.link.toString()).toBe(link.toString())
    expect(new Uint8Array(stored.bytes)).toEqual(new Uint8Array([1, 2, 3]))
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 10; i++) yield new Uint8Array(1000)
    }
    expect(unwrap(await client.call(upload, { input: chunks(), encoding: 'image/png' } as never))).toEqual({
      size: 10_000,
    })
    const car = unwrap(await client.call(download)) as ReadableStream<Uint8Array>
    expect((await new Response(car).arrayBuffer()).byteLength).toBe(200_000)
  })

  test('errors by their names', async () => {
    const client = createClient({ service: peer.url })
    const fail = async (message: string): Promise<unknown> => {
      const result = await client.call(ping, { params: { message } })
      return result.ok ? 'ok' : [result.error.code, result.error.status, result.error.error]
    }
    expect(await fail('wrong')).toEqual(['response', 400, 'NoSuchThing'])
    expect(await fail('secret')).toEqual(['response', 401, 'AuthenticationRequired'])
    expect(await fail('crash')).toEqual(['response', 500, 'InternalServerError'])
    const nothing = await client.request({ nsid: 'io.example.nothing', type: 'query' })
    expect(!nothing.ok && nothing.error).toMatchObject({ status: 501, error: 'MethodNotImplemented' })
  })

  test('streams, through broken connections, without a gap or a repeat', async () => {
    let cursor = 0
    const got: unknown[] = []
    const service = peer.url
    for await (const { type, body } of subscribe({
      service,
      nsid: 'io.example.count',
      params: () => ({ cursor }),
      backoff: { minMs: 5 },
    })) {
      cursor = body['seq'] as number
      got.push([cursor, type, Object.keys(body).toSorted().join()])
      if (cursor % 40 === 0) peer.drop()
      if (cursor === 150) break
    }
    expect(got).toEqual(
      Array.from({ length: 150 }, (_, i) =>
        i % 2 === 0 ? [i + 1, '#odd', 'link,seq'] : [i + 1, '#even', 'bytes,seq'],
      ),
    )
    const future = subscribe({ service, nsid: 'io.example.count', params: () => ({ cursor: 9, end: 5 }) })
    const error = await future.next().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(XrpcClientError)
    expect(error).toMatchObject({ code: 'stream', error: 'FutureCursor' })
  })
})

describe('our client against our server', () => {
  test('reads records and blobs', async () => {
    const service = createService()
    await using server = await serve({ router: service.router })
    const client = createClient({
      service: server.url,
      headers: { authorization: `Bearer ${jwt('access', 1)}` },
    })
    const blob = unwrap(await uploadBlob(client, new Blob(['hello']).stream(), { encoding: 'image/png' }))
    const found = unwrap(await getBlob(client, { did, cid: blob.ref }))
    expect(Buffer.from(await found.bytes()).toString()).toBe('hello')
    service.blobs.set(blob.ref.toString(), new Uint8Array([1]))
    await expect(unwrap(await getBlob(client, { did, cid: blob.ref })).bytes()).rejects.toMatchObject({
      code: 'wrong-hash',
    })
    for (let i = 0; i < 25; i++) {
      const input = {
        repo: did,
        collection: 'app.bsky.feed.like',
        record: { $type: 'app.bsky.feed.like', n: i },
      } as const
      unwrap(await client.call(ComAtprotoRepoCreateRecord.main, { input }))
    }
    const values: unknown[] = []
    for await (const { value } of listRecords(client, {
      repo: did,
      collection: 'app.bsky.feed.like',
      limit: 10,
    }))
      values.push(value['n'])
    expect(values).toEqual(Array.from({ length: 25 }, (_, i) => i))
  })
})

describe('streams of our server, read by others', () => {
  const identity = (seq: number): DataObject => ({
    $type: '#identity',
    seq,
    did,
    time,
    handle: `n${seq}.test`,
  })

  /** Messages 1…100, from the cursor on; breaks connections now and then. */
  const events = (): Router =>
    createRouter().add(SubscribeRepos.main, {
      handler: async function* ({ params, signal }) {
        const from = params.cursor ?? 0
        if (from > 1000) throw new XrpcError(400, 'FutureCursor', 'Cursor in the future.')
        for (let seq = from + 1; seq <= 100 && !signal.aborted; seq++) yield identity(seq) as never
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    })
  const all = Array.from({ length: 100 }, (_, i) => i + 1)

  test('@atproto/xrpc-server Subscription', async () => {
    await using server = await serve({ router: events() })
    const got: number[] = []
    const stop = new AbortController()
    const subscription = new Subscription({
      service: server.url.replace('http', 'ws'),
      method: 'com.atproto.sync.subscribeRepos',
      signal: stop.signal,
      getParams: () => ({ cursor: 0 }),
      validate: (value) => value as { $type: string; seq: number },
    })
    for await (const message of subscription) {
      expect(message.$type).toBe('com.atproto.sync.subscribeRepos#identity')
      got.push(message.seq)
      if (got.length === 100) break
    }
    stop.abort()
    expect(got).toEqual(all)
  })

  test('@atcute/firehose, validating', async () => {
    await using server = await serve({ router: events() })
    const got: number[] = []
    const subscription = new FirehoseSubscription({
      service: server.url.replace('http', 'ws'),
      nsid: ComAtprotoSyncSubscribeRepos.mainSchema,
      params: () => ({ cursor: 0 }),
      ws: { WebSocket: WebSocket as never },
    } as never)
    for await (const message of subscription as AsyncIterable<{ $type: string; seq: number }>) {
      expect(message.$type).toBe('com.atproto.sync.subscribeRepos#identity')
      got.push(message.seq)
      if (got.length === 100) break
    }
    expect(got).toEqual(all)
  })

  test('@skyware/firehose, real commits too', async () => {
    const packed = await readFixture('relay-capture/frames.bin.zst')
    const captured = packed === null ? [] : framesOf(new Uint8Array(zstdDecompressSync(packed)))
    const router = createRouter({ validateOutput: false }).add(SubscribeRepos.main, {
      handler: async function* ({ signal }) {
        for (const frame of captured) yield frame
        for (let seq = 1; seq <= 100; seq++)
          yield encodeFrame('#identity', { seq, did, time, handle: `n${seq}.test` })
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    })
    await using server = await serve({ router })
    const firehose = new Firehose({
      relay: server.url.replace('http', 'ws'),
      cursor: '0',
      autoReconnect: false,
      ws: WebSocket,
    })
    const counts = { identity: 0, commit: 0, account: 0, sync: 0, error: 0 }
    const errors: unknown[] = []
    firehose.on('identity', () => (counts.identity += 1))
    firehose.on('account', () => (counts.account += 1))
    firehose.on('sync', () => (counts.sync += 1))
    firehose.on('commit', () => (counts.commit += 1))
    firehose.on('error', ({ error }) => errors.push(error))
    firehose.on('websocketError', ({ error }) => errors.push(error))
    firehose.start()
    await expect
      .poll(() => counts.identity + counts.commit + counts.account + counts.sync, { timeout: 20_000 })
      .toBe(100 + captured.length)
    expect(counts.identity).toBeGreaterThanOrEqual(100)
    if (captured.length > 0) expect(counts.commit).toBeGreaterThan(50)
    expect(errors).toEqual([])
    firehose.close()
  })
})

function framesOf(all: Uint8Array): Uint8Array[] {
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength)
  const frames: Uint8Array[] = []
  for (let at = 0; at < all.length; at += 4 + view.getUint32(at, true)) {
    frames.push(all.subarray(at + 4, at + 4 + view.getUint32(at, true)))
  }
  return frames
}
