// What our encoders of Jetstream and Tap write, read by the published clients over real sockets; and signed webhooks both ways.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { JetstreamSubscription } from '@atcute/jetstream'
import { TapClient } from '@atcute/tap'
import { assureAdminAuth, formatAdminAuthHeader, parseTapEvent as parseOfficial, Tap } from '@atproto/tap'
import { createIndexer, defaults, type Indexer } from '@avocet/indexer'
import { subscribeV1, subscribeV2 } from '@avocet/jetstream'
import { parseV1Event, type V1Event } from '@avocet/jetstream/wire'
import { createReceiver, type TapEvent } from '@avocet/tap'
import { basicAuth, encodeTapEvent, type TapRepoInfo } from '@avocet/tap/wire'
import { createWebhookSecret, signWebhook, verifyWebhook } from '@avocet/tap/webhooks'
import { readFixture, readFixtureText } from '@avocet/testing'
import { Jetstream } from '@skyware/jetstream'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { serveJetstream, serveTap } from '../support/json-streams.ts'

const captured = await readFixtureText('relay-capture/expected_v1.jsonl')
const events = (captured ?? '')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): V1Event => {
    const parsed = parseV1Event(line)
    if (!parsed.ok) throw new Error(parsed.error.message)
    return parsed.value
  })
  .toSorted((a, b) => a.time_us - b.time_us)
// Their schema wants a handle, which the public servers do not send: ours adds a verified one.
const withHandles = events.map((event) =>
  event.kind === 'identity' ? { ...event, identity: { ...event.identity, handle: 'handle.invalid' } } : event,
)
const first = events[0]?.time_us ?? 0
const did = 'did:plc:44ybard66vv44zksje25o7dz'

async function until(done: () => boolean, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!done() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe.skipIf(events.length === 0)('Jetstream v1, of a captured stream', () => {
  test('is read by @skyware/jetstream, over a cut, with and without a filter', async () => {
    await using server = await serveJetstream(events)
    const seen: V1Event[] = []
    const jetstream = new Jetstream({
      endpoint: `${server.url.replace('http', 'ws')}/subscribe`,
      ws: WebSocket,
      cursor: first,
    })
    for (const kind of ['commit', 'identity', 'account'] as const)
      jetstream.on(kind, (event) => void seen.push(event as unknown as V1Event))
    jetstream.start()
    await until(() => seen.length >= events.length)
    expect(seen).toEqual(events)
    server.cut()
    // It goes on at the largest `time_us` that it has seen: that event comes again.
    await until(() => server.asked.length > 1 && seen.length > events.length)
    expect(server.asked.at(-1)!.searchParams.get('cursor')).toBe(String(events.at(-1)!.time_us))
    expect(seen.slice(events.length)).toEqual([events.at(-1)])
    jetstream.close()

    const likes: unknown[] = []
    const filtered = new Jetstream({
      endpoint: `${server.url.replace('http', 'ws')}/subscribe`,
      ws: WebSocket,
      cursor: first,
      wantedCollections: ['app.bsky.feed.like'],
    })
    filtered.on('commit', (event) => void likes.push(event))
    filtered.start()
    const wanted = events.filter(
      (event) => event.kind === 'commit' && event.commit.collection === 'app.bsky.feed.like',
    )
    await until(() => likes.length >= wanted.length)
    expect(likes).toEqual(wanted)
    filtered.close()
  })

  test('is read by @atcute/jetstream, which drops identities without a handle', async () => {
    const read = async (
      log: readonly V1Event[],
      count: number,
    ): Promise<{ seen: unknown[]; invalid: number }> => {
      await using server = await serveJetstream(log)
      const seen: unknown[] = []
      let invalid = 0
      const subscription = new JetstreamSubscription({
        url: server.url.replace('http', 'ws'),
        cursor: first,
        onError: () => (invalid += 1),
      })
      for await (const event of subscription) {
        seen.push(event)
        if (seen.length === count) break
      }
      return { seen, invalid }
    }
    expect(await read(withHandles, withHandles.length)).toEqual({ seen: withHandles, invalid: 0 })
    const others = events.filter((event) => event.kind !== 'identity')
    expect(others.length).toBeLessThan(events.length)
    const { seen } = await read(
      [...events].toSorted((a, b) => Number(b.kind === 'identity') - Number(a.kind === 'identity')),
      others.length,
    )
    expect(seen).toEqual(others)
  })

  test('has the filter of @atcute/jetstream in a message', async () => {
    await using server = await serveJetstream(events)
    const dids = [...new Set(events.slice(0, 20).map((event) => event.did))]
    const wanted = withHandles.filter(
      (event) =>
        dids.includes(event.did) &&
        event.kind === 'commit' &&
        event.commit.collection.startsWith('app.bsky.feed.'),
    )
    const seen: unknown[] = []
    const subscription = new JetstreamSubscription({
      url: server.url.replace('http', 'ws'),
      cursor: first,
      wantedDids: dids,
      wantedCollections: ['app.bsky.feed.*'],
    })
    for await (const event of subscription) {
      if (event.kind === 'commit') seen.push(event)
      if (seen.length === wanted.length) break
    }
    expect(seen).toEqual(wanted)
    expect(server.asked[0]!.searchParams.get('requireHello')).toBe('true')
  })
})

describe.skipIf(events.length === 0)('the streams of the indexer, over the capture', () => {
  let folder: string
  let indexer: Indexer
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'avocet-streams-'))
    const documents = zstdDecompressSync((await readFixture('relay-capture/did_docs.json.zst'))!)
    const known = Object.values(JSON.parse(documents.toString()) as object)
    // One account is without a document in the capture.
    const unknown = events.find(({ kind }) => kind === 'identity')!.did
    const [frames, docs] = [join(folder, 'frames.bin.zst'), join(folder, 'documents.json')]
    writeFileSync(frames, (await readFixture('relay-capture/frames.bin.zst'))!)
    writeFileSync(docs, JSON.stringify([...known, { ...known[0], id: unknown }]))
    const main = new URL('../../apps/indexer/src/main.ts', import.meta.url).pathname
    execFileSync(process.execPath, [
      main,
      'replay',
      frames,
      `--did-docs=${docs}`,
      `--data=${folder}`,
      '--quiet',
    ])
    indexer = await createIndexer({
      ...defaults,
      dataFolder: folder,
      port: 0,
      sources: [],
      collections: null,
      backfill: false,
      repos: [],
      allowLoopback: false,
      logRetentionMs: 3_600_000,
    })
  }, 60_000)
  afterAll(async () => {
    await indexer?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  /** What is the same in all that tell of an event, in one order. */
  const told = (list: readonly unknown[]): object[] => {
    const place = (event: V1Event): string =>
      `${event.did} ${event.kind === 'commit' ? `${event.commit.rev} ${event.commit.collection} ${event.commit.rkey}` : event.kind}`
    return (list as V1Event[])
      .toSorted((one, other) => (place(one) < place(other) ? -1 : 1))
      .map((event) => ({ ...event, time_us: 1, cursor: 1 }))
  }
  const expected = told(withHandles)

  test('are read by @skyware/jetstream, and where it was it goes on', async () => {
    const seen: V1Event[] = []
    const read = (cursor: number): Jetstream => {
      const jetstream = new Jetstream({
        endpoint: `${indexer.url!.replace('http', 'ws')}/subscribe`,
        ws: WebSocket,
        cursor,
      })
      for (const kind of ['commit', 'identity', 'account'] as const)
        jetstream.on(kind, (event) => void seen.push(event as unknown as V1Event))
      jetstream.start()
      return jetstream
    }
    const all = read(1)
    await until(() => seen.length >= events.length)
    all.close()
    expect(told(seen)).toEqual(expected)
    const half = seen.slice(76)
    // By its time, and by its number.
    for (const cursor of [half[0]!.time_us, half[0]!.cursor!]) {
      seen.length = 0
      const rest = read(cursor)
      await until(() => seen.length >= half.length)
      rest.close()
      expect(seen).toEqual(half)
    }
  })

  test('are read by @atcute/jetstream, each of them, with a filter that it sends', async () => {
    const read = async (count: number, filter: object): Promise<unknown[]> => {
      const seen: unknown[] = []
      const subscription = new JetstreamSubscription({
        url: indexer.url!.replace('http', 'ws'),
        cursor: 1_000_000_000_000_000,
        onError: (error) => expect.fail(String(error)),
        ...filter,
      })
      for await (const event of subscription) if (seen.push(event) === count) break
      return seen
    }
    expect(told(await read(events.length, {}))).toEqual(expected)
    const likes = withHandles.filter(
      (event) => event.kind !== 'commit' || event.commit.collection === 'app.bsky.feed.like',
    )
    expect(told(await read(likes.length, { wantedCollections: ['app.bsky.feed.like'] }))).toEqual(told(likes))
  })

  test('are read by @avocet/jetstream on both wires', async () => {
    const service = indexer.url!
    const take = async <T>(count: number, list: AsyncIterable<T>): Promise<T[]> => {
      const seen: T[] = []
      for await (const event of list) if (seen.push(event) === count) break
      return seen
    }
    const second = await take(events.length, subscribeV2({ service, cursor: 1 }))
    expect(second.map((event) => (event as { seq?: number }).seq)).toEqual(events.map((_, i) => i + 1))
    expect(told(await take(events.length, subscribeV1({ service, cursor: 1 })))).toEqual(expected)
  })
})

describe('Tap', () => {
  const base = { did, rev: '3mptbypluud2a', collection: 'com.example.note', live: true } as const
  const cid = 'bafyreiguce4jh7kcbmof3pmcvasifqtw24b6isakj5ve5ga2b4z4alpc4i'
  const record = {
    $type: 'com.example.note',
    link: { $link: cid },
    bytes: { $bytes: 'AAEC' },
    n: 1,
    list: [null, true, 'x'],
  }
  const log: TapEvent[] = [
    { id: 1, type: 'identity', did, handle: 'alice.example.com', isActive: true, status: 'active' },
    { ...base, id: 2, type: 'record', rkey: 'a', action: 'create', cid, record },
    { ...base, id: 3, type: 'record', rkey: 'a', action: 'update', cid, record },
    { ...base, id: 4, type: 'record', rkey: 'b', action: 'create', cid },
    { ...base, id: 5, type: 'record', rkey: 'a', action: 'delete' },
    { id: 6, type: 'identity', did, handle: 'handle.invalid', isActive: false, status: 'deleted' },
  ]
  const info: TapRepoInfo = {
    did,
    handle: 'alice.example.com',
    state: 'active',
    rev: base.rev,
    error: null,
    retries: 0,
    records: 3,
  }
  const repos = new Map([[did, info]])

  test('is spoken with by @atproto/tap: events, acks, repos', async () => {
    await using server = await serveTap(log, repos, 'secret')
    const tap = new Tap(server.url, { adminPassword: 'secret' })
    await tap.addRepos([did])
    expect(server.added).toEqual([did])
    expect(await tap.getRepoInfo(did)).toMatchObject({
      did,
      handle: 'alice.example.com',
      state: 'active',
      rev: base.rev,
      records: 3,
    })
    const seen: unknown[] = []
    const errors: Error[] = []
    const channel = tap.channel({
      async onEvent(event, { ack }) {
        seen.push(event)
        await ack()
      },
      onError: (error) => void errors.push(error),
    })
    const running = channel.start()
    await until(() => server.acked.length >= log.length)
    expect(errors).toEqual([])
    expect(server.acked).toEqual([1, 2, 3, 4, 5, 6])
    expect(seen.map((event) => ({ ...(event as object), record: undefined }))).toEqual(
      log.map((event) => ({ ...event, record: undefined })),
    )
    await channel.destroy()
    await running
  })

  test('is spoken with by @atcute/tap: events, acks after a cut, repos', async () => {
    await using server = await serveTap(log, repos, null)
    const tap = new TapClient({ url: server.url })
    await tap.addRepos([did])
    expect(await tap.getRepoInfo(did)).toMatchObject({ did, rev: base.rev, records: 3 })
    const errors: unknown[] = []
    const seen: unknown[] = []
    const subscription = tap.subscribe({ onError: (error) => void errors.push(error) })
    for await (const { event, ack } of subscription) {
      seen.push(event)
      await ack()
      if (seen.length === 3) server.cut()
      if (event.id !== 6) continue
      // What was acked as the connection broke off may come again.
      await until(() => server.acked.length >= log.length, 500)
      if (server.acked.length >= log.length) break
    }
    expect(errors).toEqual([])
    expect([...new Set(server.acked)].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6])
    for (const event of log) expect(seen).toContainEqual(event)
  })

  test('sends webhooks that the official parser takes, and takes the official header', async () => {
    for (const event of log) {
      const parsed = parseOfficial(JSON.parse(encodeTapEvent(event)))
      expect({ ...parsed, record: undefined }).toEqual({ ...event, record: undefined })
    }
    expect(() => assureAdminAuth('sécret', basicAuth('sécret'))).not.toThrow()
    const handled: TapEvent[] = []
    const receive = createReceiver({
      password: 'sécret',
      onEvent: (event) => void handled.push(event),
      onFailure: () => undefined,
    })
    for (const event of log) {
      const headers = { authorization: formatAdminAuthHeader('sécret') }
      const request = new Request('http://x/', { method: 'POST', headers, body: encodeTapEvent(event) })
      expect((await receive(request)).status).toBe(200)
    }
    expect(handled).toEqual(log)
  })
})

describe('signed webhooks', () => {
  test('are verified by standardwebhooks, and its own by us', async () => {
    const secret = createWebhookSecret()
    const other = createWebhookSecret()
    const body = JSON.stringify({ events: [{ text: 'héllo 🪶' }], cursor: '9' })
    const timestamp = Math.floor(Date.now() / 1000)
    const ours = await signWebhook({ id: 'msg_1', timestamp, body }, [other, secret])
    expect(new Webhook(secret).verify(body, { ...ours })).toEqual(JSON.parse(body))
    expect(() => new Webhook(createWebhookSecret()).verify(body, { ...ours })).toThrow(
      'No matching signature',
    )
    const theirs = new Webhook(secret).sign('msg_2', new Date(timestamp * 1000), body)
    const headers = new Headers({
      'webhook-id': 'msg_2',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': theirs,
    })
    expect(await verifyWebhook({ headers, body }, secret)).toEqual({
      ok: true,
      value: { id: 'msg_2', timestamp },
    })
    expect(await verifyWebhook({ headers, body }, other)).toEqual({ ok: false, error: 'wrong-signature' })
  })
})
