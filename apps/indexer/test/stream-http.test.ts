// The log over HTTP: Server-Sent Events, pages, and the iterator of a program.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { type Host, post, startHost, type TestAccount } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Heard, listen, refused } from './support/streams.ts'

let host: Host
let indexer: Indexer
let ada: TestAccount
const heard: Heard[] = []
beforeEach(async () => {
  host = await startHost()
  indexer = await startIndexer(host)
  ada = await host.createAccount('ada')
})
afterEach(async () => {
  for (const each of heard.splice(0)) each.close()
  await indexer.close()
  await host[Symbol.asyncDispose]()
})

async function first<T>(count: number, events: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const event of events) if (taken.push(event) === count) break
  return taken
}
const write = async (count: number, prefix = 'n'): Promise<void> => {
  const writes = Array.from({ length: count }, (_, i) => ({
    action: 'create' as const,
    collection: i % 2 === 0 ? 'app.bsky.feed.post' : 'com.example.note',
    rkey: `${prefix}${i}`,
    record: i % 2 === 0 ? post(`${prefix}${i}`) : { $type: 'com.example.note', i },
  }))
  const before = indexer.status().totals.creates
  for (let i = 0; i < count; i += 200) await host.write(ada, writes.slice(i, i + 200))
  await eventually(() => indexer.status().totals.creates === before + count)
}
/** Reads events as a browser does. */
async function* sse(
  query: string,
  headers: Record<string, string> = {},
): AsyncGenerator<Record<string, string>> {
  const abort = new AbortController()
  try {
    const response = await fetch(`${indexer.url}/stream${query}`, { headers, signal: abort.signal })
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ])
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split('\n\n')
      text = blocks.pop()!
      for (const block of blocks)
        yield Object.fromEntries(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        )
    }
  } finally {
    abort.abort()
  }
}
type List = { status: number; events: Record<string, any>[]; cursor: number; caughtUp: boolean } & Record<
  string,
  any
>
const list = async (query: string): Promise<List> => {
  const response = await fetch(`${indexer.url}/listEvents${query}`)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  return { ...((await response.json()) as List), status: response.status }
}

describe('listEvents', () => {
  test('gives the log by pages, and says where it goes on and whether it ends', async () => {
    await write(250)
    const seqs: number[] = []
    let page = await list('?cursor=1')
    for (;;) {
      seqs.push(...page.events.map(({ seq }) => seq as number))
      if (page.caughtUp) break
      expect(page.events).toHaveLength(100)
      page = await list(`?cursor=${page.cursor}`)
    }
    expect(seqs).toEqual(Array.from({ length: 250 }, (_, i) => i + 1))
    expect(page.cursor).toBe(251)
    expect(await list('?cursor=251')).toEqual({ status: 200, events: [], cursor: 251, caughtUp: true })
    expect(await list('')).toEqual({ status: 200, events: [], cursor: 251, caughtUp: true })
    const notes = await list('?cursor=1&limit=1000&collections=com.example.note&kinds=commit')
    expect([notes.events.length, notes.cursor, notes.caughtUp]).toEqual([125, 251, true])
    expect(notes.events[0]).toMatchObject({
      $type: 'network.bsky.jetstream.subscribeEvents#commit',
      seq: 2,
      operation: 'create',
      record: { $type: 'com.example.note', i: 1 },
      validity: 'unknown',
      provenance: 'live',
    })
    const one = await list('?cursor=1&limit=1')
    expect([one.events.length, one.cursor, one.caughtUp]).toEqual([1, 2, false])
  })

  test('waits for what comes, and no longer', async () => {
    await write(1)
    const began = performance.now()
    const waiting = list('?cursor=2&wait=20')
    await delay(50)
    await write(1, 'later')
    const { events, cursor, caughtUp } = await waiting
    expect([events.length, cursor, caughtUp]).toEqual([1, 3, true])
    expect(performance.now() - began).toBeLessThan(10_000)
    const nothing = await list('?cursor=3&wait=1&collections=com.example.other')
    expect([nothing.events, nothing.caughtUp]).toEqual([[], true])
  })

  test.each([
    ['?limit=0', 'InvalidRequest'],
    ['?limit=1001', 'InvalidRequest'],
    ['?limit=x', 'InvalidRequest'],
    ['?wait=31', 'InvalidRequest'],
    ['?kinds=x', 'InvalidRequest'],
    ['?zstdDictionary=1', 'InvalidRequest'],
    ['?cursor=1.5', 'InvalidRequest'],
  ])('refuses %s', async (query, error) => {
    expect(await list(query)).toEqual({ status: 400, error, message: expect.any(String) })
  })
})

describe('a page', () => {
  const take = (count: number, query: string, headers?: Record<string, string>) =>
    first(count, sse(query, headers))

  test('reads on where it was', async () => {
    await write(600)
    const all = await take(601, '?cursor=1')
    expect(all[0]).toEqual({ retry: '3000' })
    expect(all.slice(1).map(({ id }) => Number(id))).toEqual(Array.from({ length: 600 }, (_, i) => i + 1))
    expect(JSON.parse(all[1]!['data']!)).toMatchObject({ seq: 1, did: ada.did, operation: 'create' })
    expect((await take(3, '?cursor=1', { 'last-event-id': '400' })).slice(1).map(({ id }) => id)).toEqual([
      '401',
      '402',
    ])
    const live = take(2, '?collections=com.example.note')
    await delay(100)
    await write(2, 'live')
    expect(JSON.parse((await live)[1]!['data']!)).toMatchObject({ seq: 602, rkey: 'live1' })
    const head = await fetch(`${indexer.url}/stream`, { method: 'HEAD' })
    expect(head.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect((await fetch(`${indexer.url}/stream?kinds=x`)).status).toBe(400)
  })

  test('is one of so many of its address, like any subscriber', async () => {
    await indexer.close()
    indexer = await startIndexer(host, { streams: { subscribers: 9, perAddress: 1 } })
    const abort = new AbortController()
    const one = await fetch(`${indexer.url}/stream`, { signal: abort.signal })
    expect(one.status).toBe(200)
    const second = await fetch(`${indexer.url}/listEvents`)
    expect([second.status, ((await second.json()) as { error: string }).error]).toEqual([
      429,
      'RateLimitExceeded',
    ])
    abort.abort()
    await eventually(async () => (await fetch(`${indexer.url}/listEvents`)).status === 200)
  })
})

test('what is gone is said on each way, and a browser that comes back reads what there is', async () => {
  await indexer.close()
  const dataFolder = mkdtempSync(join(tmpdir(), 'avocet-stream-'))
  try {
    indexer = await startIndexer(host, { dataFolder })
    await write(3)
    await indexer.close()
    // What is too old goes when it starts; the newest stays.
    indexer = await startIndexer(host, { dataFolder, logRetentionMs: 1 })
    await eventually(async () => (await fetch(`${indexer.url}/listEvents?cursor=1`)).status === 400)
    const path = '/xrpc/network.bsky.jetstream.subscribeEvents'
    const tooOld = { error: 'CursorTooOld', message: 'the oldest event kept is 3' }
    const { status, body } = await refused(indexer.url!, `${path}?cursor=2`)
    expect([status, JSON.parse(body)]).toEqual([400, tooOld])
    expect(await list('?cursor=2')).toEqual({ status: 400, ...tooOld })
    expect((await list('?cursor=3')).events).toHaveLength(1)
    const info = { name: 'OutdatedCursor', message: 'events before the first one are not kept any more' }
    const early = '?cursor=1000000000000000'
    expect(await list(early)).toMatchObject({ events: [{ seq: 3 }], info })
    const second = listen(indexer.url!, path + early)
    const old = listen(indexer.url!, '/subscribe?cursor=1')
    heard.push(second, old)
    const $type = 'network.bsky.jetstream.subscribeEvents#info'
    expect(await second.json(2)).toMatchObject([{ payload: { $type, ...info } }, { payload: { seq: 3 } }])
    expect(await old.json(1)).toMatchObject([{ cursor: 3 }])
    const back = await first(3, sse('', { 'last-event-id': '1' }))
    expect(back).toMatchObject([{}, { event: 'info', data: JSON.stringify(info) }, { id: '3' }])
  } finally {
    await indexer.close()
    rmSync(dataFolder, { recursive: true, force: true })
  }
})

describe('a program', () => {
  test('iterates over what was and what happens', async () => {
    await write(300)
    const seen: number[] = []
    const all = (async () => {
      for await (const event of indexer.events({ cursor: 1 })) {
        seen.push(event.seq)
        if (seen.length === 400) return
      }
    })()
    await eventually(() => seen.length === 300)
    await write(100, 'more')
    await all
    expect(seen).toEqual(Array.from({ length: 400 }, (_, i) => i + 1))
    const [note] = await first(1, indexer.events({ cursor: 5, collections: ['com.example.*'] }))
    expect(note).toMatchObject({
      kind: 'commit',
      seq: 6,
      rkey: 'n5',
      provenance: 'live',
      validity: 'unknown',
    })
  })

  test('stops by its signal, and with the indexer', async () => {
    const abort = new AbortController()
    const one = first(Infinity, indexer.events({ signal: abort.signal }))
    const second = first(Infinity, indexer.events())
    await delay(20)
    abort.abort()
    expect(await one).toEqual([])
    await indexer.close()
    expect(await second).toEqual([])
    expect(await first(Infinity, indexer.events({ signal: AbortSignal.abort() }))).toEqual([])
  })
})
