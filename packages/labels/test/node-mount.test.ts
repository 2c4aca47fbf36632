// queryLabels and subscribeLabels over real sockets.
import { once } from 'node:events'
import { connect } from 'node:net'

import { openDatabase } from '@avocet/sqlite'
import { createRouter, type RequestReport } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { createClient, items, subscribe, unwrap, XrpcClientError } from '@avocet/xrpc-client'
import * as QueryLabels from '@avocet/lexicons/com.atproto.label.queryLabels'
import * as SubscribeLabels from '@avocet/lexicons/com.atproto.label.subscribeLabels'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLabelSet, createLabelVerifier, verifyLabel } from '../src/index.ts'
import {
  createLabeler,
  createMemoryLabelStore,
  queryLabels,
  subscribeLabels,
  type Labeler,
  type QueryLabelsOptions,
} from '../src/server/index.ts'
import { openLabelStore } from '../src/sqlite/index.ts'
import { at, CID_A, keypair, LABELER, OTHER, POST } from './support.ts'

const NOON = Date.parse(at(0))
const ALICE = 'did:web:alice.example.com'
const postOf = (did: string, rkey: string): string => `at://${did}/app.bsky.feed.post/${rkey}`

async function start(options: QueryLabelsOptions = {}, scanRows = 2000) {
  const db = openDatabase({ path: ':memory:' })
  const clock = { now: NOON }
  const time = { now: 1000 }
  const now = (): number => clock.now
  const store = openLabelStore(db, { scanRows, now: () => time.now })
  const labeler: Labeler = createLabeler({ did: LABELER, signer: keypair, store, now })
  const router = createRouter()
  queryLabels(router, labeler, { now, ...options })
  subscribeLabels(router, labeler)
  const server = await serve({ router })
  const client = createClient({ service: server.url })
  return {
    labeler,
    clock,
    time,
    server,
    query: async (params: QueryLabels.Params) => unwrap(await client.call(QueryLabels.main, { params })),
    refusal: async (params: object): Promise<[number, string, string]> => {
      const query = new URLSearchParams(
        Object.entries(params).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)])),
      )
      const response = await fetch(`${server.url}/xrpc/com.atproto.label.queryLabels?${query}`)
      const { error, message } = (await response.json()) as { error: string; message: string }
      return [response.status, error, message]
    },
    async close(): Promise<void> {
      await labeler.close()
      await server.close()
      db.close()
    },
  }
}

type Started = Awaited<ReturnType<typeof start>>

describe('queryLabels', () => {
  let it: Started
  beforeAll(async () => {
    it = await start({ maxPatterns: 5 })
    await it.labeler.create([
      { uri: POST, val: 'spam', cid: CID_A },
      { uri: postOf(ALICE, '1'), val: 'spam' },
      { uri: postOf(ALICE, '12'), val: 'rude', exp: new Date(NOON + 1000) },
      { uri: ALICE, val: 'rude' },
      { uri: `${ALICE}x`, val: 'rude' },
    ])
    it.clock.now += 5000
    await it.labeler.negate({ uri: ALICE, val: 'rude' })
  })
  afterAll(() => it.close())
  const uris = async (params: QueryLabels.Params): Promise<string[]> =>
    (await it.query(params)).labels.map(({ uri }) => uri)

  test('gives labels as they were signed', async () => {
    const { labels, cursor } = await it.query({ uriPatterns: [POST] })
    expect(labels).toMatchObject([{ ver: 1, src: LABELER, uri: POST, cid: CID_A, val: 'spam', cts: at(0) }])
    expect(verifyLabel(labels[0], keypair.publicKey).ok).toBe(true)
    expect(cursor).toBe('1')
  })

  test('matches in full, or by the beginning', async () => {
    expect(await uris({ uriPatterns: [postOf(ALICE, '1')] })).toEqual([postOf(ALICE, '1')])
    expect(await uris({ uriPatterns: [`${postOf(ALICE, '1')}*`] })).toEqual([
      postOf(ALICE, '1'),
      postOf(ALICE, '12'),
    ])
    expect(await uris({ uriPatterns: [ALICE, POST] })).toEqual([POST, ALICE])
    expect(await uris({ uriPatterns: [`${ALICE}*`, ALICE] })).toEqual([`${ALICE}x`, ALICE])
    expect(await uris({ uriPatterns: ['at://%', '_*', 'at'] })).toEqual([])
    expect(await uris({ uriPatterns: ['*'] })).toHaveLength(5)
  })

  test('gives negations and expired labels, for copies', async () => {
    expect((await it.query({ uriPatterns: [ALICE] })).labels).toMatchObject([
      { val: 'rude', neg: true, cts: at(5) },
    ])
    expect((await it.query({ uriPatterns: [postOf(ALICE, '12')] })).labels).toMatchObject([{ exp: at(1) }])
  })

  test('knows its own source alone', async () => {
    expect(await it.query({ uriPatterns: ['*'], sources: [OTHER] })).toEqual({ labels: [] })
    expect((await it.query({ uriPatterns: ['*'], sources: [OTHER, LABELER] })).labels).toHaveLength(5)
  })

  test('goes on at the cursor, also for what is new', async () => {
    const first = await it.query({ uriPatterns: ['*'], limit: 2 })
    const second = await it.query({ uriPatterns: ['*'], limit: 10, cursor: first.cursor! })
    expect([first.cursor, second.cursor, second.labels.length]).toEqual(['2', '6', 3])
    expect(await it.query({ uriPatterns: ['*'], cursor: second.cursor! })).toEqual({ labels: [] })
    await it.labeler.create({ uri: POST, val: 'new' })
    expect(await it.query({ uriPatterns: ['*'], cursor: second.cursor! })).toMatchObject({
      cursor: '7',
      labels: [{ val: 'new' }],
    })
  })

  test('refuses what it does not support', async () => {
    const bad = async (params: object): Promise<void> => {
      const [status, error] = await it.refusal({ uriPatterns: '*', ...params })
      expect([params, status, error]).toEqual([params, 400, 'InvalidRequest'])
    }
    for (const uriPatterns of ['a*b', '*b', '**', [POST, 'a*b']]) await bad({ uriPatterns })
    await bad({ uriPatterns: Array.from({ length: 6 }, (_, i) => `at://${i}`) })
    for (const cursor of ['x', '-1', '1.5', '1e3', '99999999999999999', '9007199254740993'])
      await bad({ cursor })
    for (const limit of [0, 251]) await bad({ limit })
    await bad({ sources: 'alice.example.com' })
    expect(
      (await it.query({ uriPatterns: Array.from({ length: 5 }, (_, i) => `at://${i}`) })).labels,
    ).toEqual([])
  })

  test('leaves out what is not in force, where it is told to', async () => {
    const other = await start({ inForceOnly: true })
    await other.labeler.create([
      { uri: POST, val: 'a' },
      { uri: POST, val: 'b', exp: new Date(NOON + 1000) },
      { uri: POST, val: 'c' },
    ])
    await other.labeler.negate({ uri: POST, val: 'a' })
    other.clock.now += 1000
    const { labels, cursor } = await other.query({ uriPatterns: [POST] })
    expect([labels.map(({ val }) => val), cursor]).toEqual([['c'], '4'])
    await other.close()
  })

  test('a copy that missed the start of the stream is made whole by asking for all, verified', async () => {
    const other = await start({ inForceOnly: true }, 10)
    await other.labeler.create(Array.from({ length: 120 }, (_, i) => ({ uri: POST, val: `v${i}` })))
    for (let i = 0; i < 100; i++) await other.labeler.negate({ uri: POST, val: `v${i}` })
    other.time.now = 2000
    await other.labeler.trim(new Date(1500))
    const client = createClient({ service: other.server.url })
    const verifier = createLabelVerifier({ resolveKey: async () => keypair.publicKey })
    const set = createLabelSet()
    const params = { uriPatterns: ['*'], limit: 7 }
    for await (const one of items(client, QueryLabels.main, 'labels', { params })) {
      const checked = await verifier.verify(one)
      if (checked.ok) set.apply(checked.value)
    }
    expect(set.inForce(POST).map(({ val }) => val)).toEqual(
      Array.from({ length: 20 }, (_, i) => `v${100 + i}`),
    )
    await other.close()
  })

  test('a broad pattern is answered in pages, each for a bounded amount of work', async () => {
    const other = await start({}, 10)
    const uri = (i: number): string => postOf(i % 50 === 49 ? ALICE : OTHER, String(i))
    await other.labeler.create(Array.from({ length: 200 }, (_, i) => ({ uri: uri(i), val: 'a' })))
    // 8 rounds of 10 rows: one match in them, where the index would have too many to sort.
    const all: string[] = []
    const pages: number[] = []
    let cursor: string | undefined
    do {
      const page = await other.query({
        uriPatterns: [
          `at://${ALICE}*`,
          `at://${OTHER}/app.bsky.feed.post/199999*`,
          'did:*',
          'at://did:web:zz*',
          `at://${OTHER}/app.bsky.feed.post/1*`,
        ],
        limit: 250,
        ...(cursor === undefined ? {} : { cursor }),
      })
      all.push(...page.labels.map((label) => label.uri))
      pages.push(page.labels.length)
      cursor = page.cursor
    } while (cursor !== undefined && pages.length < 20)
    const wanted = Array.from({ length: 200 }, (_, i) => uri(i)).filter(
      (one) => one.includes(ALICE) || one.includes('/1'),
    )
    expect(all).toEqual(wanted)
    expect(pages.length).toBeGreaterThan(2)
    await other.close()
  })
})

describe('subscribeLabels', () => {
  const NSID = 'com.atproto.label.subscribeLabels'

  test('sends one label a message, from the cursor on and then live', async () => {
    await using it = await opened()
    const said = await it.labeler.create([
      { uri: POST, val: 'a' },
      { uri: POST, val: 'b' },
    ])
    const stream = subscribe({ service: it.server.url, nsid: NSID, params: () => ({ cursor: 1 }) })
    expect((await stream.next()).value).toMatchObject({
      type: '#labels',
      body: { seq: 2, labels: [said[1]!.label] },
    })
    const next = stream.next()
    const [third] = await it.labeler.negate({ uri: POST, val: 'a' })
    expect((await next).value).toMatchObject({ body: { seq: 3, labels: [third!.label] } })
    await stream.return()
  })

  test('says the same in JSON, to who asks for it', async () => {
    await using it = await opened()
    const said = await it.labeler.create([
      { uri: POST, val: 'a', cid: CID_A, exp: new Date(NOON + 1000) },
      { uri: POST, val: 'b' },
    ])
    for (const encoding of ['cbor', 'json'] as const) {
      const options = {
        service: it.server.url,
        schema: SubscribeLabels.main,
        encoding,
        params: () => ({ cursor: 0 }),
      }
      const stream = subscribe({ ...options, validate: true })
      for (const { seq, label } of said) {
        const { value } = await stream.next()
        expect(value?.body).toMatchObject({ seq, labels: [label] })
        const [told] = (value!.body as SubscribeLabels.Labels).labels
        expect(verifyLabel(told, keypair.publicKey).ok).toBe(true)
      }
      await stream.return()
    }
  })

  test('without a cursor: live from now on', async () => {
    await using it = await opened()
    await it.labeler.create({ uri: POST, val: 'a' })
    const stream = subscribe({ service: it.server.url, nsid: NSID })
    const next = stream.next()
    await expect.poll(() => it.labeler.stats().subscribers.length).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await it.labeler.create({ uri: POST, val: 'b' })
    expect((await next).value).toMatchObject({ body: { seq: 2 } })
    await stream.return()
    await expect.poll(() => it.labeler.stats().subscribers.length).toBe(0)
  })

  test('a cursor that is ahead is refused; one below zero, too', async () => {
    await using it = await opened()
    await it.labeler.create({ uri: POST, val: 'a' })
    const ends: [number, string][] = [
      [2, 'FutureCursor'],
      [-1, 'InvalidRequest'],
    ]
    for (const [cursor, error] of ends) {
      const stream = subscribe({
        service: it.server.url,
        nsid: NSID,
        params: () => ({ cursor }),
        reconnect: false,
      })
      await expect(stream.next()).rejects.toSatisfy(
        (cause) => cause instanceof XrpcClientError && cause.error === error,
      )
    }
    const stream = subscribe({ service: it.server.url, nsid: NSID, params: () => ({ cursor: 1 }) })
    const next = stream.next()
    await it.labeler.create({ uri: POST, val: 'b' })
    expect((await next).value).toMatchObject({ body: { seq: 2 } })
    await stream.return()
  })

  test('a cursor from before the start is told so, then gets what there is', async () => {
    await using it = await opened()
    await it.labeler.create([
      { uri: POST, val: 'a' },
      { uri: POST, val: 'b' },
    ])
    it.time.now = 2000
    await it.labeler.create({ uri: POST, val: 'c' })
    await it.labeler.trim(new Date(1500))
    const stream = subscribe({ service: it.server.url, nsid: NSID, params: () => ({ cursor: 1 }) })
    expect((await stream.next()).value).toMatchObject({ type: '#info', body: { name: 'OutdatedCursor' } })
    expect((await stream.next()).value).toMatchObject({ body: { seq: 3 } })
    await stream.return()
  })

  test('who does not read is cut off, within its bytes; the others lose nothing', async () => {
    const labeler = createLabeler({ did: LABELER, signer: keypair, store: createMemoryLabelStore() })
    const reports: RequestReport[] = []
    const router = createRouter({ onRequest: (report) => reports.push(report) })
    subscribeLabels(router, labeler, { limits: { bufferedBytes: 64 * 1024, drainMs: 300 } })
    await using server = await serve({ router })
    const deaf = connect(server.port, '127.0.0.1')
    deaf.on('error', () => {})
    deaf.write(
      `GET /xrpc/${NSID}?cursor=0 HTTP/1.1\r\nHost: x\r\nUser-Agent: deaf\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    await once(deaf, 'data')
    deaf.pause()
    const bounds = { buffered: 0, held: 0 }
    const watching = setInterval(() => {
      for (const one of router.subscribers()) bounds.buffered = Math.max(bounds.buffered, one.bufferedBytes)
      bounds.held = Math.max(bounds.held, labeler.stats().tailBytes)
    }, 5)
    const total = 3000
    const stream = subscribe({ service: server.url, nsid: NSID, params: () => ({ cursor: 0 }) })
    const reading = (async () => {
      const seqs: unknown[] = []
      for await (const { body } of stream) if (seqs.push(body['seq']) === total) return seqs
      return seqs
    })()
    // More than the buffers of both sockets take.
    const uri = (i: number): string => `at://${ALICE}/${i}/${'x'.repeat(8000)}`
    for (let i = 0; i < total; i += 1000) {
      await labeler.create(Array.from({ length: 1000 }, (_, n) => ({ uri: uri(i + n), val: 'a' })))
    }
    expect(await reading).toEqual(Array.from({ length: total }, (_, i) => i + 1))
    await expect.poll(() => reports.some(({ error }) => error === 'ConsumerTooSlow')).toBe(true)
    clearInterval(watching)
    expect(bounds.buffered).toBeLessThan(128 * 1024)
    expect(bounds.held).toBeLessThan(1024 * 1024 + 16 * 1024)
    await expect.poll(() => router.subscribers()).toEqual([])
    deaf.destroy()
    await labeler.close()
  })

  test('a labeler that closes ends its subscriptions', async () => {
    await using it = await opened()
    await it.labeler.create({ uri: POST, val: 'a' })
    const stream = subscribe({
      service: it.server.url,
      nsid: NSID,
      params: () => ({ cursor: 0 }),
      reconnect: false,
    })
    expect((await stream.next()).value).toMatchObject({ body: { seq: 1 } })
    const next = stream.next()
    await it.labeler.close()
    await expect(next).rejects.toMatchObject({ error: 'ServiceUnavailable' })
  })

  async function opened(): Promise<Started & AsyncDisposable> {
    const it = await start()
    return { ...it, [Symbol.asyncDispose]: () => it.close() }
  }
})
