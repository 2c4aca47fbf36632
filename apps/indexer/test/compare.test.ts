// Comparing a repo that moves, over real hosts: what is certain, what is not, and what it may cost.

import { createKeypair } from '@avocet/crypto'
import { nativeVerifier } from '@avocet/crypto-native'
import { openState } from '@avocet/firehose/sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createCompare, type CompareRepo, MAX_DIFFERENCES } from '../src/coverage/compare.ts'
import { type Host, post, startHost, type TestAccount, type TestWrite } from './support/host.ts'
import { openTables, opOf, type Tables } from './support/tables.ts'

const POST = 'app.bsky.feed.post'
let tables: Tables
let host: Host
let account: TestAccount
let exports: number
/** Whether keys are asked for anew each time. */
let stale: TestAccount['keypair'] | null
beforeEach(async () => {
  tables = openTables()
  openState(tables.db)
  host = await startHost()
  account = await host.createAccount('ada')
  exports = 0
  stale = null
})
afterEach(async () => {
  await host[Symbol.asyncDispose]()
  tables[Symbol.dispose]()
})

const comparer = (settleMs = 50): CompareRepo =>
  createCompare({
    db: tables.db,
    isWanted: () => true,
    resolveKey: async (_, { forceRefresh }) => ({
      key: (stale !== null && !forceRefresh ? stale : account.keypair).publicKey,
      pds: host.url,
      handle: null,
    }),
    fetch: (url, init) => {
      if (url.includes('getRepo')) exports++
      return fetch(url, init)
    },
    ask: fetch,
    verify: nativeVerifier(),
    settleMs,
  })
async function compare(settleMs?: number): Promise<any> {
  return comparer(settleMs)(account.did, new AbortController().signal)
}
const write = (action: TestWrite['action'], rkey: string, text: string): Promise<unknown> =>
  host.write(account, [{ action, collection: POST, rkey, record: post(text) }])
const put = (rkey: string, text: string): void =>
  tables.commit(account.did, [opOf('create', `${POST}/${rkey}`, post(text))])

test('a record that changes all the time is not certain to be lost, and the repo is fetched three times', async () => {
  await write('create', 'a', '0')
  await write('create', 'b', 'b')
  let n = 0
  host.hooks.exported = async (car) => {
    // For the next time.
    await write('update', 'a', String(++n))
    return car
  }
  const { value } = await compare()
  expect(value).toMatchObject({
    different: 1,
    unsettled: 1,
    fetches: 3,
    differences: [{ kind: 'missing', path: `${POST}/b` }],
  })
  expect(exports).toBe(3)
})

test('what arrives while it waits is no difference', async () => {
  await write('create', 'a', 'a')
  setTimeout(() => put('a', 'a'), 2500)
  const { value } = await compare(10_000)
  expect(value).toMatchObject({ different: 0, unsettled: 0, records: 1, fetches: 1 })
})

test('a key that changed is looked up anew', async () => {
  await write('create', 'a', 'a')
  put('a', 'a')
  stale = createKeypair()
  expect((await compare()).value).toMatchObject({ different: 0, fetches: 1 })
  expect(exports).toBe(2)
})

test('of very many differences the first are kept, and all are counted', async () => {
  await write('create', 'a', 'a')
  tables.commit(account.did, [opOf('create', `${POST}/b`, post('b'))])
  const count = MAX_DIFFERENCES + 500
  tables.db
    .prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO records (repo, collection, rkey, rev, indexed_at, validity, provenance, cid, bytes)
       SELECT repo, collection, 'k' || printf('%06d', i), rev, 0, 0, 0, cid, bytes FROM records, n`,
    )
    .run(count)
  const { value } = await compare()
  expect(value).toMatchObject({ different: count + 2, records: 1 })
  expect(value.differences).toHaveLength(MAX_DIFFERENCES)
})

test('a host that gives another repo, or none, proves nothing', async () => {
  await write('create', 'a', 'a')
  const other = await host.createAccount('ben')
  await host.write(other, [{ action: 'create', collection: POST, rkey: 'a', record: post('b') }])
  let theirs: Uint8Array | null = null
  host.hooks.exported = (car) => {
    theirs ??= car
    return theirs
  }
  await fetch(`${host.url}/xrpc/com.atproto.sync.getRepo?did=${other.did}`).then((answer) =>
    answer.arrayBuffer(),
  )
  expect(theirs).not.toBe(null)
  expect(await compare()).toMatchObject({ ok: false, error: { code: 'invalid-repo' } })
})
