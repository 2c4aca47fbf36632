import { describe, expect, it } from 'vitest'
import {
  JetstreamError,
  subscribeV2,
  type CursorStore,
  type Position,
  type ResumeInfo,
  type V2Event,
  type V2Options,
} from '../src/index.ts'
import { didOf, NOON, v1Event, v2Logged } from './events.ts'
import { listen, serveV2, v2Frame, type Logged, type TestServer } from './servers.ts'

/** Waits for something, long enough for a busy machine. */
const eventually = (read: () => unknown) => expect.poll(read, { timeout: 15_000 })

const quick = { minMs: 5, maxMs: 20 }
const second = 1_000_000
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const logOf = (n: number, firstSeq = 1): Logged[] => range(0, n).map((i) => v2Logged(i, firstSeq))
const rkeyOf = (n: number): string =>
  (v1Event(n) as Extract<ReturnType<typeof v1Event>, { kind: 'commit' }>).commit.rkey
const cursorsOf = (server: TestServer): (string | null)[] =>
  server.asked.map((url) => url.searchParams.get('cursor'))
const positionAt = (service: string, seq: number): Position => ({
  service,
  cursor: seq,
  timeUs: NOON + (seq - 1) * second,
})

/** Reads until so many events came: their seqs, and whatever else came in between. */
async function take(options: V2Options, n: number): Promise<(number | string)[]> {
  const seen: (number | string)[] = []
  let events = 0
  for await (const event of subscribeV2({ backoff: quick, ...options })) {
    if (event.kind === 'invalid') seen.push(event.reason)
    else if (event.kind === 'info') seen.push(event.name)
    else {
      seen.push(event.seq)
      events += 1
    }
    if (events === n) break
  }
  return seen
}

async function failure(options: V2Options): Promise<JetstreamError> {
  try {
    for await (const _ of subscribeV2({ backoff: quick, ...options }));
  } catch (error) {
    if (error instanceof JetstreamError) return error
    throw error
  }
  throw new Error('no failure')
}

describe('a subscription', () => {
  it('offers the subprotocol, filters in the URL, and sends nothing', async () => {
    await using server = await serveV2(logOf(5))
    const filter = { kinds: ['commit'], collections: ['app.bsky.*'], dids: [didOf(1)] } as const
    expect(await take({ service: server.url, cursor: 1, ...filter }, 1)).toEqual([2])
    expect(server.asked[0]!.pathname).toBe('/xrpc/network.bsky.jetstream.subscribeEvents')
    expect([...server.asked[0]!.searchParams]).toEqual([
      ['kinds', 'commit'],
      ['collections', 'app.bsky.*'],
      ['dids', didOf(1)],
      ['cursor', '1'],
    ])
    expect(server.said).toEqual([])
  })

  it('leaves a server that does not pick the subprotocol, unless told not to offer it', async () => {
    const none: string[] = []
    await using server = await listen((open) => open().send(v2Logged(1).text))
    expect(await take({ service: server.url, subprotocol: false }, 1)).toEqual([2])
    const { createServer } = await import('node:http')
    const { WebSocketServer } = await import('ws')
    const http = createServer().listen(0, '127.0.0.1')
    const wss = new WebSocketServer({ server: http, handleProtocols: () => false })
    await new Promise((resolve) => http.once('listening', resolve))
    const service = `http://127.0.0.1:${(http.address() as { port: number }).port}`
    expect(await failure({ service, reconnect: false })).toMatchObject({ code: 'network' })
    expect(none).toEqual([])
    wss.close()
    http.closeAllConnections()
    http.close()
  })

  it('yields every kind of event as it came', async () => {
    const did = didOf(1)
    const upstream = {
      seq: 99,
      did,
      time: '2026-07-04T12:00:00Z',
      rev: 'x',
      blocks: { $bytes: 'AAAA' },
      odd: [1],
    }
    const time = '2026-07-04T12:00:00.000001Z'
    const kinds = ['identity', 'account', 'sync'] as const
    await using server = await listen((open) => {
      const ws = open()
      kinds.forEach((kind, i) => ws.send(v2Frame(kind, { seq: i + 1, did, time, [kind]: upstream })))
      ws.send(
        '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#later","seq":4}}',
      )
      ws.send(v2Logged(4).text)
    })
    const events: unknown[] = []
    for await (const event of subscribeV2({ service: server.url })) {
      events.push(event)
      if (events.length === 5) break
    }
    expect(events.slice(0, 3)).toEqual(
      kinds.map((kind, i) => ({ kind, seq: i + 1, did, time, [kind]: upstream })),
    )
    expect(events[3]).toMatchObject({ kind: 'invalid', reason: 'unknown-kind', cursor: 4 })
    expect(events[4]).toMatchObject({ kind: 'commit', seq: 5, operation: 'create' })
  })

  it('connects again after the server ended the stream, but for errors that it cannot mend', async () => {
    const errors = ['ConsumerTooSlow', 'InternalError', 'Odd']
    await using server = await listen((open, { searchParams: query }, count) => {
      const ws = open()
      const from = Number(query.get('cursor'))
      for (const event of logOf(6)) if (event.at >= from && event.at < from + 3) ws.send(event.text)
      ws.send(JSON.stringify({ $type: 'error', error: errors[count - 1] }))
    })
    const reasons: string[] = []
    const onDisconnect = ({ reason }: { reason: string }): void => void reasons.push(reason)
    expect(await take({ service: server.url, cursor: 1, onDisconnect }, 6)).toEqual(range(1, 7))
    expect(reasons).toEqual(['ConsumerTooSlow', 'InternalError'])
    await using odd = await serveV2([], { last: () => '{"$type":"error","error":"Odd","message":"no"}' })
    expect(await failure({ service: odd.url })).toMatchObject({ code: 'stream-ended', error: 'Odd' })
  })

  it('throws for what the server does not take', async () => {
    await using server = await listen(() => ({
      status: 400,
      body: '{"error":"InvalidRequest","message":"no"}',
    }))
    expect(await failure({ service: server.url })).toMatchObject({
      code: 'refused',
      status: 400,
      error: 'InvalidRequest',
    })
    expect(() => subscribeV2({ service: server.url, collections: ['$$.*'] })).toThrow(JetstreamError)
  })
})

describe('the cursor', () => {
  it('is inclusive: what comes again is left out', async () => {
    await using server = await serveV2(logOf(50), { cutAfter: 10, stutter: true })
    expect(await take({ service: server.url, cursor: 1 }, 50)).toEqual(range(1, 51))
    expect(cursorsOf(server).slice(0, 3)).toEqual(['1', '10', '19'])
  })

  it('of a store goes on after the event that was done last', async () => {
    await using server = await serveV2(logOf(10))
    const saved: Position[] = [positionAt(server.url, 4)]
    const store: CursorStore = { load: () => saved.at(-1)!, save: (position) => void saved.push(position) }
    expect(await take({ service: server.url, cursor: store }, 3)).toEqual([5, 6, 7])
    expect(saved.at(-1)).toEqual(positionAt(server.url, 6))
  })

  it('of a store that is another service’s is a time, or the tip where none is known', async () => {
    await using server = await serveV2(logOf(20), { timeOf: (seq) => NOON + (seq - 1) * second })
    const elsewhere = { service: 'wss://elsewhere.example.com', cursor: 7777, timeUs: NOON + 15 * second }
    expect(await take({ service: server.url, cursor: elsewhere }, 15)).toEqual(range(6, 21))
    const subscription = subscribeV2({ service: server.url, cursor: { ...elsewhere, timeUs: null } })
    const next = subscription.next()
    await eventually(() => server.asked.length).toBe(2)
    await subscription.return()
    await next
    expect(cursorsOf(server)).toEqual([String(NOON + 5 * second), null])
  })

  it('that is too old throws, or goes on with the oldest after an info', async () => {
    await using server = await serveV2(logOf(10), { floor: 6, timeOf: (seq) => NOON + (seq - 1) * second })
    const cursor = positionAt(server.url, 2)
    expect(await failure({ service: server.url, cursor })).toMatchObject({
      code: 'cursor-too-old',
      status: 400,
      error: 'CursorTooOld',
      message: expect.stringContaining('the floor is 6'),
    })
    const resumed: ResumeInfo[] = []
    const onResume = (info: ResumeInfo): void => void resumed.push(info)
    const oldest = { service: server.url, cursor, cursorTooOld: 'oldest', onResume } as const
    expect(await take(oldest, 5)).toEqual(['OutdatedCursor', 6, 7, 8, 9, 10])
    expect(resumed[0]).toMatchObject({ firstUs: NOON + 5 * second })
  })

  it('of another service is a time; what was seen already is left out', async () => {
    const timeOf = (seq: number): number => NOON + (seq - 1001) * second
    await using b = await serveV2(logOf(60, 1001), { timeOf })
    const logA = logOf(30)
    let count = 0
    await using a = await listen((open) => {
      count += 1
      if (count > 1) return { status: 503, body: '' }
      const ws = open()
      for (const event of logA) ws.send(event.text)
      setTimeout(() => ws.terminate(), 50)
      return undefined
    })
    const subscription = subscribeV2({ service: [a.url, b.url], cursor: 1, backoff: quick })
    const seen: string[] = []
    for await (const event of subscription) {
      if (event.kind === 'commit') seen.push(event.rkey)
      if (seen.length === 60) break
    }
    expect(seen).toEqual(range(0, 60).map(rkeyOf))
    expect(cursorsOf(b)).toEqual([String(NOON + 19 * second)])
    expect(subscription.stats.duplicates).toBe(11)
    expect(subscription.position).toMatchObject({ service: b.url, cursor: 1059 })
  })

  it(
    'moves on at another service where more comes again than one connection brings',
    { timeout: 5000 },
    async () => {
      const timeOf = (seq: number): number => NOON + (seq - 1001) * second
      await using b = await serveV2(logOf(60, 1001), { timeOf, cutAfter: 4 })
      let count = 0
      await using a = await listen((open) => {
        count += 1
        if (count > 1) return { status: 503, body: '' }
        const ws = open()
        for (const event of logOf(30)) ws.send(event.text)
        setTimeout(() => ws.terminate(), 50)
        return undefined
      })
      const seen: string[] = []
      for await (const event of subscribeV2({ service: [a.url, b.url], cursor: 1, backoff: quick })) {
        if (event.kind === 'commit') seen.push(event.rkey)
        if (seen.length === 60) break
      }
      expect(seen).toEqual(range(0, 60).map(rkeyOf))
    },
  )

  it('lets the records through that follow a sync', async () => {
    const { did } = v1Event(3)
    const time = '2026-07-04T12:00:02.500000Z'
    const sync = {
      at: 2503,
      kind: 'sync',
      did,
      text: v2Frame('sync', { seq: 2503, did, time, sync: { rev: 'x' } }),
    }
    // The other service had the sync; its replacement row is event 3 once more.
    const log = [...logOf(3, 2500), sync, ...range(3, 9).map((i) => v2Logged(i, 2501))]
    await using b = await serveV2(log, { timeOf: (seq) => NOON + (seq - 2500) * second })
    let count = 0
    await using a = await listen((open) => {
      count += 1
      if (count > 1) return { status: 503, body: '' }
      const ws = open()
      for (const event of logOf(6)) ws.send(event.text)
      setTimeout(() => ws.terminate(), 50)
      return undefined
    })
    const seen: string[] = []
    for await (const event of subscribeV2({ service: [a.url, b.url], cursor: 1, backoff: quick })) {
      seen.push(event.kind === 'commit' ? event.rkey : event.kind)
      if (seen.length === 11) break
    }
    const rkeys = [...range(0, 6), 3, 6, 7, 8].map(rkeyOf)
    expect(seen).toEqual([...rkeys.slice(0, 6), 'sync', ...rkeys.slice(6)])
  })

  it('finds a server that numbers anew, and asks it by time', async () => {
    const timeOf = (seq: number): number => NOON + (seq - 1) * second
    let fresh = false
    await using server = await listen((open, { searchParams: query }) => {
      const ws = open()
      const cursor = Number(query.get('cursor'))
      // Begun anew, its 40 events are those from 20 on: a seq past them is taken for the tip.
      const log = fresh ? range(20, 60).map((i) => v2Logged(i, -19)) : logOf(30, 500)
      for (const event of log) {
        if (cursor >= 1e15 ? timeOf(event.at + 20) < cursor : !fresh && event.at < cursor) continue
        if (fresh && cursor < 1e15 && event.at < 39) continue
        ws.send(event.text)
      }
      if (!fresh) setTimeout(() => ws.terminate(), 50)
      fresh = true
    })
    const seen: string[] = []
    for await (const event of subscribeV2({ service: server.url, cursor: 500, backoff: quick })) {
      if (event.kind === 'commit') seen.push(event.rkey)
      if (seen.length === 60) break
    }
    expect(seen).toEqual(range(0, 60).map(rkeyOf))
    expect(cursorsOf(server)).toEqual(['500', '529', String(NOON + 19 * second)])
  })

  it('moves on with a new filter, on a new connection', async () => {
    await using server = await serveV2(logOf(10))
    const subscription = subscribeV2({ service: server.url, cursor: 1, dids: [didOf(0)] })
    const seqs: number[] = []
    for await (const event of subscription) {
      seqs.push((event as V2Event).seq)
      if (seqs.length === 2) subscription.update({ dids: [didOf(3)] })
      if (seqs.length === 3) break
    }
    expect(seqs).toEqual([1, 6, 9])
    expect(server.asked.map((url) => [url.searchParams.get('dids'), url.searchParams.get('cursor')])).toEqual(
      [
        [didOf(0), '1'],
        [didOf(3), '6'],
      ],
    )
  })
})

describe('packed frames', () => {
  const dictionaryOf = (id: number): { id: number; bytes: Buffer } => {
    const bytes = Buffer.from(
      `        ${logOf(20)
        .map((event) => event.text)
        .join('\n')}`,
    )
    bytes.writeUInt32LE(0xec30a437, 0)
    bytes.writeUInt32LE(id, 4)
    return { id, bytes }
  }

  it('come plain where the dictionary is no dictionary, or there is none', async () => {
    await using none = await serveV2(logOf(2))
    expect(await take({ service: none.url, cursor: 1, zstd: true }, 2)).toEqual([1, 2])
    expect(none.asked[0]!.searchParams.has('zstdDictionary')).toBe(false)
    await using odd = await serveV2(logOf(2), {
      dictionary: () => ({ id: 7, bytes: Buffer.from('too short') }),
    })
    expect(await take({ service: odd.url, cursor: 1, zstd: true }, 2)).toEqual([1, 2])
  })

  it('are asked for by the id in the dictionary; another dictionary is fetched when the server has one', async () => {
    // What unpacks is given here, so that the dictionary may be any text: the platform's own is tried in the next test.
    const { zstdDecompressSync } = await import('node:zlib')
    const createDecompress = (dictionary: Uint8Array) => (frame: Uint8Array) =>
      zstdDecompressSync(frame, { dictionary })
    let id = 20_260_811
    const raw = (): { id: number; bytes: Buffer } => dictionaryOf(id)
    await using server = await listen(
      (open, { searchParams: query }) => {
        if (Number(query.get('zstdDictionary')) !== id)
          return {
            status: 400,
            body: JSON.stringify({ error: 'UnknownZstdDictionary', message: `current ${id}` }),
          }
        const ws = open()
        for (const event of logOf(4)) if (event.at >= Number(query.get('cursor'))) ws.send(event.text)
        id += 1
        // A busy client has taken the answer by then: one that never saw it would be refused a second time in a row.
        setTimeout(() => ws.terminate(), 500)
        return undefined
      },
      (_, response) => response.end(raw().bytes),
    )
    const options = { service: server.url, cursor: 1, zstd: { createDecompress } }
    const subscription = subscribeV2({ ...options, backoff: quick })
    for (const seq of [1, 2, 3, 4]) expect((await subscription.next()).value).toMatchObject({ seq })
    const next = subscription.next()
    await eventually(() => server.asked.length).toBeGreaterThan(2)
    await subscription.return()
    await next
    expect(server.asked.slice(0, 3).map((url) => url.searchParams.get('zstdDictionary'))).toEqual([
      '20260811',
      '20260811',
      '20260812',
    ])
  })

  it('are unpacked by the platform, with a trained dictionary', async () => {
    const bytes = Buffer.from(TRAINED, 'base64')
    const id = bytes.readUInt32LE(4)
    await using server = await serveV2(logOf(5), { dictionary: () => ({ id, bytes }) })
    expect(await take({ service: server.url, cursor: 1, zstd: true }, 5)).toEqual(range(1, 6))
    expect(server.asked[0]!.searchParams.get('zstdDictionary')).toBe(String(id))
  })
})

// `zstd --train` over sixty events of these tests, at most 1 kB.
const TRAINED =
  'N6Qw7MsnNQEvEMCbpAMzMAMzMAMzAECX2f///3/+/7tZ0n4Gepd77y2lTDyDOyIiIiIiIiIiQgGDBwAAAACLJrsBAAAkQECKEQEBgRcBAQEBAQEBAQEBAQEBgQ4BBBIWAQEBAYEFwYiLQOBSmJnQJEk6dNBGyxUKIYSIiIiIiIiIiCRJkg4BAAAABAAAAAgAAABjcmliZUV2ZW50cyNjb21taXQiLCJzZXEiOjI2MCwiZGlkIjoiZGlkOnBsYzphYWFhYWFhYWFhYWFhYWFhYWFhYWFhYTQiLCJ0aW1lIjoiMjAyNi0wNy0wNFQxMjowNDoxOS4wMDAwMDBaIiwicmV2IjoiM21wMjIyMjIyMjJjNSIsIm9wZXJhdGlvbiI6ImNyZWF0ZSIsImNvbGxlY3Rpb24ic2NyaWJlRXZlbnRzI2NvbW1pdCIsInNlcSI6MTEzLCJkaWQiOiJkaWQ6cGxjOmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhMiIsInRpbWUiOiIyMDI2LTA3LTA0VDEyOjAxOjUyLjAwMDAwMFoiLCJyZXYiOiIzbXAyMjIyMjIyMjVrIiwib3BlcmF0aW9uIjoiY3JlYXRlIiwiY29sbGVjdGlvbiI6ImFwcC5ic2t5LmZlZWQucG9zdCIsInJrZXkiOiIzbXAyMjIyMjIyMjVrIiwicmVjb3JkIjp7IiR0eXBlIjoiYXBwLmJza3kuZmVlZC5wb3N0IiwidGV4dCI6ImV2ZW50IDExMiJ9LCJjaWQiOiJiYWZ5cmVpZ3VjZTRqaDdrY2Jtb2YzcG1jdmFzaWZxdHcyNGI2aXNha2o1dmU1Z2EyYjR6NGFscGM0aSJ9fXsiJHR5cGUiOiJtZXNzYWdlIiwicGF5bG9hZCI6eyIkdHlwZSI6Im5ldHdvcmsuYnNreS5qZQ=='
