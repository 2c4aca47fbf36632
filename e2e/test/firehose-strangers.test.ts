// The stream of com.atproto.sync.subscribeRepos crossed with the official and the well-known clients over real sockets:
// ours read by theirs with authentication of commits on, theirs read by our verifier.
import { createServer as createHttpServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

import { ComAtprotoSyncSubscribeRepos } from '@atcute/atproto'
import { FirehoseSubscription } from '@atcute/firehose'
import { schemas } from '@atproto/api'
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { IdResolver, MemoryCache } from '@atproto/identity'
import {
  BlockMap,
  blocksToCarFile,
  MemoryBlockstore,
  Repo,
  WriteOpAction,
  type RecordWriteOp,
} from '@atproto/repo'
import { Firehose, type Event } from '@atproto/sync'
import { createServer as createXrpcServer } from '@atproto/xrpc-server'
import { parseDidKey } from '@avocet/crypto'
import {
  consume,
  createMemoryState,
  relaySource,
  type FailureEvent,
  type VerifiedEvent,
} from '@avocet/firehose'
import type { Pds } from '@avocet/pds'
import type { Did } from '@avocet/syntax'
import { Firehose as SkywareFirehose } from '@skyware/firehose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'

import { startPds, type TestPds } from '../support/pds.ts'

/** One change of one record, as a reader sees it. */
type Change = { action: string; did: string; path: string; cid: string | null }

const sorted = (changes: readonly Change[]): string[] =>
  changes.map(({ action, did, path, cid }) => `${did} ${path} ${action} ${cid ?? ''}`).toSorted()

/** Waits until `done` holds; a reader that loses events ends here, not in an endless test. */
async function until(done: () => boolean, timeoutMs = 20_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!done() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
}

describe('the stream of our PDS', () => {
  let server: TestPds
  let pds: Pds
  let service: string
  const written: Change[] = []
  let commits = 0

  beforeAll(async () => {
    server = await startPds()
    pds = server.pds
    service = pds.url.replace('http', 'ws')
    for (const name of ['wanda', 'xavier', 'yvonne']) await live(name)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  /** A short life of an account: every kind of write, single and in batches. */
  async function live(name: string): Promise<void> {
    const agent = await server.newAccount(name)
    commits++ // the first, empty commit
    const did = agent.assertDid
    const note = (action: string, uri: string, cid: string | null): void => {
      written.push({ action, did, path: uri.split('/').slice(3).join('/'), cid })
    }
    const createdAt = new Date().toISOString()
    const posts: { uri: string; cid: string }[] = []
    for (let i = 0; i < 12; i++) {
      const post = await agent.post({ text: `post ${i} of ${name} 🌊`, createdAt })
      posts.push(post)
      note('create', post.uri, post.cid)
    }
    const profile = { repo: did, collection: 'app.bsky.actor.profile', rkey: 'self' }
    for (const [index, displayName] of ['A', 'B', 'C'].entries()) {
      const { data } = await agent.com.atproto.repo.putRecord({ ...profile, record: { displayName } })
      note(index === 0 ? 'create' : 'update', data.uri, data.cid)
    }
    for (const { uri } of posts.slice(0, 4)) {
      await agent.deletePost(uri)
      note('delete', uri, null)
    }
    const [kept, gone] = [posts.at(-1)!, posts.at(-2)!]
    const rkey = (uri: string): string => uri.split('/').at(-1)!
    const { data } = await agent.com.atproto.repo.applyWrites({
      repo: did,
      writes: [
        ...Array.from({ length: 30 }, (_, i) => ({
          $type: 'com.atproto.repo.applyWrites#create' as const,
          collection: 'com.example.thing',
          rkey: `thing-${i}`,
          value: { $type: 'com.example.thing', n: i, bytes: { $bytes: 'AAEC' } },
        })),
        {
          $type: 'com.atproto.repo.applyWrites#update' as const,
          collection: 'app.bsky.feed.post',
          rkey: rkey(kept.uri),
          value: { $type: 'app.bsky.feed.post', text: 'changed', createdAt },
        },
        {
          $type: 'com.atproto.repo.applyWrites#delete' as const,
          collection: 'app.bsky.feed.post',
          rkey: rkey(gone.uri),
        },
      ],
    })
    for (const result of data.results ?? []) {
      if ('uri' in result && 'cid' in result) {
        const { uri, cid } = result
        note(uri === kept.uri ? 'update' : 'create', uri, cid)
      }
    }
    note('delete', gone.uri, null)
    commits += 12 + 3 + 4 + 1
    await agent.com.atproto.server.deactivateAccount({})
    await agent.com.atproto.server.activateAccount()
  }

  test('@atproto/sync accepts every commit, with authentication on', async () => {
    const events: Event[] = []
    const errors: Error[] = []
    const firehose = new Firehose({
      service,
      idResolver: new IdResolver({ plcUrl: server.plc.url, didCache: new MemoryCache(), fetch }),
      // Keys are resolved and signatures checked; the handles of this test, under .test, exist in no DNS.
      unauthenticatedHandles: true,
      getCursor: () => 0,
      handleEvent: (event) => void events.push(event),
      onError: (error) => void errors.push(error),
    })
    void firehose.start()
    const changes = (): Change[] =>
      events.flatMap((event) =>
        event.event === 'create' || event.event === 'update' || event.event === 'delete'
          ? [
              {
                action: event.event,
                did: event.did,
                path: `${event.collection}/${event.rkey}`,
                cid: event.event === 'delete' ? null : String(event.cid),
              },
            ]
          : [],
      )
    await until(() => changes().length >= written.length)
    await firehose.destroy()
    expect(errors).toEqual([])
    expect(written).toHaveLength(153)
    expect(sorted(changes())).toEqual(sorted(written))
    const kinds = new Set(events.map((event) => event.event))
    expect([...kinds].toSorted()).toEqual(['account', 'create', 'delete', 'identity', 'sync', 'update'])
    const thing = events.find((event) => event.event === 'create' && event.rkey === 'thing-7')
    expect(thing).toMatchObject({ record: { $type: 'com.example.thing', n: 7 } })
  })

  test('@atcute/firehose reads every message as valid', async () => {
    const errors: unknown[] = []
    const subscription = new FirehoseSubscription({
      service,
      nsid: ComAtprotoSyncSubscribeRepos.mainSchema,
      params: { cursor: 0 },
      onError: (error) => void errors.push(error),
    })
    const changes: Change[] = []
    const seqs: number[] = []
    let seen = 0
    for await (const message of subscription) {
      if (!('seq' in message)) continue
      seqs.push(message.seq)
      if (message.$type !== 'com.atproto.sync.subscribeRepos#commit') continue
      seen++
      for (const { action, path, cid } of message.ops) {
        changes.push({ action, did: message.repo, path, cid: cid === null ? null : cid.$link })
      }
      if (seen === commits) break
    }
    expect(errors).toEqual([])
    expect(sorted(changes)).toEqual(sorted(written))
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    expect(new Set(seqs).size).toBe(seqs.length)
  })

  test('@skyware/firehose reads every commit and its records', async () => {
    const changes: Change[] = []
    const errors: unknown[] = []
    const firehose = new SkywareFirehose({ relay: service, cursor: '0', ws: WebSocket, autoReconnect: false })
    firehose.on('error', ({ error }) => void errors.push(error))
    firehose.on('websocketError', ({ error }) => void errors.push(error))
    firehose.on('unknown', (message) => void errors.push(message))
    const texts: string[] = []
    firehose.on('commit', ({ repo, ops }) => {
      for (const op of ops) {
        const cid = op.action === 'delete' ? null : op.cid
        changes.push({ action: op.action, did: repo, path: op.path, cid })
        if (op.action === 'update' && 'text' in op.record) texts.push(String(op.record.text))
      }
    })
    firehose.start()
    await until(() => changes.length >= written.length)
    firehose.close()
    expect(errors).toEqual([])
    expect(sorted(changes)).toEqual(sorted(written))
    expect(texts).toEqual(['changed', 'changed', 'changed'])
  })
})

describe('a stream of @atproto/xrpc-server and @atproto/repo', () => {
  const log: Record<string, unknown>[] = []
  const keys = new Map<string, string>()
  const expected: Change[] = []
  let server: Server
  let url: string

  beforeAll(async () => {
    await writeRepo('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', await Secp256k1Keypair.create())
    await writeRepo('did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', await P256Keypair.create())
    const xrpc = createXrpcServer(schemas)
    xrpc.streamMethod('com.atproto.sync.subscribeRepos', async function* stream({ params, signal }) {
      for (const event of log) {
        if (Number(event['seq']) > Number(params['cursor'] ?? 0)) yield event
      }
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    server = createHttpServer(xrpc.router)
    for (const subscription of xrpc.subscriptions.values()) {
      server.on('upgrade', (request, socket, head) => {
        subscription.wss.handleUpgrade(request, socket, head, (ws) =>
          subscription.wss.emit('connection', ws, request),
        )
      })
    }
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  /** Commits of all kinds to a repository, and their events as the official PDS makes them. */
  async function writeRepo(did: string, keypair: Secp256k1Keypair | P256Keypair): Promise<void> {
    keys.set(did, keypair.did())
    const storage = new MemoryBlockstore()
    const collection = 'com.example.note'
    const record = (n: number): { $type: string; n: number; text: string } => ({
      $type: collection,
      n,
      text: 'x'.repeat(n * 10),
    })
    const create = (n: number): RecordWriteOp => ({
      action: WriteOpAction.Create,
      collection,
      rkey: `key${n}`,
      record: record(n),
    })
    const first = await Repo.formatInitCommit(storage, did, keypair, [])
    let repo = await Repo.createFromCommit(storage, first)
    const emit = async (
      commit: Awaited<ReturnType<Repo['formatCommit']>>,
      ops: Record<string, unknown>[],
      prevData: unknown,
    ): Promise<void> => {
      const blocks = new BlockMap()
      blocks.addMap(commit.newBlocks)
      blocks.addMap(commit.relevantBlocks)
      log.push({
        $type: '#commit',
        seq: log.length + 1,
        repo: did,
        commit: commit.cid,
        rev: commit.rev,
        since: commit.since,
        blocks: await blocksToCarFile(commit.cid, blocks),
        ops,
        ...(prevData === undefined ? {} : { prevData }),
        blobs: [],
        rebase: false,
        tooBig: false,
        time: new Date().toISOString(),
      })
    }
    await emit(first, [], undefined)

    const batches: RecordWriteOp[][] = [
      ...Array.from({ length: 20 }, (_, n) => [create(n)]),
      Array.from({ length: 25 }, (_, n) => create(100 + n)),
      [{ action: WriteOpAction.Update, collection, rkey: 'key3', record: record(33) }],
      ...[1, 7, 110, 19].map((n): RecordWriteOp[] => [
        { action: WriteOpAction.Delete, collection, rkey: `key${n}` },
      ]),
      [
        create(200),
        { action: WriteOpAction.Update, collection, rkey: 'key4', record: record(44) },
        { action: WriteOpAction.Delete, collection, rkey: 'key5' },
      ],
    ]
    for (const batch of batches) {
      const before = repo
      const commit = await repo.formatCommit(batch, keypair)
      repo = await repo.applyCommit(commit)
      const ops = await Promise.all(
        batch.map(async (write) => {
          const path = `${write.collection}/${write.rkey}`
          const [cid, prev] = [await repo.data.get(path), await before.data.get(path)]
          expected.push({ action: write.action, did, path, cid: cid === null ? null : String(cid) })
          return { action: write.action, path, cid, ...(prev === null ? {} : { prev }) }
        }),
      )
      await emit(commit, ops, before.commit.data)
    }
  }

  test('is verified whole by our consumer', async () => {
    const events: VerifiedEvent[] = []
    const ignored: FailureEvent[] = []
    const stop = new AbortController()
    const consumer = consume({
      sources: [relaySource({ url, start: 'oldest' })],
      state: createMemoryState(),
      signal: stop.signal,
      resolveKey: (did: Did) => {
        const key = parseDidKey(keys.get(did) ?? '')
        return Promise.resolve(key.ok ? { key: key.value, pds: null, handle: null } : null)
      },
      onEvent: (event) => void events.push(event),
      onIgnored: (failure) => void ignored.push(failure),
    })
    await until(() => events.length >= log.length)
    stop.abort()
    await consumer.done
    expect(ignored).toEqual([])
    expect(events.filter((event) => event.kind !== 'commit')).toEqual([])
    const changes = events.flatMap((event) =>
      event.kind === 'commit'
        ? event.ops.map(({ action, path, cid }) => ({
            action,
            did: event.did,
            path,
            cid: cid === null ? null : String(cid),
          }))
        : [],
    )
    expect(expected).toHaveLength(106)
    expect(sorted(changes)).toEqual(sorted(expected))
    const flags = events.flatMap((event) => (event.kind === 'commit' ? event.flags : []))
    expect(flags.every((flag) => flag === 'first-sighting')).toBe(true)
  })
})
