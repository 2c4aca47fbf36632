import { AtpAgent } from '@atproto/api'
import { IdResolver, MemoryCache } from '@atproto/identity'
import { Repo, MemoryBlockstore, readCarWithRoot, verifyProofs, verifyRepoCar } from '@atproto/repo'
import { Firehose, type Event } from '@atproto/sync'
import type { Pds } from '@avocet/pds'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startPds, type TestPds } from '../support/pds.ts'

let server: TestPds
let pds: Pds
let ids: IdResolver

beforeAll(async () => {
  server = await startPds()
  pds = server.pds
  ids = new IdResolver({ plcUrl: server.plc.url, didCache: new MemoryCache(), fetch })
})
afterAll(() => server[Symbol.asyncDispose]())

const newAgent = (name: string): Promise<AtpAgent> => server.newAccount(name)

describe('@atproto/api', () => {
  test('signs up, signs in, resumes and refreshes', async () => {
    const agent = await newAgent('sylvia')
    expect(agent.session).toMatchObject({ handle: 'sylvia.test', active: true })
    const second = new AtpAgent({ service: pds.url })
    await second.login({ identifier: 'sylvia@example.com', password: 'correct horse' })
    expect(second.assertDid).toBe(agent.assertDid)
    await second.resumeSession(agent.session!)
    const before = second.session!.refreshJwt
    await second.sessionManager.refreshSession()
    expect(second.session!.refreshJwt).not.toBe(before)
    await expect(second.login({ identifier: 'sylvia.test', password: 'wrong' })).rejects.toMatchObject({
      status: 401,
      error: 'AuthenticationRequired',
    })
    const { data } = await agent.com.atproto.identity.resolveHandle({ handle: 'sylvia.test' })
    expect(data.did).toBe(agent.assertDid)
  })

  test('posts, likes, follows, changes its profile and takes back', async () => {
    const [ted, ursula] = [await newAgent('theodore'), await newAgent('ursula')]
    const { uri, cid } = await ted.post({ text: 'hello', langs: ['en'], createdAt: new Date().toISOString() })
    const like = await ursula.like(uri, cid)
    await ursula.repost(uri, cid)
    const follow = await ursula.follow(ted.assertDid)
    await ursula.upsertProfile((existing) => ({ ...existing, displayName: 'Ursula' }))
    await ursula.deleteLike(like.uri)
    const { data } = await ursula.com.atproto.repo.describeRepo({ repo: ursula.assertDid })
    expect(data.collections.toSorted()).toEqual([
      'app.bsky.actor.profile',
      'app.bsky.feed.repost',
      'app.bsky.graph.follow',
    ])
    const read = await ted.com.atproto.repo.getRecord({
      repo: ursula.assertDid,
      collection: 'app.bsky.graph.follow',
      rkey: follow.uri.split('/').at(-1)!,
    })
    expect(read.data).toMatchObject({ uri: follow.uri, cid: follow.cid, value: { subject: ted.assertDid } })
    await expect(
      ursula.com.atproto.repo.createRecord({ repo: ted.assertDid, collection: 'a.b.c', record: {} }),
    ).rejects.toMatchObject({ status: 403, error: 'AccountNotFound' })
  })

  test('uploads a blob, refers to it, reads it', async () => {
    const agent = await newAgent('victor')
    const bytes = new Uint8Array(60_000).fill(7)
    bytes.set([0xff, 0xd8, 0xff])
    const { data } = await agent.uploadBlob(bytes, { encoding: 'image/jpeg' })
    await agent.post({
      text: 'look',
      embed: { $type: 'app.bsky.embed.images', images: [{ alt: 'sevens', image: data.blob }] },
    })
    const blob = await agent.com.atproto.sync.getBlob({ did: agent.assertDid, cid: data.blob.ref.toString() })
    expect(blob.headers['content-type']).toBe('image/jpeg')
    expect(Buffer.compare(blob.data, bytes)).toBe(0)
  })

  test('app passwords and lists of repositories', async () => {
    const agent = await newAgent('walter')
    const { data } = await agent.com.atproto.server.createAppPassword({ name: 'tool' })
    const tool = new AtpAgent({ service: pds.url })
    await tool.login({ identifier: 'walter.test', password: data.password })
    await tool.post({ text: 'by a tool' })
    const repos = await tool.com.atproto.sync.listRepos({ limit: 1000 })
    expect(repos.data.repos.map(({ did }) => did)).toContain(agent.assertDid)
  })
})

describe('@atproto/repo and @atproto/sync', () => {
  test('a repository and the proof of a record verify', async () => {
    const agent = await newAgent('xavier')
    const did = agent.assertDid
    const uris: string[] = []
    for (let i = 0; i < 40; i++) uris.push((await agent.post({ text: `post ${i}` })).uri)
    await agent.deletePost(uris[7]!)
    const key = await ids.did.resolveAtprotoKey(did)
    const { data: car } = await agent.com.atproto.sync.getRepo({ did })
    const verified = await verifyRepoCar(car, did, key)
    expect(verified.creates).toHaveLength(39)
    const { root, blocks } = await readCarWithRoot(car)
    const repo = await Repo.load(new MemoryBlockstore(blocks), root)
    expect(await repo.getRecord('app.bsky.feed.post', uris[0]!.split('/').at(-1)!)).toMatchObject({
      text: 'post 0',
    })
    const rkey = uris[20]!.split('/').at(-1)!
    const proof = await agent.com.atproto.sync.getRecord({ did, collection: 'app.bsky.feed.post', rkey })
    const record = await agent.com.atproto.repo.getRecord({
      repo: did,
      collection: 'app.bsky.feed.post',
      rkey,
    })
    const claim = { collection: 'app.bsky.feed.post', rkey, cid: null }
    const { CID } = await import('multiformats/cid')
    const claims = [{ ...claim, cid: CID.parse(record.data.cid!) }]
    const result = await verifyProofs(proof.data, claims as never, did, key)
    expect([result.verified.length, result.unverified.length]).toEqual([1, 0])
  })

  test('the firehose client takes and authenticates every event', async () => {
    const seen: Event[] = []
    const errors: unknown[] = []
    const agent = await newAgent('yolanda')
    const written: string[] = []
    for (let i = 0; i < 10; i++) written.push((await agent.post({ text: `live ${i}` })).uri)
    await agent.deletePost(written[3]!)
    const done = Promise.withResolvers<void>()
    const firehose = new Firehose({
      service: pds.url.replace('http', 'ws'),
      idResolver: ids,
      getCursor: () => 0,
      handleEvent: (event) => {
        seen.push(event)
        if (event.event === 'delete' && event.did === agent.assertDid) done.resolve()
      },
      onError: (error) => {
        errors.push(error)
        done.resolve()
      },
    })
    void firehose.start()
    await done.promise
    await firehose.destroy()
    expect(errors).toEqual([])
    const mine = seen.filter((event) => event.did === agent.assertDid)
    expect(mine.slice(0, 2).map(({ event }) => event)).toEqual(['identity', 'account'])
    const created = mine.filter((event) => event.event === 'create')
    expect(created.map((event) => event.uri.toString())).toEqual(written)
  })
})
