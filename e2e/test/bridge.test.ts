// The example examples/bridge over real sockets, in both of its mounts and on both databases: published clients read what it
// writes and follow its firehose, and pictures that hosts lie about are refused.
import { once } from 'node:events'
import { createServer, request, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

import { ComAtprotoRepoGetRecord } from '@atcute/atproto'
import { Client, simpleFetchHandler } from '@atcute/client'
import { AtpAgent } from '@atproto/api'
import { verifyRepoCar } from '@atproto/repo'
import { createBridge, type Bridge } from '@avocet/example-bridge'
import { inExpress, inHono } from '@avocet/example-bridge/mounts'
import { avocetAdapter, type ConsumerAdapter } from '@avocet/firehose/conformance'
import { createKeypair } from '@avocet/crypto'
import { IdResolver } from '@atproto/identity'
import { createPlcDirectory, type PlcDirectory } from '@avocet/plc-directory'
import { startPostgres } from '@avocet/testing/postgres'
import { createUpgrader, type Upgrader } from '@avocet/xrpc-server/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import atcute from '../support/firehose-atcute.ts'
import atprotoSync from '../support/firehose-atproto-sync.ts'

const POST = 'app.bsky.feed.post'
const RKEYS = ['3mbridge22222', '3mbridge22223', '3mbridge22224'] as const
const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(2000, 'x')])
const createdAt = '2026-01-02T03:04:05.678Z'
const post = (rkey: string, words: string): { rkey: string; text: string; createdAt: string } => ({
  rkey,
  text: words,
  createdAt,
})

const postgres = await startPostgres()
let plc: PlcDirectory
let folder: string
beforeAll(async () => {
  plc = await createPlcDirectory({ port: 0 })
  folder = await mkdtemp(join(tmpdir(), 'avocet-bridge-'))
})
afterAll(async () => {
  await plc.close()
  await postgres?.close()
  await rm(folder, { recursive: true, force: true })
})

test('it has 200 lines at most', async () => {
  const sources = new URL('../../examples/bridge/src/', import.meta.url)
  let lines = 0
  for (const name of await readdir(sources)) {
    lines += (await readFile(new URL(name, sources), 'utf8')).trimEnd().split('\n').length
  }
  expect(lines).toBeLessThanOrEqual(200)
})

describe.each([
  ['Express', inExpress, 'in memory'],
  ['Express', inExpress, 'on Postgres'],
  ['Hono', inHono, 'in a folder'],
  ['Hono', inHono, 'on Postgres'],
] as const)('in %s', (mount, mounted, where) => {
  describe.skipIf(where === 'on Postgres' && postgres === null)(`what is kept ${where}`, () => {
    let bridge: Bridge
    let sockets: Upgrader
    let server: Server
    let url: string
    let pictures: Server
    let pictureUrl: string
    let answer: RequestListener
    let asked: number
    // Each on the same database as those before it.
    const domain = `${mount}-${where.replaceAll(' ', '-')}.test`.toLowerCase()

    beforeEach(async () => {
      asked = 0
      answer = (_, response) => void response.writeHead(200, { 'content-type': 'image/png' }).end(PNG)
      pictures = createServer((message, response) => {
        asked += 1
        answer(message, response)
      }).listen(0, '127.0.0.1')
      await once(pictures, 'listening')
      pictureUrl = `http://127.0.0.1:${(pictures.address() as AddressInfo).port}/picture`
      bridge = await createBridge({
        domain,
        rotationKey: createKeypair('k256').exportPrivateKey(),
        plcUrl: plc.url,
        folder: where === 'in memory' ? undefined : join(folder, domain),
        postgresUrl: where === 'on Postgres' ? postgres!.url : undefined,
        allowLoopback: true,
      })
      sockets = createUpgrader(bridge.router)
      server = mounted(bridge).listen(0, '127.0.0.1')
      server.on('upgrade', sockets.upgrade)
      await once(server, 'listening')
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    })
    afterEach(async () => {
      await sockets.close()
      for (const one of [server, pictures]) one.close().closeAllConnections()
      await bridge[Symbol.asyncDispose]()
    })

    test('published consumers follow its firehose, each event proved and in order', async () => {
      const events: { seq: number; ops: number | null }[] = []
      bridge.host.parts.options.store.onEvent(({ seq, body }) => {
        events.push({ seq, ops: Array.isArray(body['ops']) ? body['ops'].length : null })
      })
      const accepted = new Map<string, number[]>()
      const follow = async (consumer: ConsumerAdapter): Promise<{ stop(): unknown }> => {
        const seqs: number[] = []
        accepted.set(consumer.name, seqs)
        return consumer.start({
          service: url.replace('http:', 'ws:'),
          plcUrl: plc.url,
          source: 'relay',
          accepted: (seq) => void (seq !== null && seqs.push(seq)),
          crashed: (error) => {
            throw error
          },
        })
      }
      const consumers = await Promise.all([avocetAdapter('workspace'), atprotoSync, atcute].map(follow))
      await expect.poll(() => bridge.router.subscribers().length).toBe(3)

      const [first, second, third] = RKEYS
      const picture = { url: pictureUrl, alt: 'x' }
      // Two posts of a new author at once make one account.
      const both = [post(first, 'hello'), { ...post(second, 'a picture'), pictures: [picture] }]
      const uris = await Promise.all(both.map((one) => bridge.publish('anna', one)))
      const did = (await bridge.didOf(`anna.${domain}`))!
      expect(uris).toEqual([first, second].map((rkey) => `at://${did}/${POST}/${rkey}`))
      await bridge.publish('ben', post(third, 'from elsewhere'))
      await bridge.publish('anna', post(first, 'hello, changed'))
      const before = events.length
      await bridge.publish('anna', post(first, 'hello, changed'))
      expect(events).toHaveLength(before)
      await bridge.retract('anna', first)

      const all = events.map(({ seq }) => seq)
      // A repository begins with a commit of nothing, of which a client that tells of records has nothing to tell.
      const told = events.filter(({ ops }) => ops !== 0).map(({ seq }) => seq)
      await expect
        .poll(() => [...accepted.values()].map(({ length }) => length))
        .toEqual([all.length, told.length, all.length])
      expect(events).toHaveLength(2 * 4 + 5)
      expect([...accepted.values()].map((seqs) => seqs.toSorted((a, b) => a - b))).toEqual([all, told, all])
      await Promise.all(consumers.map((consumer) => consumer.stop()))
    })

    test('published clients read its repositories, and find its users', async () => {
      const [first, second] = RKEYS
      await bridge.publish('clara', post(first, 'hello'))
      await bridge.publish('clara', { ...post(second, 'look'), pictures: [{ url: pictureUrl, alt: 'x' }] })
      const agent = new AtpAgent({ service: url })
      const handle = `clara.${domain}`
      const { data: found } = await agent.resolveHandle({ handle })
      const { did } = found
      expect(did).toBe(await bridge.didOf(handle))
      const { data: described } = await agent.com.atproto.repo.describeRepo({ repo: handle })
      expect(described).toMatchObject({ did, handle, handleIsCorrect: true, collections: [POST] })
      const { data: listed } = await agent.com.atproto.repo.listRecords({ repo: did, collection: POST })
      expect(listed.records.map(({ value }) => value['text'])).toEqual(['look', 'hello'])
      const { data: service } = await agent.com.atproto.server.describeServer()
      expect(service).toMatchObject({ did: `did:web:${domain}`, availableUserDomains: [`.${domain}`] })

      const ids = new IdResolver({ plcUrl: plc.url, fetch })
      const { data: car } = await agent.com.atproto.sync.getRepo({ did })
      const verified = await verifyRepoCar(car, did, await ids.did.resolveAtprotoKey(did))
      expect(verified.creates.map(({ rkey }) => rkey)).toEqual([first, second])

      const client = new Client({ handler: simpleFetchHandler({ service: url }) })
      const params = { repo: did as `did:plc:${string}`, collection: POST, rkey: second } as const
      const record = await client.call(ComAtprotoRepoGetRecord, { params })
      expect([record.status, record.ok && record.data.value]).toEqual([
        200,
        expect.objectContaining({ text: 'look' }),
      ])

      // The picture stays where it is, and was asked for once; a client is sent there.
      const { data: blobs } = await agent.com.atproto.sync.listBlobs({ did })
      expect([blobs.cids.length, asked]).toEqual([1, 1])
      const query = `did=${did}&cid=${blobs.cids[0]}`
      const redirect = await fetch(`${url}/xrpc/com.atproto.sync.getBlob?${query}`, { redirect: 'manual' })
      expect([redirect.status, redirect.headers.get('location')]).toEqual([302, pictureUrl])
      const { data: bytes } = await agent.com.atproto.sync.getBlob({ did, cid: blobs.cids[0]! })
      expect(Buffer.compare(bytes, PNG)).toBe(0)

      expect(await wellKnown(handle)).toEqual([200, did])
      expect((await wellKnown(`nobody.${domain}`))[0]).toBe(404)
    })

    test('nobody but the bridge writes', async () => {
      await bridge.publish('dora', post(RKEYS[0], 'hello'))
      const agent = new AtpAgent({ service: url })
      const repo = (await bridge.didOf(`dora.${domain}`))!
      const write = agent.com.atproto.repo.createRecord({ repo, collection: POST, record: post('x', 'x') })
      await expect(write).rejects.toMatchObject({ status: 501, error: 'MethodNotImplemented' })
    })

    test('a picture that is not one, or leads astray, is refused, and the post with it', async () => {
      const published = async (at = pictureUrl): Promise<unknown> => {
        const given = { ...post(RKEYS[0], 'look'), pictures: [{ url: at, alt: '' }] }
        const outcome = await bridge.publish('eva', given)
        return typeof outcome === 'string' ? 'published' : outcome.code
      }
      const say =
        (body: Uint8Array, headers = {}): RequestListener =>
        (_, response) =>
          void response.writeHead(200, { 'content-type': 'image/png', ...headers }).end(body)
      const large = (length: number): Buffer => Buffer.concat([PNG, Buffer.alloc(length - PNG.length)])

      answer = say(large(1_000_001))
      expect(await published()).toBe('too-large')
      // One that does not say how long it is, and never ends.
      answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'image/png' })
        response.write(PNG)
        const more = setInterval(() => response.write(Buffer.alloc(200_000)), 1)
        response.on('close', () => clearInterval(more))
      }
      expect(await published()).toBe('too-large')
      answer = say(Buffer.from('<!doctype html><script>'))
      expect(await published()).toBe('type-not-accepted')
      answer = say(Buffer.alloc(0), { 'content-type': 'video/mp4' })
      expect(await published()).toBe('type-not-accepted')
      answer = (_, response) => void response.writeHead(404).end()
      expect(await published()).toBe('refused')
      answer = (_, response) => void response.writeHead(302, { location: 'http://10.0.0.1/a' }).end()
      expect(await published()).toBe('blocked')
      expect(await published('http://169.254.169.254/latest/meta-data')).toBe('blocked')
      expect(await published('file:///etc/passwd')).toBe('invalid-url')

      const did = (await bridge.didOf(`eva.${domain}`))!
      const { store } = bridge.host.parts.options
      expect([await store.records.count(did), await store.blobs.bytes(did)]).toEqual([0, 0])
      answer = say(large(1_000_000))
      expect(await published()).toBe('published')
    })

    async function wellKnown(host: string): Promise<[number, string]> {
      const asking = request(`${url}/.well-known/atproto-did`, { headers: { host } }).end()
      const [response] = await once(asking, 'response')
      return [response.statusCode, await text(response)]
    }
  })
})
