// Tap's calls over HTTP, with and without a password.

import { createTap, openChannel } from '@avocet/tap'
import { afterEach, describe, expect, test } from 'vitest'
import { createIndexer, type Indexer, type IndexerConfig } from '../src/app.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { startReceiver } from './support/receiver.ts'
import { refused } from './support/streams.ts'
import { WebSocket } from 'ws'

let host: Host | undefined
let indexer: Indexer | undefined
afterEach(async () => {
  await indexer?.close()
  await host?.[Symbol.asyncDispose]()
  indexer = host = undefined
})
const start = async (config: Partial<IndexerConfig>): Promise<string> => {
  host = await startHost()
  indexer = await startIndexer(host, config)
  return indexer.url!
}
const created = (rkey: string) =>
  ({ action: 'create', collection: 'app.bsky.feed.post', rkey, record: post(rkey) }) as const
const PATHS = ['/health', '/info/did:plc:x', '/resolve/did:plc:x', '/stats/repo-count', '/groups/list']

test('nothing of Tap is there unless it is asked for', async () => {
  const url = await start({})
  for (const path of PATHS) expect((await fetch(url + path)).status, path).toBe(404)
  expect((await refused(url, '/channel')).status).toBe(404)
  expect(indexer!.status().consumers).toEqual([])
})

test('each of them asks for the password', async () => {
  const url = await start({ tap: { password: 'geheim' } })
  for (const path of [...PATHS, '/channel']) {
    const response = await fetch(url + path)
    expect([path, response.status]).toEqual([path, 401])
    expect(response.headers.get('www-authenticate')).toBe('Basic realm="tap"')
  }
  const wrong = ['Basic', 'Bearer geheim', `Basic ${btoa('admin:')}`, `Basic ${btoa('root:geheim')}`]
  for (const authorization of [...wrong, `Basic ${btoa('admin:geheim ')}`])
    expect((await fetch(`${url}/health`, { headers: { authorization } })).status, authorization).toBe(401)
  for (const path of ['/repos/add', '/repos/remove', '/groups/retry', '/groups/remove'])
    expect((await fetch(url + path, { method: 'POST', body: '{}' })).status, path).toBe(401)
  expect((await refused(url, '/channel?group=x')).status).toBe(401)
  expect(indexer!.status().consumers).toEqual([])
  const headers = { authorization: `basic ${btoa('admin:geheim')}` }
  expect(await (await fetch(`${url}/health`, { headers })).json()).toEqual({ status: 'ok' })
  // What is not Tap's is as open as it was.
  expect((await fetch(`${url}/status`)).status).toBe(200)
})

test('without a password pages of others are refused, and so are addresses that others reach', async () => {
  const url = await start({ tap: { password: null } })
  const headers = { origin: 'https://example.com' }
  expect((await fetch(`${url}/repos/add`, { method: 'POST', body: '{"dids":[]}', headers })).status).toBe(403)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/channel`, { headers })
  const status = await new Promise((resolve) => {
    socket.on('error', () => {})
    socket.once('unexpected-response', (_, response) => resolve(response.statusCode))
  })
  expect(status).toBe(403)
  await expect(
    createIndexer({ ...(await configOf()), host: '0.0.0.0', tap: { password: null } }),
  ).rejects.toMatchObject({ code: 'bad-config', message: expect.stringContaining('AVOCET_TAP_PASSWORD') })
})

const configOf = async (): Promise<IndexerConfig> => ({
  dataFolder: null,
  host: '127.0.0.1',
  port: 0,
  sources: [],
  plcUrl: host!.plcUrl,
  collections: null,
  backfill: false,
  repos: [],
  allowLoopback: true,
  logRetentionMs: 3_600_000,
})

test('dead letters of webhooks are there too', async () => {
  await using receiver = await startReceiver(({ json }) =>
    json.events.some(({ rkey }: { rkey: string }) => rkey === 'bad') ? 422 : 200,
  )
  const webhooks = [{ name: 'h', url: receiver.url, tries: 1 }]
  const url = await start({ tap: { password: null }, backfill: false, webhooks })
  const alice = await host!.createAccount('alice')
  await host!.write(alice, [created('bad')])
  const letters = async (): Promise<any[]> =>
    (await (await fetch(`${url}/groups/dead-letters?group=webhook/h`)).json()).deadLetters
  await eventually(async () => (await letters()).length === 1)
  const [letter] = await letters()
  expect(letter).toMatchObject({ rkey: 'bad', reason: 'status 422', consumer: 'webhook/h' })
  expect(await (await fetch(`${url}/groups/list`)).json()).toMatchObject({ 'webhook/h': { deadLetters: 1 } })
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toContain('indexer_consumer_dead_letters{consumer="webhook/h"} 1')
  receiver.answer = () => 200
  const body = JSON.stringify({ group: 'webhook/h', ids: [letter.id] })
  expect(await (await fetch(`${url}/groups/retry`, { method: 'POST', body })).json()).toEqual({ count: 1 })
  await eventually(
    async () => (await letters()).length === 0 && indexer!.status().consumers[0]!.unacked === 0,
  )
  expect(receiver.requests.at(-1)!.json.events).toMatchObject([{ rkey: 'bad' }])
  // A webhook is what the file says: it is not removed.
  const remove = await fetch(`${url}/groups/remove`, { method: 'POST', body: '{"group":"webhook/h"}' })
  expect(remove.status).toBe(409)
  expect((await fetch(`${url}/groups/dead-letters?group=webhook/none`)).status).toBe(404)
})

describe('about repos', () => {
  test('they are added, told of, and resolved', async () => {
    const url = await start({ tap: { password: 'p' } })
    const alice = await host!.createAccount('alice')
    await host!.write(alice, [created('a'), created('b')], { silent: true })
    const tap = createTap({ service: url, password: 'p' })
    expect(await tap.repoInfo(alice.did)).toBeNull()
    await tap.addRepos([alice.did])
    await eventually(async () => (await tap.repoInfo(alice.did))?.state === 'active')
    expect(await tap.repoInfo(alice.did)).toMatchObject({ did: alice.did, records: 2, error: null })
    expect(await tap.resolveDid(alice.did)).toMatchObject({ id: alice.did })
    expect(await tap.resolveDid('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).toBeNull()
    const stats = await tap.stats()
    expect(stats).toMatchObject({ repoCount: 1, recordCount: 2, outboxBuffer: 0, resyncBuffer: 0 })
    const seen: string[] = []
    await using channel = openChannel({
      service: url,
      password: 'p',
      onEvent: (event) => void (event.type === 'record' && seen.push(event.rkey)),
      onFailure: () => {},
    })
    await eventually(() => seen.length === 2)
    await eventually(() => channel.stats.acked >= 2)
    await eventually(async () => (await tap.stats()).outboxBuffer === 0)
  })

  test('what does not make sense is refused, and small', async () => {
    const url = await start({ tap: { password: null } })
    const status = async (path: string, body?: string): Promise<number> =>
      (await fetch(url + path, body === undefined ? {} : { method: 'POST', body })).status
    expect(await status('/info/alice')).toBe(400)
    expect(await status('/info/%zz')).toBe(400)
    expect(await status('/resolve/%20')).toBe(400)
    expect(await status('/stats/nothing')).toBe(404)
    expect(await status('/groups/dead-letters?group=none')).toBe(404)
    for (const body of ['', '{', '[]', '{"dids":1}', '{"dids":["x"]}', '{"dids":[1]}'])
      expect([body, await status('/repos/add', body)]).toEqual([body, 400])
    expect(await status('/repos/add', `{"dids":["${'x'.repeat(1024 * 1024)}"]}`)).toBe(413)
    // One that does not say how long it is.
    const parts = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024).fill(32)),
    })
    const endless = { method: 'POST', body: parts, duplex: 'half' } as RequestInit
    expect((await fetch(`${url}/repos/add`, endless)).status).toBe(413)
    expect(await status('/repos/else', '{}')).toBe(404)
    expect(await status('/groups/retry', '{"group":"none","ids":[1]}')).toBe(404)
    expect((await fetch(`${url}/health`, { method: 'DELETE' })).status).toBe(405)
    expect(await status('/channel')).toBe(426)
  })
})
