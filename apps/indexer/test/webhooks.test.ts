// Webhooks over a real host and real receivers: what is sent, what comes again, what is given up.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseTapEvent } from '@avocet/tap/wire'
import { createWebhookSecret, verifyWebhook } from '@avocet/tap/webhooks'
import { afterEach, describe, expect, test } from 'vitest'
import type { Indexer, IndexerConfig, WebhookConfig, WebhookStats } from '../src/app.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Answer, type Received, type Receiver, startReceiver } from './support/receiver.ts'

const opened: AsyncDisposable[] = []
const folders: string[] = []
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const openHost = async (): Promise<Host> => {
  const host = await startHost()
  opened.push(host)
  return host
}
const receive = async (answer?: Answer, port?: number): Promise<Receiver> => {
  const receiver = await startReceiver(answer, port)
  opened.push(receiver)
  return receiver
}
const start = async (
  host: Host,
  hooks: readonly (Omit<WebhookConfig, 'name'> & { name?: string })[],
  config: Partial<IndexerConfig> = {},
): Promise<Indexer> => {
  const webhooks = hooks.map((hook, i) => ({ name: `hook${i}`, ...hook }))
  const indexer = await startIndexer(host, { backfill: false, webhooks, ...config })
  opened.push(indexer)
  return indexer
}
const statsOf = (indexer: Indexer, name = 'webhook/hook0'): WebhookStats =>
  indexer.status().consumers.find((each) => each.name === name) as WebhookStats
const created = (rkey: string, text = rkey, collection = 'app.bsky.feed.post') =>
  ({ action: 'create', collection, rkey, record: post(text) }) as const
const eventsOf = (requests: readonly Received[]): any[] => requests.flatMap(({ json }) => json.events)
const keysOf = (requests: readonly Received[]): string[] => eventsOf(requests).map(({ rkey }) => rkey)
const keys = (count: number, name = 'k'): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`)

describe('what is sent', () => {
  test('batches in the order of the log, signed by each secret, until they are taken', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const [secret, other] = [createWebhookSecret(), createWebhookSecret()]
    const receiver = await receive(() => (receiver.requests.length < 3 ? 503 : 200))
    const indexer = await start(host, [{ url: receiver.url, secrets: [secret, other] }])
    await host.write(
      alice,
      keys(30).map((key) => created(key)),
    )
    await eventually(() => receiver.requests.length >= 3 && statsOf(indexer).unacked === 0)
    const { headers, body, json } = receiver.requests[0]!
    expect(json.events[0]).toMatchObject({
      $type: 'network.bsky.jetstream.subscribeEvents#commit',
      did: alice.did,
      operation: 'create',
      collection: 'app.bsky.feed.post',
      provenance: 'live',
      record: { text: expect.any(String) },
    })
    expect(json.cursor).toBe(String(json.events.at(-1).seq))
    for (const key of [secret, other])
      expect(await verifyWebhook({ headers: new Headers(headers as {}), body }, key)).toMatchObject({
        ok: true,
        value: { id: expect.stringMatching(/^evt_[\w-]{24}$/) },
      })
    // The same events have the same id, and nothing is between two tries of them.
    const again = receiver.requests.filter(({ json: { events } }) => events.length === json.events.length)
    expect(new Set(again.slice(0, 3).map((request) => request.headers['webhook-id'])).size).toBe(1)
    const seqs = eventsOf(receiver.requests.slice(2)).map(({ seq }) => seq)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(keysOf(receiver.requests.slice(2)).toSorted()).toEqual(keys(30).toSorted())
  })

  test('only what its filter wants, and to each webhook by itself', async () => {
    const host = await openHost()
    const [alice, bob] = [await host.createAccount('alice'), await host.createAccount('bob')]
    await host.write(alice, [created('before')], { silent: true })
    const [likes, bobs, live, all] = [await receive(), await receive(), await receive(), await receive()]
    const indexer = await start(
      host,
      [
        { url: likes.url, filter: { kinds: ['commit'], collections: ['app.bsky.feed.like'] } },
        { url: bobs.url, filter: { dids: [bob.did], kinds: ['commit'] } },
        { url: live.url, historical: false, filter: { kinds: ['commit'] } },
        { url: all.url, filter: { kinds: ['commit'] } },
      ],
      { backfill: true },
    )
    await eventually(() => keysOf(all.requests).includes('before'))
    await host.write(alice, [created('post'), created('like', 'x', 'app.bsky.feed.like')])
    await host.write(bob, [created('bobs')])
    host.identity(bob)
    await eventually(() => keysOf(all.requests).length === 4 && keysOf(live.requests).length === 3)
    const isThrough = (name: string): boolean => {
      const { behind, unacked } = statsOf(indexer, name)
      return behind + unacked === 0
    }
    await eventually(() => isThrough('webhook/hook0') && isThrough('webhook/hook1'))
    expect(keysOf(likes.requests)).toEqual(['like'])
    expect(keysOf(bobs.requests)).toEqual(['bobs'])
    expect(keysOf(live.requests)).not.toContain('before')
  })

  test('as Tap does it: one event a request, with the password', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const receiver = await receive(({ headers }) => (headers.authorization === undefined ? 401 : 200))
    await start(host, [{ url: receiver.url, format: 'tap', password: 'geheim' }])
    await host.write(alice, [created('a')])
    await host.write(alice, [{ action: 'delete', collection: 'app.bsky.feed.post', rkey: 'a' }])
    host.identity(alice)
    await eventually(() => receiver.requests.length === 3)
    const events = receiver.requests.map(({ body }) => parseTapEvent(body))
    expect(events.map((event) => event.ok && event.value.type)).toEqual(['record', 'record', 'identity'])
    expect(events[2]).toMatchObject({ value: { handle: 'handle.invalid', isActive: true, status: 'active' } })
    expect(receiver.requests[0]!.headers.authorization).toBe(`Basic ${btoa('admin:geheim')}`)
    expect(receiver.requests[0]!.headers['webhook-id']).toBeUndefined()
  })
})

describe('what is not taken', () => {
  test('is found by halves, given up, and holds up nobody else', async () => {
    const host = await openHost()
    const [alice, bob] = [await host.createAccount('alice'), await host.createAccount('bob')]
    const receiver = await receive(({ json }) =>
      json.events.some(({ rkey }: { rkey: string }) => rkey === 'k20') ? 500 : 200,
    )
    const indexer = await start(host, [{ url: receiver.url, tries: 2 }])
    await host.write(
      alice,
      keys(40).map((key) => created(key)),
    )
    await host.write(bob, [created('bobs')])
    const taken = (): string[] =>
      keysOf(receiver.requests.filter(({ json }) => !json.events.some((event: any) => event.rkey === 'k20')))
    await eventually(() => taken().includes('bobs') && taken().includes('k19'), 20_000)
    let n = 0
    await eventually(async () => {
      await host.write(bob, [created(`pulse${++n}`)])
      return statsOf(indexer).deadLetters === 1
    }, 20_000)
    await eventually(() => statsOf(indexer).unacked === 0 && statsOf(indexer).behind === 0, 20_000)
    const mine = taken().filter((key) => key.startsWith('k'))
    expect(mine).toHaveLength(39)
    expect(new Set(mine).size).toBe(39)
    expect(statsOf(indexer)).toMatchObject({ failing: 0, disabled: null, failures: 0 })
  })

  test('is kept while nobody answers, over a restart, and is there when somebody does', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const dataFolder = mkdtempSync(join(tmpdir(), 'avocet-webhooks-'))
    folders.push(dataFolder)
    const gone = await startReceiver()
    const { url } = gone
    await gone[Symbol.asyncDispose]()
    const hooks = [{ name: 'hook0', url, tries: 1 }]
    const before = await startIndexer(host, { dataFolder, backfill: false, webhooks: hooks })
    await host.write(
      alice,
      keys(5).map((key) => created(key)),
    )
    await eventually(() => statsOf(before).failures >= 2)
    expect(statsOf(before)).toMatchObject({ deadLetters: 0 })
    expect(statsOf(before).unacked).toBeGreaterThanOrEqual(5)
    await before.close()
    const receiver = await receive(undefined, Number(new URL(url).port))
    const after = await start(host, hooks, { dataFolder })
    await eventually(() => statsOf(after).unacked === 0 && receiver.requests.length > 0)
    expect(keysOf(receiver.requests).filter(Boolean).toSorted()).toEqual(keys(5))
    await after.close()
    receiver.requests.length = 0
    // What was taken is not sent again.
    const last = await start(host, hooks, { dataFolder })
    await host.write(alice, [created('new')])
    await eventually(() => keysOf(receiver.requests).includes('new') && statsOf(last).unacked === 0)
    expect(keysOf(receiver.requests).filter(Boolean)).toEqual(['new'])
  })

  test('ends with 410, and says so', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const receiver = await receive(() => 410)
    const lines: string[] = []
    const indexer = await start(host, [{ url: receiver.url }], { onLog: (line) => void lines.push(line) })
    await host.write(alice, [created('a')])
    await eventually(() => statsOf(indexer).disabled !== null)
    await host.write(alice, [created('b')])
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(receiver.requests).toHaveLength(1)
    expect(statsOf(indexer).disabled).toContain('410')
    expect(lines.filter((line) => line.includes('410'))).toHaveLength(1)
  })

  test('waits as long as it is told to', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const times: number[] = []
    const receiver = await receive((_, response) => {
      times.push(Date.now())
      if (times.length > 1) return 200
      response.writeHead(429, { 'retry-after': '3' }).end()
      return null
    })
    const indexer = await start(host, [{ url: receiver.url }])
    await host.write(alice, [created('a')])
    await eventually(() => times.length === 2 && statsOf(indexer).unacked === 0)
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(2900)
  })
})

describe('receivers that are hostile', () => {
  test('are not followed elsewhere, waited for, or read to their end', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const elsewhere = await receive()
    const redirecting = await receive((_, response) => {
      response.writeHead(307, { location: elsewhere.url }).end()
      return null
    })
    const silent = await receive(() => null)
    let sent = 0
    const endless = await receive((_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' })
      const chunk = Buffer.alloc(1024 * 1024, 'x')
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) sent += chunk.length
      }
      response.on('drain', more)
      more()
      return null
    })
    const dripping = await receive((_, response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('.'), 50)
      response.once('close', () => clearInterval(timer))
      return null
    })
    const fine = await receive()
    const indexer = await start(host, [
      { url: redirecting.url },
      { url: silent.url, timeoutMs: 300 },
      { url: endless.url },
      { url: dripping.url },
      { url: fine.url },
    ])
    await host.write(alice, [created('a')])
    await eventually(() => statsOf(indexer, 'webhook/hook1').failures >= 1)
    for (const name of ['webhook/hook2', 'webhook/hook3', 'webhook/hook4'])
      await eventually(() => statsOf(indexer, name).unacked === 0 && statsOf(indexer, name).failures === 0)
    await eventually(() => statsOf(indexer, 'webhook/hook0').failures >= 1)
    expect(elsewhere.requests).toEqual([])
    expect(sent).toBeLessThan(64 * 1024 * 1024)
    // A second event goes through to those who took the first.
    await host.write(alice, [created('b')])
    for (const receiver of [endless, dripping, fine])
      await eventually(() => keysOf(receiver.requests).includes('b'))
  })

  test('at addresses of this machine are not sent to unless that is allowed', async () => {
    const host = await openHost()
    const alice = await host.createAccount('alice')
    const receiver = await receive()
    const hooks = [
      { url: receiver.url, allowLoopback: false },
      { url: receiver.url.replace('127.0.0.1', 'localhost'), allowLoopback: false },
    ]
    const indexer = await start(host, hooks)
    await host.write(alice, [created('a')])
    await eventually(() => statsOf(indexer).failures > 0 && statsOf(indexer, 'webhook/hook1').failures > 0)
    expect(receiver.requests).toEqual([])
    expect(statsOf(indexer).unacked).toBeGreaterThan(0)
  })
})
