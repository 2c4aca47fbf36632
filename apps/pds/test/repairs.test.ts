import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { importKeypair } from '@avocet/crypto'
import { applyWrites, prepareWrite, readRepo } from '@avocet/repo'
import { tidFromMicros, tidToMicros, type Did, type Nsid } from '@avocet/syntax'
import { sql } from '@avocet/testing/pds-rows'
import { pdsDatabase } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { archiveOf } from './archives.ts'
import { createProgram } from '../src/commands/program.ts'
import { resolveConfig } from '../src/config/config.ts'
import { openStores } from '../src/stores/open-stores.ts'
import { checkCommit, readFirehose, signingKeyOf } from './firehose.ts'
import {
  ADMIN_PASSWORD,
  failure,
  post,
  startNetwork,
  type Answer,
  type TestAccount,
  type TestNetwork,
} from './network.ts'

const POST = 'app.bsky.feed.post'
let network: TestNetwork
beforeAll(async () => {
  // Date alone: what is measured by other clocks goes on.
  vi.useFakeTimers({ toFake: ['Date'], shouldAdvanceTime: true })
  // A name that a restart on another port does not change: tokens stay good.
  network = await startNetwork({ config: { serviceDid: 'did:web:repairs.example.com' } })
})
afterAll(async () => {
  vi.useRealTimers()
  await network[Symbol.asyncDispose]()
})

async function run(...args: string[]): Promise<string> {
  const lines: string[] = []
  const env = { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD }
  const program = createProgram({ env, print: (line) => lines.push(line), serve: () => Promise.resolve() })
  await program.parseAsync(['--port', String(network.pds.port), '--data', network.folder, ...args], {
    from: 'user',
  })
  return lines.join('\n')
}
const write = (account: TestAccount, text = 'hello'): Promise<Answer> =>
  network.post('com.atproto.repo.createRecord', {
    token: account.accessJwt,
    input: { repo: account.did, collection: POST, record: post(text) },
  })
const list = async ({ did }: TestAccount): Promise<string[]> =>
  (
    await network.get('com.atproto.repo.listRecords', { params: { repo: did, collection: POST } })
  ).body.records.map((record: { value: { text: string } }) => record.value.text)

/** A commit with a revision of the year 2200, past everything that would refuse it. */
async function poison(did: Did): Promise<void> {
  const settings = { dataDirectory: network.folder, postgres: pdsDatabase(network.folder) }
  await using stores = await openStores(resolveConfig(settings))
  const store = stores.server.repos
  const [{ k: key } = {}] = sql(network, 'SELECT signing_key AS k FROM account WHERE did = ?', did)
  const { status: _, ...head } = (await store.getHead(did))!
  const writes = [
    prepareWrite({
      action: 'create',
      collection: POST as Nsid,
      rkey: 'poison',
      record: post('poison') as never,
    }),
  ]
  const rev = tidFromMicros(Date.UTC(2200, 0) * 1000, 0)
  const signer = importKeypair('k256', key as Uint8Array)
  const commit = await applyWrites({ did, head, store, writes, signer, rev })
  // As a commit of its own, without a row of its record and without an event.
  await stores.server.apply({ type: 'commit', did, commit, records: [], claims: [], events: [] })
}

/** What is served is whole, signed, and its rows say the same. */
async function expectSound({ did }: TestAccount, texts: string[]): Promise<void> {
  const car = (await network.get('com.atproto.sync.getRepo', { params: { did } })).bytes
  await using reader = await readRepo(car, { did: did as Did, key: signingKeyOf(network.directory.log(did)) })
  let count = 0
  for await (const _ of reader.entries) count++
  expect(count).toBe(texts.length)
  expect(Math.abs(tidToMicros(reader.rev) / 1000 - Date.now())).toBeLessThan(60_000)
  expect((await list({ did } as TestAccount)).toSorted()).toEqual(texts.toSorted())
}

test('a repository of the year 2200 says what it needs, poisons nobody, and is mended', async () => {
  const account = await network.account()
  const other = await network.account()
  await write(account, 'before')
  await poison(account.did as Did)
  const refused = await write(account)
  expect(failure(refused)).toBe('409 RepoNeedsRepair')
  expect(refused.body.message).toContain(`avocet-pds repair-rev ${account.did}`)
  expect((await write(other)).status).toBe(200)
  await network.restart()
  expect(failure(await write(account))).toBe('409 RepoNeedsRepair')
  const fresh = await network.account()
  const rev = (await write(fresh)).body.commit.rev as string
  expect(Math.abs(tidToMicros(rev) / 1000 - Date.now())).toBeLessThan(60_000)

  const dry = await run('repair-rev', account.handle)
  expect(dry).toContain('of 2200-01-01T00:00:00.000Z')
  expect(dry).toContain('1 records without a right row')
  expect(dry).toContain('2 records would stand; nothing was changed (give --apply)')
  expect(failure(await write(account))).toBe('409 RepoNeedsRepair')
  expect(await run('repair-rev', account.did, '--apply')).toMatch(
    /rebuilt with 2 records at revision 3\w{12}, and announced/,
  )
  await expectSound(account, ['before', 'poison'])
  expect((await write(account, 'after')).status).toBe(200)
  const { events } = await readFirehose(network.pds.url, 0, () => false, 400)
  const mine = events.filter(({ body }) => (body.did ?? body.repo) === account.did)
  expect(mine.slice(-2).map(({ type }) => type)).toEqual(['#sync', '#commit'])
  checkCommit(mine.at(-1)!.body, signingKeyOf(network.directory.log(account.did)))
  expect(await run('repair-rev', account.did, '--apply')).toContain('not in the future: nothing to repair')
  await expect(run('repair-rev', 'nobody.test')).rejects.toThrow('AccountNotFound')
})

test('a clock that ran ahead for a while leaves no harm but to whom it served', async () => {
  const before = await network.account()
  const now = Date.now()
  vi.setSystemTime(now + 365 * 24 * 3600 * 1000)
  const ahead = await network.account()
  expect((await write(ahead, 'ahead')).status).toBe(200)
  vi.setSystemTime(now + 1000)
  const rev = (await write(before)).body.commit.rev as string
  expect(Math.abs(tidToMicros(rev) / 1000 - Date.now())).toBeLessThan(60_000)
  expect(failure(await write(ahead))).toBe('409 RepoNeedsRepair')
  await run('repair-rev', ahead.handle, '--apply')
  expect((await write(ahead, 'again')).status).toBe(200)
  await expectSound(ahead, ['ahead', 'again'])
})

test('while the clock is behind, no revision is made older', async () => {
  const [account, other] = [await network.account(), await network.account()]
  for (const one of [account, other]) {
    await write(one, 'before')
    await poison(one.did as Did)
  }
  const now = Date.now()
  // At its start the server believed the clock.
  vi.setSystemTime(now - 6 * 60_000)
  for (const command of ['repair-rev', 'rebuild-repo']) {
    await expect(run(command, account.did, '--apply')).rejects.toThrow('ClockBehind')
  }
  expect(await run('repair-rev', account.did)).toContain('nothing was changed (give --apply)')
  expect(failure(await write(account))).toBe('409 RepoNeedsRepair')
  vi.setSystemTime(now - 4 * 60_000)
  expect(await run('repair-rev', account.did, '--apply')).toContain('and announced')
  vi.setSystemTime(now - 6 * 60_000)
  expect(await run('repair-rev', other.did, '--apply', '--clock-is-right')).toContain('and announced')
  expect((await write(other, 'after')).status).toBe(200)
  vi.setSystemTime(now + 1000)
})

test('rows are made anew from the tree', async () => {
  const account = await network.account()
  for (const text of ['a', 'b', 'c']) await write(account, text)
  {
    const owner = `(SELECT id FROM record_set WHERE did = '${account.did}')`
    sql(
      network,
      `UPDATE record SET cid = 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a'
        WHERE owner = ${owner} AND rkey = (SELECT max(rkey) FROM record WHERE owner = ${owner})`,
    )
    sql(
      network,
      `INSERT INTO record SELECT owner, 'com.example.ghost', 'x', cid, rev, indexed_at, NULL FROM record
        WHERE owner = ${owner} LIMIT 1`,
    )
  }
  const dry = await run('rebuild-repo', account.handle)
  expect(dry).toContain('1 records without a right row')
  expect(dry).toContain('2 rows without their record')
  expect(await run('rebuild-repo', account.handle, '--apply')).toContain('rebuilt with 3 records')
  expect(await run('rebuild-repo', account.handle)).not.toContain('row')
  await expectSound(account, ['a', 'b', 'c'])
})

test('a tree that lost a node is made anew from what is left and from the rows', async () => {
  const account = await network.account()
  const texts = Array.from({ length: 40 }, (_, i) => `post ${i}`)
  for (const text of texts) await write(account, text)
  const [{ data } = {}] = sql(network, 'SELECT data FROM repo WHERE did = ?', account.did)
  // The root of the tree: nothing is reached from the commit any more.
  sql(network, 'DELETE FROM repo_block WHERE digest = ?', (data as Uint8Array).subarray(4))
  await network.restart()
  const dry = await run('rebuild-repo', account.handle)
  expect(dry).toContain('BAD  missing-block')
  expect(dry).toContain('40 records that only their rows still lead to')
  expect(await run('rebuild-repo', account.handle, '--apply')).toContain('rebuilt with 40 records')
  await expectSound(account, texts)
  expect((await write(account, 'more')).status).toBe(200)
}, 20_000)

test('the operator imports an archive without the records that cannot stand here', async () => {
  const account = await network.account()
  const file = join(network.folder, 'archive.car')
  await writeFile(
    file,
    await archiveOf(account.did, { [`${POST}/fine`]: post('fine') as never, 'foo/odd': 'text' }),
  )
  await expect(run('import-repo', account.handle, file)).rejects.toThrow(
    'only be imported into a deactivated account',
  )
  await network.post('com.atproto.server.deactivateAccount', { token: account.accessJwt, input: {} })
  await expect(run('import-repo', account.handle, file)).rejects.toThrow('path=foo/odd')
  expect(await run('import-repo', account.handle, file, '--skip')).toBe(
    `left out foo/odd: the collection is not an NSID\nimported ${file} without 1 records`,
  )
  await network.post('com.atproto.server.activateAccount', { token: account.accessJwt })
  await expectSound(account, ['fine'])
})
