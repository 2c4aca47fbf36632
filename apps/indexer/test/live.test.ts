// A real host on a socket, a real indexer on its stream.

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { XrpcError } from '@avocet/xrpc'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { type Host, type Network, type TestAccount, post, startHost } from './support/host.ts'
import { eventually, indexed, query, startIndexer } from './support/indexer.ts'

let host: Host
let indexer: Indexer | undefined
beforeEach(async () => {
  host = await startHost()
})
afterEach(async () => {
  await indexer?.close()
  indexer = undefined
  await host[Symbol.asyncDispose]()
})

const create = (rkey: string, text = rkey): Parameters<Host['write']>[1][number] => ({
  action: 'create',
  collection: 'app.bsky.feed.post',
  rkey,
  record: post(text),
})

/** What is indexed of a repo, once it is what the repo holds; or as it is when that does not come about. */
async function settled(account: TestAccount): Promise<Map<string, string>> {
  const expected = await host.records(account)
  let found = new Map<string, string>()
  await eventually(async () => {
    found = await indexed(indexer!, account.did)
    return found.size === expected.size && [...expected].every(([path, cid]) => found.get(path) === cid)
  }).catch(() => {})
  return found
}

describe('live', () => {
  test('creates, updates and deletes are indexed as they happen', async () => {
    indexer = await startIndexer(host)
    const ada = await host.createAccount('ada')
    await host.write(ada, [create('3kaaaaaaaaa2a'), create('3kaaaaaaaaa2b')])
    await host.write(ada, [
      { action: 'update', collection: 'app.bsky.feed.post', rkey: '3kaaaaaaaaa2a', record: post('new') },
    ])
    await host.write(ada, [{ action: 'delete', collection: 'app.bsky.feed.post', rkey: '3kaaaaaaaaa2b' }])
    expect(await settled(ada)).toEqual(await host.records(ada))
    const { status, body } = await query(indexer, 'com.atproto.repo.getRecord', {
      repo: ada.did,
      collection: 'app.bsky.feed.post',
      rkey: '3kaaaaaaaaa2a',
    })
    expect([status, body['value']]).toEqual([200, post('new')])
    // The stream told all of it from the first commit on: nothing had to be fetched.
    expect(host.requests.getRepo).toBe(0)
    // Repos are counted once in a while.
    await eventually(() => indexer!.status().repos.known === 1)
    expect(indexer.status().repos).toMatchObject({ known: 1, synchronized: 1 })
    expect(indexer.status().totals).toMatchObject({
      commits: 3,
      creates: 2,
      updates: 1,
      deletes: 1,
      records: 1,
    })
    const repoStatus = await query(indexer, 'com.atproto.sync.getRepoStatus', { did: ada.did })
    expect(repoStatus.body).toMatchObject({ did: ada.did, active: true })
    const repos = await query(indexer, 'com.atproto.sync.listRepos', {})
    expect(repos.body['repos']).toMatchObject([{ did: ada.did, rev: repoStatus.body['rev'], active: true }])
  })

  test('what was there before is fetched, and what happens meanwhile joins it', async () => {
    const ada = await host.createAccount('ada')
    for (let i = 0; i < 30; i++) {
      const names = Array.from({ length: 40 }, (_, j) => `3kaaaaaaa${1000 + i * 40 + j}`)
      await host.write(
        ada,
        names.map((name) => create(name)),
        { silent: true },
      )
    }
    indexer = await startIndexer(host)
    await host.write(ada, [create('3kbbbbbbbbb2a')])
    expect(await settled(ada)).toEqual(await host.records(ada))
    await host.write(ada, [create('3kbbbbbbbbb2b')])
    expect(await settled(ada)).toEqual(await host.records(ada))
    expect(host.requests.getRepo).toBe(1)
    const { body } = await query(indexer, 'com.atproto.repo.describeRepo', { repo: ada.did })
    expect(body).toMatchObject({ did: ada.did, collections: ['app.bsky.feed.post'], didDoc: { id: ada.did } })
  })

  test('a repo that nothing was heard of is found in the list of its host', async () => {
    const ada = await host.createAccount('ada')
    await host.write(ada, [create('3kaaaaaaaaa2a')], { silent: true })
    indexer = await startIndexer(host)
    expect(await settled(ada)).toEqual(await host.records(ada))
  })

  test('a resync brings creates, updates and deletes that were missed', async () => {
    indexer = await startIndexer(host)
    const ada = await host.createAccount('ada')
    await host.write(
      ada,
      ['a', 'b', 'c', 'd'].map((name) => create(`3kaaaaaaaaa2${name}`)),
    )
    expect(await settled(ada)).toEqual(await host.records(ada))
    // These the stream never tells.
    await host.write(
      ada,
      [
        { action: 'delete', collection: 'app.bsky.feed.post', rkey: '3kaaaaaaaaa2a' },
        {
          action: 'update',
          collection: 'app.bsky.feed.post',
          rkey: '3kaaaaaaaaa2b',
          record: post('changed'),
        },
        create('3kaaaaaaaaa2e'),
      ],
      { silent: true },
    )
    await host.sync(ada)
    expect(await settled(ada)).toEqual(await host.records(ada))
    expect(indexer.status().totals).toMatchObject({
      creates: 5,
      updates: 1,
      deletes: 1,
      records: 4,
      resyncs: 1,
    })
  })

  test('accounts that go are hidden at once, and are back when they return; deleted ones are removed', async () => {
    indexer = await startIndexer(host)
    const ada = await host.createAccount('ada')
    await host.write(ada, [create('3kaaaaaaaaa2a')])
    const records = await host.records(ada)
    expect(await settled(ada)).toEqual(records)
    const status = async (): Promise<unknown> =>
      (await query(indexer!, 'com.atproto.sync.getRepoStatus', { did: ada.did })).body['status'] ?? 'active'
    host.account(ada, false, 'takendown')
    await eventually(async () => (await status()) === 'takendown')
    const hidden = await query(indexer, 'com.atproto.repo.listRecords', {
      repo: ada.did,
      collection: 'app.bsky.feed.post',
    })
    expect(hidden).toMatchObject({ status: 400, body: { error: 'RepoTakendown' } })
    const record = await query(indexer, 'com.atproto.repo.getRecord', {
      repo: ada.did,
      collection: 'app.bsky.feed.post',
      rkey: '3kaaaaaaaaa2a',
    })
    expect(record).toMatchObject({ status: 400, body: { error: 'RecordNotFound' } })
    host.account(ada, true)
    expect(await settled(ada)).toEqual(records)
    host.account(ada, false, 'deleted')
    await eventually(async () => indexer!.status().totals.records === 0)
    expect((await query(indexer, 'com.atproto.repo.describeRepo', { repo: ada.did })).body['error']).toBe(
      'RepoNotFound',
    )
  })

  test('only wanted collections are kept, live and from exports', async () => {
    const ada = await host.createAccount('ada')
    const note = (rkey: string) => ({
      action: 'create' as const,
      collection: 'com.example.note',
      rkey,
      record: { $type: 'com.example.note' },
    })
    await host.write(ada, [create('3kaaaaaaaaa2a'), note('a')], { silent: true })
    indexer = await startIndexer(host, { collections: ['com.example.*'] })
    await host.write(ada, [create('3kaaaaaaaaa2b'), note('b')])
    await eventually(async () => (await indexed(indexer!, ada.did)).size === 2)
    expect([...(await indexed(indexer, ada.did)).keys()].toSorted()).toEqual([
      'com.example.note/a',
      'com.example.note/b',
    ])
  })

  test('a record that does not fit its lexicon is indexed with a label', async () => {
    indexer = await startIndexer(host)
    const ada = await host.createAccount('ada')
    await host.write(ada, [
      {
        action: 'create',
        collection: 'app.bsky.feed.post',
        rkey: '3kaaaaaaaaa2a',
        record: { $type: 'app.bsky.feed.post', text: 5 },
      },
    ])
    const uri = `at://${ada.did}/app.bsky.feed.post/3kaaaaaaaaa2a`
    const facts = await eventually(async () => {
      const response = await fetch(`${indexer!.url}/records?${new URLSearchParams({ uri })}`)
      return response.ok ? ((await response.json()) as object) : null
    })
    expect(facts).toMatchObject({
      validity: 'invalid',
      reason: expect.stringMatching(/^\//),
      provenance: 'live',
    })
  })

  test('two indexers of one host and one indexer of two hosts', async () => {
    await using second = await startHost()
    indexer = await startIndexer(host, {
      sources: [
        { url: host.wsUrl, kind: 'relay', start: 'oldest' },
        { url: second.wsUrl, kind: 'relay', start: 'oldest' },
      ],
    })
    const ada = await host.createAccount('ada')
    await host.write(ada, [create('3kaaaaaaaaa2a')])
    expect(await settled(ada)).toEqual(await host.records(ada))
    expect(indexer.status().sources.map(({ state }) => state)).toEqual(['live', 'live'])
  })

  test('an export is asked of a relay and of the account’s own host, of no other', async () => {
    const network: Network = new Map()
    await using first = await startHost(network)
    await using second = await startHost(network)
    const ada = await second.createAccount('ada')
    await second.write(ada, [create('3kaaaaaaaaa2a')], { silent: true })
    indexer = await startIndexer(first, {
      sources: [
        { url: first.wsUrl, kind: 'pds', start: 'oldest' },
        { url: second.wsUrl, kind: 'pds', start: 'oldest' },
      ],
    })
    await eventually(async () => (await indexed(indexer!, ada.did)).size === 1)
    expect([first.requests.getRepo, second.requests.getRepo]).toEqual([0, 1])
  })

  // A list may be old by now, also the host's own: where it differs from what is known, the account's host is asked.
  test.each([
    ['relay', 'no answer', null],
    ['pds', 'no answer', null],
    ['relay', null, null],
    ['pds', null, null],
    ['relay', 'takendown', 'takendown'],
    ['pds', 'takendown', 'takendown'],
  ] as const)(
    'the list of a %s says that an account is off, its host says %s: %s',
    async (kind, answer, status) => {
      const ada = await host.createAccount('ada')
      const ben = await host.createAccount('ben')
      await host.write(ada, [create('3kaaaaaaaaa2a')])
      await host.write(ben, [create('3kaaaaaaaaa2b')], { silent: true })
      host.hooks.listedStatus = (did) => (did === ada.did ? 'takendown' : null)
      const asked = new Set<string>()
      host.hooks.repoStatus = (did) => {
        asked.add(did)
        if (answer === 'no answer') throw new XrpcError(501, 'MethodNotImplemented', 'not here')
        return answer
      }
      indexer = await startIndexer(host, { sources: [{ url: host.wsUrl, kind, start: 'oldest' }] })
      await eventually(async () => asked.has(ada.did) && (await indexed(indexer!, ben.did)).size === 1)
      const said = async (): Promise<unknown> =>
        (await query(indexer!, 'com.atproto.sync.getRepoStatus', { did: ada.did })).body['status'] ?? null
      if (status !== null) await eventually(async () => (await said()) !== null)
      expect(await said()).toBe(status)
    },
  )

  test('collections that are wanted anew are read from the repos that are known', async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'avocet-indexer-'))
    try {
      const ada = await host.createAccount('ada')
      indexer = await startIndexer(host, { dataFolder, collections: ['com.example.*'] })
      await host.write(ada, [
        create('3kaaaaaaaaa2a'),
        {
          action: 'create',
          collection: 'com.example.note',
          rkey: 'a',
          record: { $type: 'com.example.note' },
        },
      ])
      await eventually(async () => (await indexed(indexer!, ada.did)).size === 1)
      await indexer.close()
      indexer = await startIndexer(host, { dataFolder, collections: null })
      expect(await settled(ada)).toEqual(await host.records(ada))
    } finally {
      await indexer?.close()
      rmSync(dataFolder, { recursive: true, force: true })
    }
  })

  test('collections that are not wanted any more go, also what happened to them since', async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'avocet-indexer-'))
    try {
      const ada = await host.createAccount('ada')
      indexer = await startIndexer(host, { dataFolder })
      const note = {
        action: 'create',
        collection: 'com.example.note',
        rkey: 'a',
        record: { $type: 'com.example.note' },
      } as const
      await host.write(ada, [create('3kaaaaaaaaa2a'), create('3kaaaaaaaaa2b'), note])
      await eventually(async () => (await indexed(indexer!, ada.did)).size === 3)
      await indexer.close()
      await host.write(ada, [{ action: 'delete', collection: 'app.bsky.feed.post', rkey: '3kaaaaaaaaa2a' }])
      indexer = await startIndexer(host, { dataFolder, collections: ['com.example.*'] })
      await eventually(async () => (await indexed(indexer!, ada.did)).size === 1)
      expect([...(await indexed(indexer, ada.did)).keys()]).toEqual(['com.example.note/a'])
      await eventually(() => indexer!.status().repos.synchronized === 1)
      expect(indexer.status().totals.records).toBe(1)
    } finally {
      await indexer?.close()
      rmSync(dataFolder, { recursive: true, force: true })
    }
  })

  test('a folder is read by its owner alone, and used by one indexer', async () => {
    const dataFolder = join(mkdtempSync(join(tmpdir(), 'avocet-indexer-')), 'index')
    try {
      indexer = await startIndexer(host, { dataFolder })
      expect(statSync(dataFolder).mode & 0o777).toBe(0o700)
      await expect(startIndexer(host, { dataFolder })).rejects.toMatchObject({ code: 'data-folder' })
      const port = Number(new URL(indexer.url!).port)
      await expect(startIndexer(host, { port })).rejects.toMatchObject({ code: 'port-in-use' })
    } finally {
      await indexer?.close()
      rmSync(dirname(dataFolder), { recursive: true, force: true })
    }
  })
})
