import { readCar } from '@avocet/car'
import { formatCid } from '@avocet/data'
import { readRepo, verifyRecordProof } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { checkCommit, readFirehose, signingKeyOf } from './firehose.ts'
import { failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork()
})
afterAll(() => net[Symbol.asyncDispose]())

const create = async (account: TestAccount, record: object, rkey?: string) => {
  const collection = (record as { $type?: string }).$type ?? 'com.example.thing'
  const input = { repo: account.did, collection, record, ...(rkey === undefined ? {} : { rkey }) }
  const answer = await net.post('com.atproto.repo.createRecord', { token: account.accessJwt, input })
  expect(answer.status).toBe(200)
  return answer.body as { uri: string; cid: string; commit: { cid: string; rev: string } }
}
const remove = (account: TestAccount, collection: string, rkey: string) =>
  net.post('com.atproto.repo.deleteRecord', {
    token: account.accessJwt,
    input: { repo: account.did, collection, rkey },
  })
const keyOf = (account: TestAccount) => signingKeyOf(net.directory.log(account.did))

async function readAll(car: Uint8Array, account: TestAccount): Promise<Map<string, string>> {
  await using reader = await readRepo(car, { did: account.did as Did, key: keyOf(account) })
  const found = new Map<string, string>()
  for await (const { path, cid } of reader.entries) found.set(path, formatCid(cid))
  return found
}

describe('exports', () => {
  test('getRepo is the whole repository, signed, in reading order', async () => {
    const account = await net.account()
    const expected = new Map<string, string>()
    for (let i = 0; i < 30; i++) {
      const { uri, cid } = await create(account, post(`post ${i}`))
      expected.set(uri.split('/').slice(3).join('/'), cid)
    }
    const { headers, bytes } = await net.get('com.atproto.sync.getRepo', { params: { did: account.did } })
    expect(headers.get('content-type')).toBe('application/vnd.ipld.car')
    const found = await readAll(bytes, account)
    expect([...found]).toEqual([...expected].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    const { roots, blocks } = readCar(bytes)
    expect(formatCid(blocks[0]!.cid)).toBe(formatCid(roots[0]!))
  })

  test('getRepo since a revision has what was added, and completes what a reader has', async () => {
    const account = await net.account()
    await create(account, post('before'))
    const old = await net.get('com.atproto.sync.getRepo', { params: { did: account.did } })
    const { body: then } = await net.get('com.atproto.sync.getLatestCommit', { params: { did: account.did } })
    await create(account, post('after'))
    const params = { did: account.did, since: then.rev }
    const { bytes } = await net.get('com.atproto.sync.getRepo', { params })
    const fresh = readCar(bytes).blocks.map(({ cid }) => formatCid(cid))
    const stale = new Set(readCar(old.bytes).blocks.map(({ cid }) => formatCid(cid)))
    expect(fresh.some((cid) => stale.has(cid))).toBe(false)
    const now = await net.get('com.atproto.sync.getRepo', { params: { did: account.did } })
    const known = new Set([...stale, ...fresh])
    expect(readCar(now.bytes).blocks.every(({ cid }) => known.has(formatCid(cid)))).toBe(true)
  })

  test('getRecord proves that a record is there, and that one is not', async () => {
    const account = await net.account()
    for (let i = 0; i < 20; i++) await create(account, { n: i }, `key${i}`)
    const made = await create(account, { n: 'mine' }, 'mine')
    const prove = async (rkey: string) => {
      const params = { did: account.did, collection: 'com.example.thing', rkey }
      const { bytes } = await net.get('com.atproto.sync.getRecord', { params })
      const options = {
        did: account.did as Did,
        collection: 'com.example.thing',
        rkey,
        key: keyOf(account),
      } as const
      const proof = verifyRecordProof(bytes, options)
      if (!proof.ok) throw proof.error
      return proof.value
    }
    const there = await prove('mine')
    expect(formatCid(there.cid!)).toBe(made.cid)
    expect(there.record).toEqual({ $type: 'com.example.thing', n: 'mine' })
    expect(await prove('none')).toMatchObject({ cid: null, record: null, rev: made.commit.rev })
  })

  test('getBlocks gives blocks by CID and names those it does not have', async () => {
    const account = await net.account()
    const { cid, commit } = await create(account, { n: 1 })
    const params = { did: account.did, cids: [cid, commit.cid] }
    const { blocks } = readCar((await net.get('com.atproto.sync.getBlocks', { params })).bytes)
    expect(blocks.map((block) => formatCid(block.cid))).toEqual([cid, commit.cid])
    const missing = 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm'
    const answer = await net.get('com.atproto.sync.getBlocks', {
      params: { did: account.did, cids: [missing] },
    })
    expect(answer.body).toEqual({ error: 'InvalidRequest', message: `Could not find cids: ${missing}` })
    const bad = await net.get('com.atproto.sync.getBlocks', { params: { did: account.did, cids: ['xyz'] } })
    expect(failure(bad)).toBe('400 InvalidRequest')
  })

  test('status and lists of repositories', async () => {
    const account = await net.account()
    const { commit } = await create(account, post('x'))
    const { body } = await net.get('com.atproto.sync.getRepoStatus', { params: { did: account.did } })
    expect(body).toEqual({ did: account.did, active: true, rev: commit.rev })
    const dids: string[] = []
    for (let cursor: string | undefined; ;) {
      const params = { limit: 2, ...(cursor === undefined ? {} : { cursor }) }
      const page = (await net.get('com.atproto.sync.listRepos', { params })).body
      for (const repo of page.repos) dids.push(repo.did)
      cursor = page.cursor
      if (cursor === undefined) break
    }
    expect(dids).toContain(account.did)
    expect(dids).toEqual([...new Set(dids)].toSorted())
    const byCollection = await net.get('com.atproto.sync.listReposByCollection', {
      params: { collection: 'app.bsky.feed.post' },
    })
    expect(byCollection.body.repos).toContainEqual({ did: account.did })
  })

  test.each(['getRepo', 'getLatestCommit', 'getRepoStatus', 'listBlobs'])(
    '%s of an unknown repository',
    async (name) => {
      const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
      const answer = await net.get(`com.atproto.sync.${name}`, { params: { did } })
      expect(answer.body).toEqual({ error: 'RepoNotFound', message: `Could not find repo for DID: ${did}` })
      expect(failure(await net.get(`com.atproto.sync.${name}`))).toBe('400 InvalidRequest')
    },
  )
})

describe('the firehose', () => {
  test('a new account is #identity, #account, #commit, #sync; each later commit inverts to the one before', async () => {
    const start = await readFirehose(net.pds.url, 0, () => false).then(
      ({ events }) => events.at(-1)?.body.seq ?? 0,
    )
    const account = await net.account()
    for (let i = 0; i < 12; i++) await create(account, { n: i }, `key${i}`)
    await remove(account, 'com.example.thing', 'key3')
    await net.post('com.atproto.repo.putRecord', {
      token: account.accessJwt,
      input: { repo: account.did, collection: 'com.example.thing', rkey: 'key4', record: { n: 'new' } },
    })
    const { events } = await readFirehose(net.pds.url, start, (seen) => seen.length === 18)
    expect(events.map(({ type }) => type)).toEqual([
      '#identity',
      '#account',
      '#commit',
      '#sync',
      ...Array.from({ length: 14 }, () => '#commit'),
    ])
    const [identity, status, first, sync] = events.map(({ body }) => body)
    expect(identity).toMatchObject({ did: account.did, handle: account.handle })
    expect(status).toMatchObject({ did: account.did, active: true })
    expect(first).toMatchObject({
      repo: account.did,
      since: null,
      ops: [],
      tooBig: false,
      rebase: false,
      blobs: [],
    })
    expect(first).not.toHaveProperty('prevData')
    expect(sync).toMatchObject({ did: account.did, rev: first.rev })
    let before = checkCommit(first, keyOf(account))
    for (const { body } of events.slice(4)) {
      expect([formatCid(body.prevData), body.since]).toEqual([before.data, before.rev])
      before = checkCommit(body, keyOf(account))
    }
    expect(events.at(-2)!.body.ops).toMatchObject([
      { action: 'delete', path: 'com.example.thing/key3', cid: null },
    ])
    expect(events.at(-1)!.body.ops).toMatchObject([{ action: 'update', path: 'com.example.thing/key4' }])
    const seqs = events.map(({ body }) => body.seq as number)
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  })

  test('a cursor in the future is refused', async () => {
    const { events, closed } = await readFirehose(net.pds.url, 999_999, () => false)
    expect(events).toEqual([
      { type: 'error', body: { error: 'FutureCursor', message: 'Cursor in the future.' } },
    ])
    expect(closed?.code).toBe(1008)
  })

  test('without a cursor the stream begins now', async () => {
    const account = await net.account()
    const live = readFirehose(net.pds.url, undefined, (seen) => seen.length === 1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const { commit } = await create(account, { live: true })
    const { events } = await live
    expect(events).toMatchObject([{ type: '#commit', body: { repo: account.did, rev: commit.rev } }])
  })
})
