import { zstdCompressSync } from 'node:zlib'
import { createRandom, fuzzRounds, mutate } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import {
  JetstreamError,
  subscribeV1,
  type CursorStore,
  type Position,
  type ResumeInfo,
  type V1Event,
  type V1Options,
} from '../src/index.ts'
import { didOf, NOON, v1Event, v1Logged } from './events.ts'
import { listen, serveV1, type Logged } from './servers.ts'

/** Waits for something, long enough for a busy machine. */
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 15_000 })

const quick = { minMs: 5, maxMs: 20 }
const second = 1_000_000
const logOf = (n: number, shiftUs = 0): Logged[] =>
  Array.from({ length: n }, (_, i) => v1Logged(v1Event(i), shiftUs))
const secondOf = (us: number): number => (us - NOON) / second

/** Reads so many items, then leaves. */
async function take(options: V1Options, n: number): Promise<number[]> {
  const seen: number[] = []
  for await (const event of subscribeV1({ backoff: quick, ...options })) {
    if (event.kind !== 'invalid') seen.push(Math.round(secondOf(event.time_us)))
    if (seen.length === n) break
  }
  return seen
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

function memory(start: Position | null = null): CursorStore & { saved: Position[] } {
  const saved: Position[] = []
  return { saved, load: () => saved.at(-1) ?? start, save: (position) => void saved.push(position) }
}

async function failure(options: V1Options): Promise<JetstreamError> {
  try {
    for await (const _ of subscribeV1({ backoff: quick, ...options }));
  } catch (error) {
    if (error instanceof JetstreamError) return error
    throw error
  }
  throw new Error('no failure')
}

describe('a subscription', () => {
  it('yields events of every kind, an identity without a handle and odd members among them', async () => {
    const did = didOf(1)
    const texts = [
      v1Logged(v1Event(1)).text,
      `{"did":"${did}","time_us":2,"kind":"identity","identity":{"did":"${did}","seq":1,"time":"t","odd":{}}}`,
      `{"did":"${did}","time_us":3,"kind":"account","account":{"active":false,"did":"${did}","seq":2,"status":"odd","time":"t"},"cursor":9}`,
    ]
    await using server = await listen((open) => {
      const ws = open()
      for (const text of texts) ws.send(text)
    })
    const subscription = subscribeV1({ service: server.url })
    const kinds: string[] = []
    for await (const event of subscription) {
      kinds.push(event.kind)
      expect(event).toEqual(JSON.parse(texts[kinds.length - 1]!))
      if (kinds.length === 3) break
    }
    expect(kinds).toEqual(['commit', 'identity', 'account'])
    expect(server.asked.map(String)).toEqual(['http://x/subscribe'])
    // The reader left while it had the third in hand.
    expect(subscription.position).toEqual({
      service: server.url,
      cursor: NOON + second,
      timeUs: NOON + second,
    })
  })

  it('yields what is no event with its reason, and goes on', async () => {
    const large = `{"kind":"x","text":"${'x'.repeat(2000)}"}`
    await using server = await listen((open) => {
      const ws = open()
      for (const text of ['{', large, '{"kind":"label","time_us":7}']) ws.send(text)
      ws.send(Buffer.from('bytes'))
      ws.send(v1Logged(v1Event(1)).text)
    })
    const subscription = subscribeV1({ service: server.url, maxMessageBytes: 1000 })
    const seen: unknown[] = []
    for await (const event of subscription) {
      seen.push(event.kind === 'invalid' ? [event.reason, event.cursor] : event.kind)
      if (seen.length === 5) break
    }
    expect(seen).toEqual([
      ['not-json', null],
      ['too-large', null],
      ['unknown-kind', 7],
      ['not-zstd', null],
      'commit',
    ])
    expect(subscription.stats).toEqual({ received: 5, duplicates: 0, filtered: 0, invalid: 4 })
  })

  it('goes on whatever a stranger sends', async () => {
    const dictionary = new TextEncoder().encode(v1Logged(v1Event(1)).text.repeat(3))
    const random = createRandom(7)
    const seeds = range(0, 5).map((i) => new TextEncoder().encode(v1Logged(v1Event(i)).text))
    const packed = seeds.map((seed) => new Uint8Array(zstdCompressSync(seed, { dictionary })))
    const count = fuzzRounds(500, 20_000)
    await using server = await listen((open) => {
      const ws = open()
      for (let i = 0; i < count; i += 1) {
        const text = new TextDecoder().decode(mutate(random, random.pick(seeds), seeds))
        ws.send(i % 2 === 0 ? text : mutate(random, random.pick(packed), packed))
      }
      ws.send('{"kind":"last"}')
    })
    const subscription = subscribeV1({ service: server.url, zstd: { dictionary } })
    let yielded = 0
    for await (const event of subscription) {
      yielded += 1
      if (event.kind === 'invalid' && event.text === '{"kind":"last"}') break
    }
    const { received, duplicates, invalid } = subscription.stats
    expect(received).toBe(count + 1)
    expect(yielded + duplicates).toBe(received)
    expect(invalid).toBeGreaterThan(count / 4)
  })

  it('takes a message of exactly the bound, and refuses a byte more', async () => {
    const { text } = v1Logged(v1Event(1))
    await using server = await serveV1([v1Logged(v1Event(1))])
    const kindAt = async (maxMessageBytes: number): Promise<string> => {
      const subscription = subscribeV1({ service: server.url, cursor: 0, maxMessageBytes })
      const { value } = await subscription.next()
      await subscription.return()
      return value!.kind
    }
    expect(await kindAt(text.length)).toBe('commit')
    expect(await kindAt(text.length - 1)).toBe('invalid')
  })

  it('throws once every service sent what no connection takes', async () => {
    await using server = await listen((open) => open().send(Buffer.alloc(17 * 1024 * 1024)))
    expect(await failure({ service: [server.url, server.url] })).toMatchObject({ code: 'too-large' })
    expect(server.asked.length).toBe(2)
  })

  it('ends without an error when it is aborted', async () => {
    await using server = await serveV1([])
    const stop = new AbortController()
    const subscription = subscribeV1({ service: server.url, signal: stop.signal })
    const next = subscription.next()
    await eventually(() => server.sockets.size).toBe(1)
    stop.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    await eventually(() => server.sockets.size).toBe(0)
  })

  it('throws for a refusal that stays one, with what the server said', async () => {
    await using server = await listen(() => ({ status: 400, body: 'Invalid wanted collection: x' }))
    expect(await failure({ service: server.url })).toMatchObject({
      code: 'refused',
      status: 400,
      error: 'InvalidRequest',
    })
    expect(server.asked.length).toBe(1)
  })

  it('tries again while a server is starting (503)', async () => {
    const refuse = (count: number): { status: number; body: string } | undefined =>
      count < 4 ? { status: 503, body: 'bootstrapping' } : undefined
    await using server = await serveV1(logOf(2), { refuse })
    expect(await take({ service: server.url, cursor: NOON }, 2)).toEqual([0, 1])
    expect(server.asked.length).toBe(4)
  })

  it('does not read ahead of a slow reader by more than it may', async () => {
    const big = Buffer.alloc(100_000, 'x').toString()
    const log = range(0, 300).map((i) => {
      const event = v1Event(i) as Extract<V1Event, { kind: 'commit' }>
      return v1Logged({ ...event, commit: { ...event.commit, record: { big } } } as V1Event)
    })
    await using server = await serveV1(log)
    const subscription = subscribeV1({ service: server.url, cursor: NOON, maxBufferedBytes: 1_000_000 })
    let count = 0
    for await (const event of subscription) {
      expect(event.kind).toBe('commit')
      count += 1
      if (count === 1) {
        await new Promise((resolve) => setTimeout(resolve, 300))
        const [ws] = server.sockets
        // 30 MB are on the way: all but what may wait here, and what the kernels hold, is still with the server.
        expect(ws!.bufferedAmount).toBeGreaterThan(10_000_000)
      }
      if (count === 300) break
    }
    expect(server.asked.length).toBe(1)
  })
})

describe('the cursor', () => {
  it('goes on after each cut, without a gap or a repeat', async () => {
    await using server = await serveV1(logOf(100), { cutAfter: 7 })
    expect(await take({ service: server.url, cursor: NOON }, 100)).toEqual(range(0, 100))
    expect(server.asked.length).toBeGreaterThan(14)
    // Each time from two seconds before the last event.
    expect(server.asked.slice(0, 3).map((url) => secondOf(Number(url.searchParams.get('cursor'))))).toEqual([
      0, 4, 8,
    ])
  })

  it('moves on where more comes again than one connection brings', async () => {
    const dense = range(0, 60).map((i) => ({ ...v1Event(i), time_us: NOON + i * 1000 }) as V1Event)
    const log = dense.map((event) => v1Logged(event))
    await using b = await serveV1(log, { cutAfter: 7 })
    await using a = await serveV1(log, {
      cutAfter: 30,
      refuse: (count) => (count > 1 ? { status: 503, body: '' } : undefined),
    })
    for (const service of [[b.url], [a.url, b.url]]) {
      const subscription = subscribeV1({ service, cursor: NOON, backoff: quick })
      const seen: unknown[] = []
      for await (const event of subscription) {
        seen.push(event)
        if (seen.length === 60) break
      }
      expect(seen).toEqual(dense)
    }
  })

  it('loses nothing where a server sends the last events in disorder', async () => {
    await using server = await serveV1(logOf(20), { shuffle: 4 })
    const seen = await take({ service: server.url, cursor: NOON }, 20)
    expect(seen).toEqual([...range(0, 16), 19, 18, 17, 16])
  })

  it('of a store goes on after the event that was done last', async () => {
    await using server = await serveV1(logOf(10))
    const store = memory()
    store.saved.push({ service: server.url, cursor: NOON + 3 * second, timeUs: NOON + 3 * second })
    const subscription = subscribeV1({ service: server.url, cursor: store })
    const seen: number[] = []
    for await (const event of subscription) {
      if (event.kind === 'invalid') throw new Error(event.message)
      seen.push(secondOf(event.time_us))
      if (seen.length === 3) break
    }
    expect(seen).toEqual([4, 5, 6])
    // The sixth was in the reader's hands when it left: it comes again.
    expect(store.saved.at(-1)?.cursor).toBe(NOON + 5 * second)
    expect(await take({ service: server.url, cursor: store }, 4)).toEqual([6, 7, 8, 9])
  })

  it('moves past what the filter leaves out, and is saved in the background', async () => {
    const did = didOf(1)
    const identity: V1Event = { did, time_us: NOON + 50 * second, kind: 'identity', identity: { did } }
    await using server = await serveV1([v1Logged(v1Event(1)), v1Logged(identity)])
    const store = memory({ service: server.url, cursor: NOON, timeUs: NOON })
    const subscription = subscribeV1({ service: server.url, cursor: store, kinds: ['commit'], saveMs: 10 })
    expect((await subscription.next()).value).toMatchObject({ kind: 'commit' })
    const waiting = subscription.next()
    await eventually(() => store.saved.at(-1)?.cursor).toBe(NOON + 50 * second)
    expect(subscription.stats.filtered).toBe(1)
    await subscription.return()
    await waiting
  })

  it('of a store that is another service’s goes back by time', async () => {
    await using server = await serveV1(logOf(20))
    const elsewhere = {
      service: 'wss://elsewhere.example.com',
      cursor: NOON + 15 * second,
      timeUs: NOON + 15 * second,
    }
    expect(await take({ service: server.url, cursor: memory(elsewhere) }, 15)).toEqual(range(5, 20))
    expect(await take({ service: server.url, cursor: elsewhere, rewindMs: 1000 }, 6)).toEqual(range(14, 20))
  })

  it('that cannot be saved or loaded ends the iteration', async () => {
    await using server = await serveV1(logOf(100))
    const cause = new Error('disk full')
    const fail = (): never => {
      throw cause
    }
    const slow = async (store: CursorStore): Promise<JetstreamError> => {
      try {
        for await (const _ of subscribeV1({ service: server.url, cursor: store, saveMs: 1 }))
          await new Promise((resolve) => setTimeout(resolve, 5))
      } catch (error) {
        return error as JetstreamError
      }
      throw new Error('no failure')
    }
    const first = { service: server.url, cursor: NOON, timeUs: NOON }
    expect(await slow({ load: () => first, save: fail })).toMatchObject({ code: 'store-failed', cause })
    expect(await slow({ load: fail, save: () => {} })).toMatchObject({ code: 'store-failed', cause })
  })

  it('that is older than what a server has begins with the oldest; the gap is told', async () => {
    await using server = await serveV1(logOf(10), { oldest: NOON + 7 * second })
    const resumed: ResumeInfo[] = []
    const cursor = NOON + second
    const onResume = (info: ResumeInfo): void => void resumed.push(info)
    expect(await take({ service: server.url, cursor, onResume }, 3)).toEqual([7, 8, 9])
    expect(resumed).toEqual([{ service: server.url, cursor, firstUs: NOON + 7 * second, gapMs: 6000 }])
  })
})

describe('several services', () => {
  it('are taken in turn; the cursor goes back, and nothing comes twice', async () => {
    const clockOff = 1_500_000
    await using b = await serveV1(logOf(60, clockOff))
    await using a = await serveV1(logOf(60), {
      cutAfter: 30,
      refuse: (count) => (count > 1 ? { status: 503, body: '' } : undefined),
    })
    const subscription = subscribeV1({ service: [a.url, b.url], cursor: NOON, backoff: quick })
    const seen: string[] = []
    for await (const event of subscription) {
      if (event.kind === 'commit') seen.push(event.commit.rkey)
      if (seen.length === 60) break
    }
    expect(seen).toEqual(
      range(0, 60).map((i) => (v1Event(i) as Extract<V1Event, { kind: 'commit' }>).commit.rkey),
    )
    expect(b.asked.map((url) => secondOf(Number(url.searchParams.get('cursor'))))).toEqual([19])
    expect(subscription.stats.duplicates).toBe(30 - Math.ceil(19 - clockOff / second))
    expect(subscription.position).toMatchObject({ service: b.url, cursor: NOON + 58 * second + clockOff })
  })

  it('include those that answer pings and send nothing', async () => {
    await using blind = await serveV1([])
    await using good = await serveV1(logOf(3))
    const service = [blind.url, good.url]
    expect(await take({ service, cursor: NOON, idleMs: 500 }, 3)).toEqual([0, 1, 2])
    expect(blind.asked.length).toBe(1)
  })

  it('are left where a connection gives no sign of life', async () => {
    await using silent = await listen((open) => {
      open().pause()
    })
    await using good = await serveV1(logOf(3))
    const service = [silent.url, good.url]
    expect(await take({ service, cursor: NOON, livenessMs: 500 }, 3)).toEqual([0, 1, 2])
  })
})

describe('the filter', () => {
  const log = [
    ...logOf(4),
    v1Logged(v1Event(4, 'app.bsky.feed.like')),
    v1Logged(v1Event(5, 'app.bsky.feed.like')),
  ]

  it('goes into the URL', async () => {
    await using server = await serveV1(log)
    const filter = { collections: ['app.bsky.feed.like'], dids: [didOf(4)], maxMessageSizeBytes: 1000 }
    expect(await take({ service: server.url, cursor: NOON, ...filter }, 1)).toEqual([4])
    expect(server.asked[0]!.search).toBe(
      `?wantedCollections=app.bsky.feed.like&wantedDids=did%3Aplc%3A${didOf(4).slice(8)}&maxMessageSizeBytes=1000&cursor=${NOON}`,
    )
    expect(server.said).toEqual([])
  })

  it('goes into a message when it is long', async () => {
    await using server = await serveV1(log)
    const dids = range(0, 10_000).map(didOf)
    const collections = ['app.bsky.feed.like']
    expect(await take({ service: server.url, cursor: NOON, dids, collections }, 2)).toEqual([4, 5])
    expect(server.asked[0]!.search).toBe(`?cursor=${NOON}&requireHello=true`)
    expect(JSON.parse(server.said[0]!)).toEqual({
      type: 'options_update',
      payload: { wantedCollections: collections, wantedDids: dids },
    })
  })

  it('can be replaced, on the open connection and for those to come', async () => {
    await using server = await listen((open) => {
      const ws = open()
      ws.on('message', () => {
        for (const event of log) ws.send(event.text)
      })
      ws.send(log[0]!.text)
    })
    const subscription = subscribeV1({
      service: server.url,
      collections: ['app.bsky.feed.post'],
      backoff: quick,
    })
    expect((await subscription.next()).value).toMatchObject({ time_us: NOON })
    subscription.update({ collections: ['app.bsky.feed.like'] })
    expect((await subscription.next()).value).toMatchObject({ time_us: NOON + 4 * second })
    expect(server.said.map((text) => JSON.parse(text))).toEqual([
      { type: 'options_update', payload: { wantedCollections: ['app.bsky.feed.like'] } },
    ])
    expect((await subscription.next()).value).toMatchObject({ time_us: NOON + 5 * second })
    for (const ws of server.sockets) ws.terminate()
    const next = subscription.next()
    await eventually(() => server.asked.length).toBe(2)
    expect(server.asked[1]!.searchParams.getAll('wantedCollections')).toEqual(['app.bsky.feed.like'])
    await subscription.return()
    await next
  })

  it('is checked before anything is sent', () => {
    const service = 'ws://127.0.0.1:1'
    const refused: [Partial<V1Options>, RegExp][] = [
      [{ dids: [] }, /empty list.*option=dids/],
      [{ collections: [] }, /empty list/],
      [{ kinds: [] }, /empty list/],
      [{ kinds: ['sync'] }, /no sync/],
      [{ collections: ['app.bsky.fo*'] }, /collection=app\.bsky\.fo\*/],
      [{ collections: range(0, 101).map((i) => `com.example.x${i}`) }, /max=100 got=101/],
      [{ dids: range(0, 10_001).map(didOf) }, /max=10000 got=10001/],
      [{ kinds: ['identity'], collections: ['a.b.c'] }, /kinds leave out/],
      [{ maxMessageSizeBytes: -1 }, /not a size/],
    ]
    for (const [options, message] of refused) {
      expect(() => subscribeV1({ service, ...options })).toThrow(message)
      expect(() => subscribeV1({ service, ...options })).toThrow(JetstreamError)
    }
  })
})

describe('packed messages', () => {
  const dictionary = Buffer.from(
    logOf(20)
      .map((event) => event.text)
      .join('\n'),
  )

  it('are asked for with a dictionary, and unpacked', async () => {
    await using server = await serveV1(logOf(5), { dictionary })
    expect(await take({ service: server.url, cursor: NOON, zstd: { dictionary } }, 5)).toEqual(range(0, 5))
    expect(server.asked[0]!.searchParams.get('compress')).toBe('true')
  })

  it('are unpacked to a bound, and refused where they do not unpack', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(50_000_000), { dictionary })
    expect(bomb.length).toBeLessThan(10_000)
    await using server = await listen((open) => {
      const ws = open()
      ws.send(bomb)
      ws.send(Buffer.from('no zstd'))
      ws.send(zstdCompressSync(Buffer.from([0xff, 0xfe]), { dictionary }))
      ws.send(v1Logged(v1Event(1)).text)
    })
    const seen: string[] = []
    for await (const event of subscribeV1({ service: server.url, zstd: { dictionary } })) {
      seen.push(event.kind === 'invalid' ? event.reason : event.kind)
      if (seen.length === 4) break
    }
    expect(seen).toEqual(['too-large', 'not-zstd', 'not-json', 'commit'])
  })
})
