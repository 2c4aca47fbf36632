// `verify`: beside a running indexer, over real hosts, with what is wrong put there by hand.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { XrpcError } from '@avocet/xrpc'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Indexer, IndexerConfig } from '../src/app.ts'
import { verify } from '../src/commands/verify.ts'
import { type Host, post, startHost, type TestAccount, type TestWrite } from './support/host.ts'
import { eventually, indexed, startIndexer } from './support/indexer.ts'

const POST = 'app.bsky.feed.post'
let folder: string
let host: Host
let account: TestAccount
let indexer: Indexer | null
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'avocet-verify-'))
  host = await startHost()
  account = await host.createAccount('ada')
  indexer = null
})
afterEach(async () => {
  await indexer?.close()
  await host[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const write = (from: number, count: number, action: TestWrite['action'] = 'create'): Promise<unknown> =>
  host.write(
    account,
    Array.from({ length: count }, (_, i) => ({
      action,
      collection: POST,
      rkey: `3kxyzabc${String(from + i).padStart(5, '2')}`,
      ...(action === 'delete' ? {} : { record: post(`${action} ${from + i}`) }),
    })),
  )
const count = async (): Promise<number> => (await indexed(indexer!, account.did)).size
async function start(config: Partial<IndexerConfig> = {}, records = 20): Promise<void> {
  indexer = await startIndexer(host, { dataFolder: folder, ...config })
  await eventually(async () => (await count()) === records)
}
async function run(
  options: { dids?: string[]; collections?: string[]; settleMs?: number; text?: true } = {},
): Promise<{
  code: number
  said: any
}> {
  const lines: string[] = []
  const code = await verify(
    {
      dids: options.dids ?? [account.did],
      dataFolder: folder,
      plcUrl: host.plcUrl,
      collections: options.collections ?? null,
      allowLoopback: true,
      json: options.text !== true,
      settleMs: options.settleMs ?? 300,
    },
    (line) => lines.push(line),
  )
  return { code, said: options.text ? lines.join('\n') : JSON.parse(lines.join('')) }
}
/** Changes the database behind the indexer's back. */
function tamper(sql: string): void {
  const db = new DatabaseSync(join(folder, 'indexer.sqlite'))
  db.exec(`PRAGMA busy_timeout = 5000; ${sql}`)
  db.close()
}

test('a repo that is as its host has it', async () => {
  await write(0, 20)
  await start()
  const { code, said } = await run()
  expect([code, said]).toEqual([
    0,
    {
      result: 'same',
      did: account.did,
      rev: said.rev,
      indexRev: said.rev,
      records: 20,
      differences: [],
      different: 0,
      unsettled: 0,
      fetches: 1,
    },
  ])
  expect((await run({ text: true })).said).toMatch(
    /20 records at rev \w+; the index is at \w+\n {2}no differences/,
  )
})

test('what was removed, changed, added or damaged by hand', async () => {
  await write(0, 20)
  await start()
  await indexer!.close()
  const at = (n: number): string => `WHERE rkey = '3kxyzabc${String(n).padStart(5, '2')}'`
  tamper(`DELETE FROM records ${at(3)};
    UPDATE records SET cid = (SELECT cid FROM records ${at(5)}), bytes = (SELECT bytes FROM records ${at(5)}) ${at(4)};
    UPDATE records SET bytes = (SELECT bytes FROM records ${at(5)}) ${at(6)};
    UPDATE records SET rkey = '3kxyzzzzzzzzz' ${at(7)}`)
  const { code, said } = await run()
  expect(code).toBe(1)
  expect(said).toMatchObject({ result: 'different', records: 20, different: 5, unsettled: 0, fetches: 2 })
  expect(said.differences.map(({ kind, path }: any) => `${kind} ${path}`)).toEqual([
    `missing ${POST}/3kxyzabc22223`,
    `changed ${POST}/3kxyzabc22224`,
    `damaged ${POST}/3kxyzabc22226`,
    `missing ${POST}/3kxyzabc22227`,
    `extra ${POST}/3kxyzzzzzzzzz`,
  ])
  expect(said.differences[2].expected).not.toBe(said.differences[2].found)
  expect((await run({ text: true })).said).toContain('5 differences')
})

test('what is on its way is no difference', async () => {
  await write(0, 20)
  await start()
  // The host has more already when it is asked: the index has it a moment later.
  host.hooks.exported = async (car) => {
    delete host.hooks.exported
    return car
  }
  host.hooks.frame = () => null
  const missed = host.write(account, [
    { action: 'create', collection: POST, rkey: '3kxyzabcffff2', record: post('late') },
  ])
  await missed
  delete host.hooks.frame
  const running = run({ settleMs: 8000 })
  await delay(100)
  // A commit that does not follow makes the indexer read the repo anew.
  await write(30, 1)
  const { code, said } = await running
  expect([code, said.different]).toEqual([0, 0])
  expect(said.records).toBeGreaterThanOrEqual(21)
})

test('collections that are not indexed do not count', async () => {
  await write(0, 5)
  await host.write(account, [
    { action: 'create', collection: 'com.example.other', rkey: 'a', record: { $type: 'com.example.other' } },
  ])
  await start({ collections: [POST] }, 5)
  expect((await run()).said).toMatchObject({ result: 'same', records: 5 })
  const other = await run({ collections: ['com.example.*'] })
  expect(other).toMatchObject({ code: 3, said: { error: 'not-indexed' } })
  expect(other.said.message).toContain('com.example.*')
})

test('what was added and removed while it ran counts, whatever it was started with', async () => {
  const other = (rkey: string, collection: string): TestWrite => ({
    action: 'create',
    collection,
    rkey,
    record: { $type: collection },
  })
  await write(0, 5)
  await host.write(account, [other('a', 'com.example.other'), other('b', 'com.example.more')])
  await start({ collections: [POST] }, 5)
  await indexer!.collections.add(['com.example.*'])
  await eventually(async () => (await count()) === 7)
  expect((await run()).said).toMatchObject({ result: 'same', records: 7 })
  expect((await run({ collections: ['com.example.more'] })).said).toMatchObject({ records: 1 })
  tamper("DELETE FROM records WHERE rkey = 'b'")
  expect(await run()).toMatchObject({ code: 1, said: { different: 1 } })
  expect((await run({ collections: [POST] })).said).toMatchObject({ result: 'same', records: 5 })
  await indexer!.collections.remove([POST])
  await eventually(async () => (await count()) === 1)
  expect((await run({ collections: ['com.example.other'] })).said).toMatchObject({
    result: 'same',
    records: 1,
  })
  await indexer!.close()
  tamper(`INSERT INTO choices VALUES ('repo', '${account.did}', 0, 5)`)
  expect(await run()).toMatchObject({ code: 3, said: { error: 'not-indexed' } })
})

test('it cannot be said: an account that nobody knows, a host that does not give the repo, no index', async () => {
  await write(0, 5)
  await start({}, 5)
  expect(await run({ dids: ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'] })).toMatchObject({
    code: 3,
    said: { result: 'unknown', error: 'not-indexed' },
  })
  host.hooks.exported = () => new XrpcError(400, 'RepoTakendown', 'gone')
  expect(await run()).toMatchObject({ code: 3, said: { error: 'repo-takendown' } })
  host.hooks.exported = (car) => car.slice(0, car.length - 10)
  expect(await run()).toMatchObject({ code: 3, said: { error: 'invalid-repo' } })
  folder = join(folder, 'none')
  expect(await run()).toMatchObject({ code: 3, said: { error: 'data-folder' } })
  folder = join(folder, '..')
})

test('several repos: each by itself, and the code of the worst', async () => {
  const other = await host.createAccount('ben')
  await write(0, 5)
  await host.write(other, [
    { action: 'create', collection: POST, rkey: '3kxyzabc22222', record: post('ben') },
  ])
  await start({}, 5)
  await eventually(async () => (await indexed(indexer!, other.did)).size === 1)
  const stranger = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
  const results = async (...dids: string[]): Promise<{ code: number; said: string[] }> => {
    const { code, said } = await run({ dids, text: true })
    return { code, said: (said as string).split('\n').filter((line) => /differences|cannot/.test(line)) }
  }
  expect(await results(account.did, other.did)).toEqual({
    code: 0,
    said: ['  no differences', '  no differences'],
  })
  expect(await results(account.did, stranger, other.did)).toMatchObject({
    code: 3,
    said: ['  no differences', expect.stringContaining(stranger), '  no differences'],
  })
  tamper(
    `DELETE FROM records WHERE rkey = '3kxyzabc22222' AND repo = (SELECT id FROM names WHERE name = '${other.did}')`,
  )
  expect((await results(account.did, other.did, stranger)).code).toBe(1)
})
