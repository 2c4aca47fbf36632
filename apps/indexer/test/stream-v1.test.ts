// Jetstream v1 over a real host, and over the capture of a real relay.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { encodeV1Options } from '@avocet/jetstream/wire'
import { readFixture, readFixtureText } from '@avocet/testing'
import { afterEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { replayCapture } from '../src/commands/replay.ts'
import type { IndexerConfig } from '../src/config.ts'
import { type Host, post, startHost } from './support/host.ts'
import { dictionary } from './support/dictionary.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Heard, listen, refused } from './support/streams.ts'

const capture = await readFixture('relay-capture/frames.bin.zst')
const documents = await readFixture('relay-capture/did_docs.json.zst')
const captured = await readFixtureText('relay-capture/expected_v1.jsonl')

const folders: string[] = []
const opened: AsyncDisposable[] = []
const heard: Heard[] = []
afterEach(async () => {
  for (const each of heard.splice(0)) each.close()
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'avocet-stream-'))
  folders.push(made)
  return made
}
const start = async (config: Partial<IndexerConfig> = {}): Promise<{ host: Host; indexer: Indexer }> => {
  const host = await startHost()
  const indexer = await startIndexer(host, config)
  opened.push(host, indexer)
  return { host, indexer }
}
const hear = (indexer: Indexer, query = ''): Heard => {
  const each = listen(indexer.url!, `/subscribe${query}`)
  heard.push(each)
  return each
}
const created = (rkey: string, text = rkey) =>
  ({ action: 'create', collection: 'app.bsky.feed.post', rkey, record: post(text) }) as const
const open = (each: Heard): Promise<boolean> => eventually(() => each.socket.readyState === 1)

type Event = { did: string; kind: string; time_us: number; cursor: number } & Record<string, any>

describe.skipIf(capture === null)('the capture of a relay', () => {
  test('comes out as another consumer saw it', async () => {
    const dataFolder = folder()
    const frames = join(dataFolder, 'frames.bin.zst')
    const didDocs = join(dataFolder, 'did_docs.json')
    writeFileSync(frames, capture!)
    const known = Object.values(JSON.parse(zstdDecompressSync(documents!).toString()) as object)
    const expected = captured!
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Event)
    // Of one account there is no document in the capture: it sends an #identity and an #account, which nobody signs.
    const unsigned = expected.find(({ kind }) => kind === 'identity')!.did
    writeFileSync(didDocs, JSON.stringify([...known, { ...known[0], id: unsigned }]))
    await replayCapture(
      { frames, didDocs, dataFolder, plcUrl: 'http://127.0.0.1:1', collections: null },
      null,
    )
    const indexer = await startIndexer(
      { wsUrl: '', plcUrl: 'http://127.0.0.1:1' },
      { dataFolder, sources: [] },
    )
    opened.push(indexer)
    const events = (await hear(indexer, '?cursor=1').json(expected.length)) as Event[]
    const times = events.map((event) => event.time_us)
    expect(times).toEqual([...new Set(times)].toSorted((a, b) => a - b))
    expect(events.map(({ cursor }) => cursor)).toEqual(events.map((_, i) => i + 1))
    // What is ours alone is left out: the time it got here, its number, and the verified handle.
    const bare = (event: Event): object => {
      const identity = event['identity'] as object | undefined
      const ours = { time_us: 0, cursor: 0 }
      return { ...event, ...ours, ...(identity && { identity: { ...identity, handle: undefined } }) }
    }
    const byAccount = (list: readonly Event[]) =>
      Object.groupBy(list.map(bare), (event) => (event as Event).did)
    expect(byAccount(events)).toEqual(byAccount(expected))
    expect(events.find(({ kind }) => kind === 'identity')!['identity'].handle).toBe('handle.invalid')
  })
})

describe('v1', () => {
  test('the filter of the URL, and those that replace it', async () => {
    const { host, indexer } = await start()
    const [ada, bob] = [await host.createAccount('ada'), await host.createAccount('bob')]
    const posts = hear(indexer, '?wantedCollections=app.bsky.feed.*')
    const bobs = hear(indexer, `?wantedDids=${bob.did}`)
    const hello = hear(indexer, '?requireHello=true')
    await Promise.all([open(posts), open(bobs), open(hello)])
    hello.socket.send(Buffer.from('{"type":"options_update"'), { binary: true })
    hello.socket.send('{"type":"something"}')
    await host.write(ada, [
      created('3kaaaaaaaaa2a'),
      {
        action: 'create',
        collection: 'app.bsky.graph.list',
        rkey: 'l',
        record: { $type: 'app.bsky.graph.list' },
      },
    ])
    await host.write(bob, [created('3kaaaaaaaaa2a')])
    host.identity(ada)
    const rkeys = async (each: Heard, count: number): Promise<string[]> =>
      ((await each.json(count)) as Event[]).map(({ kind, commit }) => commit?.rkey ?? kind)
    expect((await rkeys(posts, 3)).toSorted()).toEqual(['3kaaaaaaaaa2a', '3kaaaaaaaaa2a', 'identity'])
    expect(await rkeys(bobs, 1)).toEqual(['3kaaaaaaaaa2a'])
    expect(hello.frames).toEqual([])
    // From where it stood when it connected.
    hello.socket.send(encodeV1Options({ collections: ['app.bsky.graph.list'], dids: [ada.did] }))
    expect((await rkeys(hello, 2)).toSorted()).toEqual(['identity', 'l'])
    // A member that is absent is cleared.
    hello.socket.send(JSON.stringify({ type: 'options_update', payload: {} }))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await host.write(bob, [created('3kaaaaaaaaa2b')])
    expect((await rkeys(hello, 3)).at(-1)).toBe('3kaaaaaaaaa2b')
    expect(JSON.parse(String(hello.frames.at(-1)))).toEqual({
      did: bob.did,
      time_us: expect.any(Number),
      kind: 'commit',
      commit: {
        rev: expect.any(String),
        operation: 'create',
        collection: 'app.bsky.feed.post',
        rkey: '3kaaaaaaaaa2b',
        record: post('3kaaaaaaaaa2b'),
        cid: expect.any(String),
      },
      cursor: expect.any(Number),
    })
    hello.socket.send('{')
    posts.socket.send(JSON.stringify({ type: 'options_update', payload: { wantedDids: ['x'] } }))
    bobs.socket.send('x'.repeat(1024 * 1024 + 1))
    expect([await hello.closed(), await posts.closed(), (await bobs.closed()).code]).toEqual([
      { code: 1007, reason: 'not a JSON object' },
      { code: 1008, reason: 'invalid wantedDids: not a DID' },
      1009,
    ])
  })

  test('cursors are numbers or times; an old one begins with what there is, a future one at the tip', async () => {
    const { host, indexer } = await start()
    const ada = await host.createAccount('ada')
    for (const rkey of ['a', 'b', 'c', 'd']) await host.write(ada, [created(`3kaaaaaaaaa2${rkey}`)])
    await eventually(() => indexer.status().totals.creates === 4)
    const all = (await hear(indexer, '?cursor=0').json(4)) as Event[]
    const third = all[2]!
    const from = async (cursor: number, count: number): Promise<Event[]> =>
      (await hear(indexer, `?cursor=${cursor}`).json(count)) as Event[]
    expect(await from(third.cursor, 2)).toEqual(all.slice(2))
    expect(await from(third.time_us, 2)).toEqual(all.slice(2))
    expect(await from(third.time_us + 1, 1)).toEqual(all.slice(3))
    expect(await from(1_000_000_000_000_000, 4)).toEqual(all)
    const future = hear(indexer, `?cursor=${third.time_us + 3_600_000_000}`)
    const small = hear(indexer, `?cursor=1&maxMessageSizeBytes=${JSON.stringify(third).length}`)
    await Promise.all([open(future), open(small)])
    await host.write(ada, [created('3kaaaaaaaaa2e', 'x'.repeat(30)), created('3kaaaaaaaaa2f')])
    expect(((await future.json(2)) as Event[]).map(({ cursor }) => cursor)).toEqual([5, 6])
    expect(((await small.json(5)) as Event[]).map(({ cursor }) => cursor)).toEqual([1, 2, 3, 4, 6])
  })

  test('what an export brought comes to who asks for it by name', async () => {
    const { host, indexer } = await start()
    const ada = await host.createAccount('ada')
    await host.write(ada, [created('3kaaaaaaaaa2a'), created('3kaaaaaaaaa2b')], { silent: true })
    await host.write(ada, [created('3kaaaaaaaaa2c')])
    await eventually(() => indexer.status().totals.records === 3)
    await host.write(ada, [created('3kaaaaaaaaa2d')])
    const rkeys = async (query: string, count: number): Promise<string[]> =>
      ((await hear(indexer, `?cursor=1${query}`).json(count)) as Event[])
        .map(({ commit }) => commit?.rkey)
        .filter(Boolean)
    const live = await rkeys('', 1)
    expect(live).toContain('3kaaaaaaaaa2d')
    expect(live).not.toContain('3kaaaaaaaaa2a')
    expect(await rkeys('&wantedEventTypes=historical', 2)).toEqual(
      expect.arrayContaining(['3kaaaaaaaaa2a', '3kaaaaaaaaa2b']),
    )
    expect(await rkeys('&wantedEventTypes=historical&wantedEventTypes=live', 4)).toEqual(
      expect.arrayContaining(['a', 'b', 'c', 'd'].map((end) => `3kaaaaaaaaa2${end}`)),
    )
  })

  test.each([
    ['?wantedCollections=app.bsky.fo*', 'invalid wantedCollections: an NSID, or a prefix ending in .*'],
    ['?wantedDids=x', 'invalid wantedDids: not a DID'],
    ['?cursor=x', 'invalid cursor: not a whole number from 0 on'],
    ['?compress=true', 'compress is not served here: there is no dictionary'],
    ['?wantedEventTypes=old', 'invalid wantedEventTypes: live, historical'],
  ])('refuses %s in plain text', async (query, body) => {
    const { indexer } = await start()
    expect(await refused(indexer.url!, `/subscribe${query}`)).toEqual({
      status: 400,
      type: 'text/plain; charset=utf-8',
      body,
    })
  })

  test('packs frames with the dictionary of the operator, on both wires', async () => {
    const file = join(folder(), 'dictionary')
    writeFileSync(file, dictionary)
    const { host, indexer } = await start({ zstdDictionary: file })
    const ada = await host.createAccount('ada')
    const packed = hear(indexer, '?cursor=1&compress=true')
    const plain = hear(indexer, '?cursor=1')
    const second = listen(
      indexer.url!,
      '/xrpc/network.bsky.jetstream.subscribeEvents?cursor=1&zstdDictionary=1612007021',
    )
    heard.push(second)
    await host.write(ada, [created('3kaaaaaaaaa2a')])
    await Promise.all([packed, plain, second].map((each) => eventually(() => each.frames.length > 0)))
    const unpacked = (frame: unknown): string => {
      expect(frame).toBeInstanceOf(Buffer)
      return zstdDecompressSync(frame as Buffer, { dictionary }).toString()
    }
    expect(unpacked(packed.frames[0])).toBe(plain.frames[0])
    expect(JSON.parse(unpacked(second.frames[0])).payload.seq).toBe(1)
    const asked = await fetch(`${indexer.url}/xrpc/network.bsky.jetstream.getZstdDictionary`)
    expect(asked.headers.get('content-type')).toBe('application/octet-stream')
    expect(Buffer.from(await asked.arrayBuffer()).equals(dictionary)).toBe(true)
  })
})
