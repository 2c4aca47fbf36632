// What one host, account, relay or web client can have all others wait for, over real sockets against a whole indexer: nothing.

import { request } from 'node:http'
import { writeCar } from '@avocet/car'
import type { DataObject } from '@avocet/data'
import {
  type Account,
  create,
  createWorld,
  frameOf,
  post,
  serveStream,
  type StreamServer,
  type World,
} from '@avocet/firehose/conformance'
import { buildTree } from '@avocet/mst'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Indexer, IndexerConfig } from '../src/app.ts'
import { eventually, indexed, query, startIndexer } from './support/indexer.ts'
import { type Answers, json, type Pds, startPds } from './support/pds.ts'

/** What a busy machine may take; what is waited for by design takes longer. */
const SOON_MS = 8000

let open: AsyncDisposableStack
let world: World
/** Documents asked of the directory. */
let documents: Map<string, number>
let relay: StreamServer
let indexer: Indexer
beforeEach(() => {
  open = new AsyncDisposableStack()
  documents = new Map()
})
afterEach(() => open.disposeAsync())

const servePds = async (answers: Answers): Promise<Pds> => open.use(await startPds(answers))
async function serveRelay(): Promise<StreamServer> {
  const stream = await serveStream({
    document(did) {
      documents.set(did, (documents.get(did) ?? 0) + 1)
      return world.document(did)
    },
    hangs: (did) => world.hanging.has(did),
  })
  open.defer(() => stream.close())
  return stream
}
async function begin(pds: string): Promise<void> {
  world = createWorld('waiting', { pds })
  relay = await serveRelay()
}
type Sources = IndexerConfig['sources']
const relayed = (): Sources => [{ url: relay.service, kind: 'relay', start: 'oldest' }]
async function follow(sources: Sources, more: Partial<IndexerConfig> = {}): Promise<void> {
  const host = { wsUrl: relay.service, plcUrl: relay.plcUrl }
  indexer = open.use(await startIndexer(host, { sources, ...more }))
}
let seq = 0
const send = (stream: StreamServer, type: `#${string}`, body: object): void =>
  stream.send({ seq: ++seq, frame: frameOf(type, body as DataObject, seq) })
const writeOf = async (account: Account, ...rkeys: string[]): Promise<object> =>
  world.event(
    await world.commit(
      account,
      rkeys.map((rkey) => create(rkey)),
    ),
  )
const has = (account: Account, records: number): Promise<unknown> =>
  eventually(async () => (await indexed(indexer, account.did)).size === records, SOON_MS)

function exportOf({ head, commitBytes, records }: Account): Uint8Array {
  const paths = [...records].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const nodes = buildTree(paths.map(([path, { cid }]) => [path, cid] as const)).blocks
  const blocks = [...nodes].map(([cid, bytes]) => ({ cid, bytes }))
  return writeCar(
    [head!.commit],
    [{ cid: head!.commit, bytes: commitBytes! }, ...blocks, ...records.values()],
  )
}
/** A host that answers as it should. */
const honest: Answers = {
  getRepo: (params, response) => void response.end(exportOf(world.accounts.get(params.get('did') as Did)!)),
  getLatestCommit(params, response) {
    const { rev, commit } = world.accounts.get(params.get('did') as Did)!.head!
    json(response, { rev, cid: commit.toString() })
  },
}

test('A6: exports that drip take a host its own places, and are left; a gap elsewhere is read at once', async () => {
  let [dripping, most] = [0, 0]
  const hostile = await servePds({
    getRepo(_params, response) {
      most = Math.max(most, ++dripping)
      response.writeHead(200)
      const drip = setInterval(() => response.write('x'), 500)
      response.on('close', () => {
        dripping--
        clearInterval(drip)
      })
    },
  })
  const home = await servePds(honest)
  await begin(hostile.url)
  const mallories = Array.from({ length: 24 }, () => world.createAccount())
  const ada = world.createAccount({ pds: home.url })
  await follow(relayed(), { repos: mallories.map(({ did }) => did) })
  await eventually(() => dripping === 8, SOON_MS)
  send(relay, '#commit', await writeOf(ada, 'a'))
  await has(ada, 1)
  await writeOf(ada, 'b')
  send(relay, '#commit', await writeOf(ada, 'c'))
  await has(ada, 3)
  expect([dripping, most, home.asked('getRepo')]).toEqual([8, 8, 1])
  // Less than 2 KiB a second for twenty seconds: then it is not asked for a while.
  await eventually(() => dripping === 0, 40_000)
  expect(most).toBe(8)
}, 90_000)

test('A7, A8: five thousand #identity, and a commit that hangs with a malformed one behind it', async () => {
  await begin('https://pds.example.com')
  const [mallory, slow, ada] = [world.createAccount(), world.createAccount(), world.createAccount()]
  world.hanging.add(slow.did)
  await follow(relayed(), { backfill: false })
  send(relay, '#commit', await writeOf(slow, 'a'))
  send(relay, '#commit', { ...(await writeOf(slow, 'b')), since: 'bad' })
  for (let i = 0; i < 5000; i++) send(relay, '#identity', { did: mallory.did, time: world.time() })
  send(relay, '#commit', await writeOf(ada, 'a'))
  await has(ada, 1)
  expect(documents.get(mallory.did)).toBeLessThanOrEqual(5)
  expect(indexer.status().sources[0]!.seq).toBe(seq)
}, 60_000)

/** Two accounts of the relay: one that is known already, and one that is new when the other source is at its worst. */
async function goOn(known: Account): Promise<void> {
  const ada = world.createAccount()
  send(relay, '#commit', await writeOf(ada, 'a'))
  send(relay, '#commit', await writeOf(known, 'b'))
  await Promise.all([has(ada, 1), has(known, 2)])
}

test('A9: a source of large commits whose documents hang keeps the other from nothing', async () => {
  await begin('https://pds.example.com')
  const [hostile, known] = [await serveRelay(), world.createAccount()]
  await follow([...relayed(), { url: hostile.service, kind: 'pds', start: 'oldest' }], { backfill: false })
  send(relay, '#commit', await writeOf(known, 'a'))
  await has(known, 1)
  // As many as the directory is asked at a time would be its fault.
  for (let i = 0; i < 30; i++) {
    const slow = world.createAccount()
    world.hanging.add(slow.did)
    const writes = ['a', 'b'].map((rkey) => create(rkey, post(rkey, 900_000)))
    send(hostile, '#commit', world.event(await world.commit(slow, writes)))
  }
  const last = seq
  await goOn(known)
  // It is read on all the same, though nothing of it is proved.
  await eventually(() => indexer.status().sources[1]!.seq === last, SOON_MS)
  expect(indexer.status().totals.commits).toBe(3)
}, 60_000)

test('A10: a source of made-up accounts has few of them looked up, and none stored', async () => {
  await begin('https://pds.example.com')
  const [hostile, known] = [await serveRelay(), world.createAccount()]
  await follow([...relayed(), { url: hostile.service, kind: 'pds', start: 'oldest' }], { backfill: false })
  send(relay, '#commit', await writeOf(known, 'a'))
  await has(known, 1)
  for (let i = 0; i < 5000; i++) {
    const did = `did:plc:${i
      .toString(26)
      .replaceAll(/[0189]/g, 'x')
      .padStart(24, 'a')}`
    send(hostile, '#identity', { did, time: world.time() })
  }
  const last = seq
  await goOn(known)
  await eventually(() => indexer.status().sources[1]!.seq === last && documents.size > 400, SOON_MS)
  await new Promise((resolve) => setTimeout(resolve, 500))
  // 500 at once, 50 a second.
  expect(documents.size).toBeLessThan(1200)
  expect(indexer.status().totals.identities).toBe(0)
  await eventually(() => indexer.status().repos.known === 2, SOON_MS)
}, 60_000)

test('A11: three hundred frames that nobody signed have no repo read, and none counts as broken', async () => {
  const home = await servePds(honest)
  await begin(home.url)
  const hostile = await serveRelay()
  await follow([...relayed(), { url: hostile.service, kind: 'relay', start: 'oldest' }])
  const accounts = Array.from({ length: 10 }, () => world.createAccount())
  for (const account of accounts) send(relay, '#commit', await writeOf(account, 'a'))
  await eventually(() => indexer.status().totals.records === 10, SOON_MS)
  for (const account of accounts) {
    const lie = world.event(await world.commit(account, [create('b')], { keep: false }))
    for (let i = 0; i < 30; i++) send(hostile, '#commit', { ...lie, tooBig: true })
  }
  const ada = world.createAccount()
  send(relay, '#commit', await writeOf(ada, 'a'))
  await has(ada, 1)
  const stands = async (): Promise<string[]> =>
    Promise.all(
      accounts.map(async ({ did }) => {
        const answer = await fetch(`${indexer.url}/repos?did=${did}`)
        return ((await answer.json()) as { status: string }).status
      }),
    )
  // Their host is asked which rev is the newest, once a minute each.
  await eventually(() => home.asked('getLatestCommit') > 3, SOON_MS)
  for (const status of await stands()) expect(status).toMatch(/^(synchronized|suspect)$/)
  expect(home.asked('getRepo')).toBe(0)
  expect(home.asked('getLatestCommit')).toBeLessThanOrEqual(20)
}, 60_000)

test('A12, A13: lists without end are left, and a host that asks for a pause gets it', async () => {
  const isPage = (response: Parameters<Answers[string]>[1], repos: object[], cursor?: string): void =>
    json(response, { repos, ...(cursor === undefined ? {} : { cursor }) })
  const rev = '3kaaaaaaaaa2a'
  const round = await servePds({
    listRepos: (params, response) => isPage(response, [], params.get('cursor') === 'a' ? 'b' : 'a'),
  })
  let page = 0
  const madeUp = await servePds({
    listRepos(_params, response) {
      page++
      const repos = Array.from({ length: 600 }, (_, i) => ({
        did: `did:web:a${page * 1000 + i}.invalid`,
        rev,
        active: true,
      }))
      isPage(response, repos, `${page}`)
    },
  })
  const busy = await servePds({
    listRepos: (_params, response) =>
      isPage(
        response,
        [...world.accounts.keys()].map((did) => ({ did, rev, active: true })),
      ),
    getRepo: (_params, response) => void response.writeHead(429, { 'retry-after': '60' }).end('{}'),
  })
  await begin(busy.url)
  for (let i = 0; i < 300; i++) world.createAccount()
  const hosts = [round, madeUp, busy]
  await follow(hosts.map(({ url }) => ({ url: url.replace('http', 'ws'), kind: 'pds', start: 'live' })))
  await eventually(() => indexer.status().repos.known === 300, 30_000)
  await eventually(() => madeUp.asked('listRepos') > 0 && busy.asked('getRepo') > 0, SOON_MS)
  // Whatever goes on, goes on now.
  await new Promise((resolve) => setTimeout(resolve, 3000))
  // Three pages, and one; again after each try to reach their streams, which are not there.
  expect(round.asked('listRepos')).toBeLessThan(20)
  expect(madeUp.asked('listRepos')).toBeLessThan(8)
  expect(busy.asked('getRepo')).toBeLessThanOrEqual(8)
  expect(indexer.status().repos).toMatchObject({ known: 300, terminal: 0 })
}, 60_000)

test('A15, A16: handles are looked up within bounds for web clients, and one address does not get all streams', async () => {
  await begin('https://pds.example.com')
  const nobody = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
  const host = await servePds({ resolveHandle: (_params, response) => json(response, { did: nobody }) })
  await follow([{ url: host.url.replace('http', 'ws'), kind: 'pds', start: 'live' }], { backfill: false })
  const ask = async (handle: string): Promise<number> => {
    const about = { repo: handle, collection: 'app.bsky.feed.post', rkey: 'a' }
    return (await query(indexer, 'com.atproto.repo.getRecord', about)).status
  }
  for (let i = 0; i < 100; i++) expect(await ask('same.test')).toBe(400)
  expect(host.asked('resolveHandle')).toBe(1)
  const began = Date.now()
  await Promise.all(Array.from({ length: 200 }, (_, i) => ask(`other${i}.test`)))
  // 50 at once, 5 a second.
  const seconds = (Date.now() - began) / 1000
  expect(host.asked('resolveHandle')).toBeGreaterThan(40)
  expect(host.asked('resolveHandle')).toBeLessThanOrEqual(52 + 5 * seconds)

  const watch = (localAddress: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const call = request(`${indexer.url}/events`, { localAddress, agent: false }, (response) => {
        open.defer(() => void response.destroy())
        resolve(response.statusCode)
      })
      call.on('error', reject).end()
    })
  const statuses: unknown[] = []
  for (let i = 0; i < 10; i++) statuses.push(await watch('127.0.0.1'))
  expect(statuses).toEqual([...Array(8).fill(200), 429, 429])
  expect(await watch('127.0.0.2')).toBe(200)
}, 60_000)
