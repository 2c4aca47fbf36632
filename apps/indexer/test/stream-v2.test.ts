// The log as a stream: a real host, a real indexer, sockets.

import { parseV2Frame } from '@avocet/jetstream/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { type Host, post, startHost } from './support/host.ts'
import { eventually, startIndexer } from './support/indexer.ts'
import { type Heard, listen, refused } from './support/streams.ts'

const PATH = '/xrpc/network.bsky.jetstream.subscribeEvents'
const LIKE = { $type: 'app.bsky.feed.like', subject: { uri: 'at://did:web:x.test/a.b.c/1', cid: 'x' } }

let host: Host
let indexer: Indexer
let heard: Heard[] = []
beforeEach(async () => {
  host = await startHost()
  indexer = await startIndexer(host)
})
afterEach(async () => {
  for (const each of heard) each.close()
  heard = []
  await indexer.close()
  await host[Symbol.asyncDispose]()
})

const hear = (query = ''): Heard => {
  const each = listen(indexer.url!, PATH + query, ['xrpc.v1.json'])
  heard.push(each)
  return each
}
const at = (rkey: string, record?: object, collection = 'app.bsky.feed.post') =>
  ({ action: record === undefined ? 'delete' : 'create', collection, rkey, record }) as Parameters<
    Host['write']
  >[1][number]

describe('v2', () => {
  test('replay and live are one sequence, with what was there before', async () => {
    const ada = await host.createAccount('ada')
    await host.write(ada, [at('3kaaaaaaaaa2a', post('one')), at('3kaaaaaaaaa2b', post('two'))])
    await eventually(() => indexer.status().totals.creates === 2)
    const all = hear('?cursor=1')
    const tail = hear()
    await all.json(2)
    await eventually(() => tail.socket.readyState === 1)
    await host.write(ada, [
      { action: 'update', collection: 'app.bsky.feed.post', rkey: '3kaaaaaaaaa2a', record: post('new') },
    ])
    await host.write(ada, [at('3kaaaaaaaaa2a')])
    host.identity(ada)
    host.account(ada, false, 'takendown')
    await host.sync(ada)
    const frames = await all.json(5)
    expect(all.socket.protocol).toBe('xrpc.v1.json')
    const payloads = frames.map(({ payload }) => payload)
    expect(payloads.map(({ seq }) => seq).slice(0, 5)).toEqual([1, 2, 3, 4, 5])
    for (const frame of all.frames) expect(parseV2Frame(String(frame)).ok).toBe(true)
    const [one, two, updated, deleted, identity] = payloads
    expect(one).toEqual({
      $type: 'network.bsky.jetstream.subscribeEvents#commit',
      seq: 1,
      did: ada.did,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      rev: two.rev,
      operation: 'create',
      collection: 'app.bsky.feed.post',
      rkey: '3kaaaaaaaaa2a',
      record: post('one'),
      cid: expect.stringMatching(/^bafyrei/),
      validity: 'valid',
      provenance: 'live',
    })
    expect(updated).toMatchObject({
      operation: 'update',
      record: post('new'),
      prevCid: one.cid,
      prevRecord: post('one'),
    })
    expect(deleted).toMatchObject({ operation: 'delete', prevCid: updated.cid, prevRecord: post('new') })
    expect(deleted).not.toHaveProperty('record')
    expect(deleted).not.toHaveProperty('cid')
    expect(deleted).not.toHaveProperty('validity')
    expect(identity).toMatchObject({
      $type: 'network.bsky.jetstream.subscribeEvents#identity',
      identity: { did: ada.did, handle: expect.any(String), seq: expect.any(Number) },
    })
    expect((await tail.json(3)).map(({ payload }) => payload.seq).slice(0, 3)).toEqual([3, 4, 5])
    // Who asks again gets the same, though the records are gone from the index.
    expect((await hear('?cursor=1').json(5)).slice(0, 5)).toEqual(frames.slice(0, 5))
  })

  test('gives kinds, accounts and collections that are asked for', async () => {
    const ada = await host.createAccount('ada')
    const bob = await host.createAccount('bob')
    const all = hear('?cursor=1')
    const likes = hear('?cursor=1&collections=app.bsky.feed.like&kinds=commit')
    const graph = hear('?cursor=1&collections=app.bsky.graph.*')
    const bobs = hear(`?cursor=1&dids=${bob.did}`)
    const small = hear('?cursor=1&maxMessageSizeBytes=600&kinds=commit')
    await host.write(ada, [at('a', LIKE, 'app.bsky.feed.like'), at('3kaaaaaaaaa2b', post('x'.repeat(250)))])
    host.identity(ada)
    await host.write(bob, [
      at('3kaaaaaaaaa2b', post('two')),
      at('b', { $type: 'app.bsky.graph.follow' }, 'app.bsky.graph.follow'),
    ])
    host.identity(bob)
    const everything = (await all.json(6)).map(({ payload }) => payload)
    const shown = async (each: Heard, count: number): Promise<string[]> =>
      (await each.json(count)).map(
        ({ payload: { did, rkey } }) => `${did === ada.did ? 'ada' : 'bob'} ${rkey ?? '-'}`,
      )
    expect(await shown(likes, 1)).toEqual(['ada a'])
    expect((await shown(graph, 3)).toSorted()).toEqual(['ada -', 'bob -', 'bob b'])
    expect((await shown(bobs, 3)).toSorted()).toEqual(['bob -', 'bob 3kaaaaaaaaa2b', 'bob b'])
    expect((await shown(small, 3)).toSorted()).toEqual(['ada a', 'bob 3kaaaaaaaaa2b', 'bob b'])
    expect(everything).toHaveLength(6)
  })

  test('what an export brings comes as creates, each with a number of its own', async () => {
    const ada = await host.createAccount('ada')
    const names = Array.from({ length: 60 }, (_, i) => `3kaaaaaaaaa${'abcdefgh'[i >> 3]}${'abcdefgh'[i & 7]}`)
    await host.write(
      ada,
      names.map((rkey) => at(rkey, post(rkey))),
      { silent: true },
    )
    await host.write(ada, [at('3kbaaaaaaaa2a', post('later'))])
    await eventually(() => indexer.status().totals.records === 61)
    const frames = (await hear('?cursor=1').json(61)).map(({ payload }) => payload)
    const brought = frames.filter(({ provenance }) => provenance === 'car')
    expect(brought.length).toBeGreaterThanOrEqual(60)
    expect(new Set(frames.map(({ seq }) => seq)).size).toBe(frames.length)
    expect(frames.map(({ seq }) => seq)).toEqual(frames.map(({ seq }) => seq).toSorted((a, b) => a - b))
    expect(brought.map(({ rkey }) => rkey)).toEqual(expect.arrayContaining(names))
    expect(brought[7]).toMatchObject({
      operation: 'create',
      record: post(brought[7].rkey),
      validity: 'valid',
    })
    // In the middle of them: as from any number.
    const from = brought[30].seq as number
    const expected = frames.filter(({ seq }) => seq >= from)
    const rest = (await hear(`?cursor=${from}`).json(expected.length)).map(({ payload }) => payload)
    expect(rest).toEqual(expected)
    // By time, too.
    const { time, seq } = brought[40]
    const us = Date.parse(time) * 1000 + Number(time.slice(23, 26))
    const [first] = await hear(`?cursor=${us}`).json(1)
    expect(first!['payload'].seq).toBe(seq)
    // What was deleted since may be left out, but not that it was.
    await host.write(ada, [at(names[5]!)])
    await eventually(() => indexer.status().totals.deletes === 1)
    const after = (await hear('?cursor=1').json(frames.length + 1)).map(({ payload }) => payload)
    expect(after.at(-1)).toMatchObject({ operation: 'delete', prevRecord: post(names[5]!) })
  })

  test.each([
    ['?kinds=other', 'InvalidRequest'],
    ['?dids=x', 'InvalidRequest'],
    ['?collections=a.b', 'InvalidRequest'],
    ['?collections=app.bsky.feed.post&kinds=identity', 'InvalidRequest'],
    ['?cursor=-1', 'InvalidRequest'],
    ['?cursor=x', 'InvalidRequest'],
    ['?maxMessageSizeBytes=4294967296', 'InvalidRequest'],
    ['?wantedDids=did:web:x.test', 'InvalidRequest'],
    ['?compress=true', 'InvalidRequest'],
    ['?zstdDictionary=7', 'UnknownZstdDictionary'],
  ])('refuses %s before there is a socket', async (query, name) => {
    const { status, type, body } = await refused(indexer.url!, PATH + query)
    expect([status, type]).toEqual([400, 'application/json; charset=utf-8'])
    expect(JSON.parse(body)).toEqual({ error: name, message: expect.any(String) })
  })

  test('a cursor past the end is the tip, and who speaks is let go', async () => {
    const tail = hear('?cursor=900')
    await eventually(() => tail.socket.readyState === 1)
    const ada = await host.createAccount('ada')
    await host.write(ada, [at('3kaaaaaaaaa2a', post('one'))])
    expect((await tail.json(1))[0]!['payload'].seq).toBe(1)
    tail.socket.send('{}')
    expect(await tail.closed()).toEqual({ code: 1008, reason: 'nothing is to be said here' })
  })
})
