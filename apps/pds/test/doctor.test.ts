import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { utimesSync } from 'node:fs'

import type { DataObject } from '@avocet/data'
import { tidFromMicros } from '@avocet/syntax'
import { runSql } from '@avocet/testing/pds-rows'
import { onPostgres, onlySqlite, pdsDatabaseEnvironment } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { dataChecks } from '../src/doctor/data-checks.ts'
import { networkChecks } from '../src/doctor/network-checks.ts'
import { createProgram } from '../src/commands/program.ts'
import { archiveOf } from './archives.ts'
import { ADMIN_PASSWORD, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

interface Finding {
  readonly level: string
  readonly what: string
  readonly detail: string
  readonly next?: string
}

let net: TestNetwork
let alice: TestAccount
let blob: string

beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false } })
  alice = await net.account()
  const token = alice.accessJwt
  for (let n = 0; n < 5; n++) {
    const input = { repo: alice.did, collection: 'app.bsky.feed.post', record: post(`${n}`) }
    await net.post('com.atproto.repo.createRecord', { token, input })
  }
  const { body } = await net.post('com.atproto.repo.uploadBlob', { token, bytes: new Uint8Array(99).fill(7) })
  blob = body.blob.ref.$link
})
afterAll(() => net[Symbol.asyncDispose]())

type Look = { findings: Finding[]; error: string | null }

/** Runs the doctor beside the running server. */
const look = (...flags: string[]): Promise<Look> => lookWith({}, ...flags)

/** Runs it with these settings too. */
async function lookWith(env: Record<string, string>, ...flags: string[]): Promise<Look> {
  const lines: string[] = []
  const program = createProgram({
    env: {
      PDS_ADMIN_PASSWORD: ADMIN_PASSWORD,
      PDS_DID_PLC_URL: net.directory.url,
      ...pdsDatabaseEnvironment(net.folder),
      ...env,
    },
    print: (line) => void lines.push(line),
    serve: () => Promise.resolve(),
  })
  const args = ['doctor', '--json', ...flags, '--data', net.folder, '--port', String(net.pds.port)]
  const error = await program.parseAsync(args, { from: 'user' }).then(
    () => null,
    (failed: Error) => failed.message,
  )
  return { findings: JSON.parse(lines.join('\n')).findings, error }
}

const notOk = ({ findings }: { findings: Finding[] }): Finding[] =>
  findings.filter(
    ({ level, what }) =>
      level !== 'ok' && !what.startsWith('disk') && what !== 'directory' && what !== 'clock',
  )

/** Changes the database by hand, looks, and puts it back. */
async function withFault(fault: string, undo: string, ...flags: string[]): Promise<Finding[]> {
  const change = (text: string): void => {
    if (!onPostgres) text = `PRAGMA foreign_keys = OFF; ${text}`
    runSql(net, text)
  }
  change(fault)
  try {
    return notOk(await look(...flags))
  } finally {
    change(undo)
  }
}

const owner = (): string => `(SELECT id FROM record_set WHERE did = '${alice.did}' AND state = 'live')`

test.each([[[]], [['--deep']]])('a sound server: nothing to say %j', async (flags) => {
  const seen = await look(...flags)
  expect(notOk(seen)).toEqual([])
  expect(seen.findings.map(({ what }) => what.split(' ')[0])).toEqual(
    (
      'server health public firehose directory clock mail ' +
      'OAuth OAuth OAuth OAuth OAuth OAuth pages ' +
      'database references event disk disk repositories blobs identities'
    ).split(' '),
  )
  expect(seen.findings.find(({ what }) => what === 'repositories')!.detail).toMatch(/^1 of 1 read/)
})

test('a row without a record, a record without a row, a row of another record', async () => {
  const wrong = await withFault(
    `INSERT INTO record VALUES (${owner()}, 'a.b.c', 'x', 'bafy', 'r', '2026-01-01T00:00:00Z', NULL)`,
    `DELETE FROM record WHERE collection = 'a.b.c'`,
  )
  expect(wrong).toEqual([
    {
      level: 'bad',
      what: `repository ${alice.did}`,
      detail: 'a row has no record; path=a.b.c/x',
      next: `avocet-pds rebuild-repo ${alice.did}`,
    },
  ])
  const [lost] = await withFault(
    `CREATE TABLE aside AS SELECT * FROM record; DELETE FROM record WHERE rkey = (SELECT min(rkey) FROM record)`,
    `DELETE FROM record; INSERT INTO record SELECT * FROM aside; DROP TABLE aside`,
  )
  expect(lost!.detail).toMatch(/^a record has no row; path=app\.bsky\.feed\.post\//)
  const [other] = await withFault(
    `CREATE TABLE aside AS SELECT * FROM record; UPDATE record SET cid = 'bafy'`,
    `DELETE FROM record; INSERT INTO record SELECT * FROM aside; DROP TABLE aside`,
  )
  expect(other!.detail).toMatch(/^a row is another record's; path=/)
})

test('a lost block, a head that is not the commit, events that are not the head', async () => {
  const restore = 'DELETE FROM repo_block; INSERT INTO repo_block SELECT * FROM aside; DROP TABLE aside'
  const [lost] = await withFault(
    `CREATE TABLE aside AS SELECT * FROM repo_block;
     DELETE FROM repo_block WHERE digest = (SELECT digest FROM repo_block WHERE refs > 0 ORDER BY digest LIMIT 1)`,
    restore,
  )
  expect([lost!.what, lost!.next]).toEqual([
    `repository ${alice.did}`,
    `avocet-pds rebuild-repo ${alice.did}`,
  ])
  expect(lost!.detail).toMatch(/^it cannot be read/)
  const [head] = await withFault(
    `CREATE TABLE aside AS SELECT * FROM repo; UPDATE repo SET rev = '2222222222222'`,
    `UPDATE repo SET rev = (SELECT rev FROM aside); DROP TABLE aside`,
  )
  expect(head!.detail).toMatch(/^its head says 2222222222222, its commit /)
  const [silent] = await withFault(
    `CREATE TABLE aside AS SELECT * FROM event WHERE seq = (SELECT max(seq) FROM event);
     DELETE FROM event WHERE seq = (SELECT seq FROM aside);
     UPDATE event_log SET bytes = bytes - (SELECT size FROM aside)`,
    `INSERT INTO event SELECT * FROM aside; UPDATE event_log SET bytes = bytes + (SELECT size FROM aside);
     DROP TABLE aside`,
  )
  expect(silent!.detail).toMatch(/^its newest event tells \w+, its head is /)
})

test('a revision ahead of the clock names repair-rev', async () => {
  const ahead = tidFromMicros((Date.now() + 7 * 60_000) * 1000, 1)
  const findings = await withFault(
    `CREATE TABLE aside AS SELECT * FROM repo; UPDATE repo SET rev = '${ahead}'`,
    `UPDATE repo SET rev = (SELECT rev FROM aside); DROP TABLE aside`,
  )
  expect(findings.map(({ next }) => next)).toContain(`avocet-pds repair-rev ${alice.did}`)
})

test('an event log that disagrees with its counter', async () => {
  const [counter, said] = onPostgres
    ? ['oldest', /^event 1 is below the window/]
    : ['bytes', /the counter says/]
  const findings = await withFault(
    `UPDATE event_log SET ${counter} = ${counter} + 1`,
    `UPDATE event_log SET ${counter} = ${counter} - 1`,
  )
  expect(findings.find(({ what }) => what === 'event log')?.detail).toMatch(said)
})

const noOrphans = onlySqlite('constraints of Postgres let no row refer to nobody')
test.skipIf(noOrphans)('rows that refer to nobody', async () => {
  const [orphan] = await withFault(
    `INSERT INTO app_password VALUES ('did:plc:nobody', 'x', 'y', 0, 't')`,
    `DELETE FROM app_password WHERE did = 'did:plc:nobody'`,
  )
  expect(orphan).toMatchObject({
    what: 'references',
    detail: '1 rows refer to what is not there; in app_password',
  })
})

test('blobs: missing, damaged (by its hash only with --deep), without a row', async () => {
  const place = join(net.folder, 'blobs', alice.did)
  const path = join(place, blob)
  expect(await readdir(place)).toEqual([blob])
  await writeFile(path, new Uint8Array(99).fill(8))
  expect(notOk(await look())).toEqual([])
  const [damaged] = notOk(await look('--deep'))
  expect(damaged!.detail).toBe(`1 of 1 files are not what their names say: ${alice.did}/${blob}`)
  await rm(path)
  const [missing] = notOk(await look())
  expect(missing!.detail).toBe(`1 of 1 files are missing: ${alice.did}/${blob}`)
  await writeFile(path, new Uint8Array(99).fill(7))
  const stray = join(place, 'bafkreistray')
  await writeFile(stray, 'x')
  expect(notOk(await look())).toEqual([])
  utimesSync(stray, 1, 1)
  const seen = await look()
  expect(notOk(seen)).toMatchObject([{ level: 'warn', detail: `1 files belong to no row: ${stray}` }])
  await rm(stray)
})

test('identities: handle, key', async () => {
  const [handle] = await withFault(
    `UPDATE account SET handle = 'other.test'`,
    `UPDATE account SET handle = '${alice.handle}'`,
  )
  expect([handle!.what, handle!.next]).toEqual([
    `identity ${alice.did}`,
    `avocet-pds account publish-identity ${alice.did}`,
  ])
  const findings = await withFault(
    `CREATE TABLE aside AS SELECT signing_key FROM account; UPDATE account SET signing_key = ${onPostgres ? `'\\x${'11'.repeat(32)}'` : `X'${'11'.repeat(32)}'`}`,
    'UPDATE account SET signing_key = (SELECT signing_key FROM aside); DROP TABLE aside',
  )
  expect(findings.map(({ detail, next }) => [detail, next])).toContainEqual([
    'the directory has another signing key',
    `avocet-pds rotate-keys ${alice.did}`,
  ])
})

test('a disk that fills up: a warning below 1 GiB, bad below 1 MiB, and where it cannot be looked at', async () => {
  const view = { pages: () => '', references: () => '', eventLog: () => '' }
  const config = resolveConfig({ dataDirectory: '/data', blobDirectory: '/blobs' })
  const [MiB, GiB] = [1024 ** 2, 1024 ** 3]
  const disks = async (free: number): Promise<unknown[]> => {
    const findings = await dataChecks(view, config, false, async (path) => {
      if (path === '/blobs') throw new Error('no such disk')
      return { bavail: free / 4, bsize: 4, blocks: GiB }
    })
    return findings.filter(({ what }) => what.startsWith('disk under'))
  }
  const lost = {
    level: 'bad',
    what: 'disk under /blobs',
    detail: 'no such disk',
    next: 'look at PDS_DATA_DIRECTORY',
  }
  const said = (level: string, detail: string): object => ({
    level,
    what: 'disk under /data',
    detail,
    next: 'make room, or bound accounts: avocet-pds account quota',
  })
  expect(await disks(GiB)).toEqual([said('ok', '1024 MiB are free, 25 %'), lost])
  expect(await disks(GiB - 4)).toEqual([said('warn', '1024 MiB are free, 25 %'), lost])
  expect(await disks(MiB)).toEqual([said('warn', '1 MiB are free, 0 %'), lost])
  expect(await disks(MiB - 4)).toEqual([said('bad', '1 MiB are free, 0 %'), lost])
})

test.skipIf(onlySqlite('the setting is one of SQLite'))(
  'what a loss of power would cost is said where it would cost something',
  async () => {
    expect(notOk(await lookWith({ PDS_SQLITE_SYNCHRONOUS: 'normal' }))).toEqual([
      {
        level: 'warn',
        what: 'durability',
        detail: 'PDS_SQLITE_SYNCHRONOUS is normal: the last writes may be lost if the machine loses power',
        next: 'remove PDS_SQLITE_SYNCHRONOUS unless that was meant',
      },
    ])
    expect(notOk(await lookWith({ PDS_SQLITE_SYNCHRONOUS: 'full' }))).toEqual([])
  },
)

test('--send-test sends, and says so', async () => {
  const { findings } = await look('--send-test', 'me@example.com')
  expect(findings.find(({ what }) => what === 'test mail')).toMatchObject({
    level: 'ok',
    detail: 'sent to me@example.com',
  })
})

test('a repository that came in, and is not announced before its account is active: nothing to say', async () => {
  const { did, accessJwt: token } = await net.account()
  await net.post('com.atproto.server.deactivateAccount', { token, input: {} })
  const bytes = await archiveOf(did, { 'app.bsky.feed.post/one': post('one') as DataObject })
  const type = 'application/vnd.ipld.car'
  const answer = await net.post('com.atproto.repo.importRepo', { token, bytes, type })
  expect([answer.status, notOk(await look('--deep'))]).toEqual([200, []])
  await net.post('com.atproto.server.activateAccount', { token })
  expect(notOk(await look('--deep'))).toEqual([])
})

test('a file that was cut is found without --deep', async () => {
  const path = join(net.folder, 'blobs', alice.did, blob)
  await writeFile(path, new Uint8Array(98).fill(7))
  const [cut] = notOk(await look())
  expect(cut!.detail).toBe(`1 of 1 files are not what their names say: ${alice.did}/${blob}`)
  await writeFile(path, new Uint8Array(99).fill(7))
  expect(notOk(await look())).toEqual([])
})

test('an account that moved away, or has not come yet, is not asked for', async () => {
  const moved = `UPDATE account SET handle = 'other.test', deactivated_at = '2026-01-01' WHERE did = '${alice.did}'`
  const back = `UPDATE account SET handle = '${alice.handle}', deactivated_at = NULL WHERE did = '${alice.did}'`
  expect(await withFault(moved, back)).toEqual([])
})

test('a repository that was made anew is as its event tells', async () => {
  const env = { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD }
  const program = createProgram({ env, print: () => {}, serve: () => Promise.resolve() })
  await program.parseAsync(['rebuild-repo', alice.did, '--apply', '--port', String(net.pds.port)], {
    from: 'user',
  })
  expect(notOk(await look('--deep'))).toEqual([])
})

test.each([
  ['right', 0, 'ok'],
  ['a minute behind', 60_000, 'warn'],
  ['ten minutes behind', 600_000, 'bad'],
  ['ten minutes ahead', -600_000, 'bad'],
])('a clock that is %s', async (_, off, level) => {
  const server = createServer((_request, response) => {
    response.sendDate = false
    response.writeHead(200, { date: new Date(Date.now() + off).toUTCString() }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const plcUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const findings = await Promise.all(
    networkChecks(resolveConfig({ dataDirectory: net.folder, plcUrl, port: 1 })),
  )
  server.close()
  expect(findings.find(({ what }) => what === 'clock')).toMatchObject({ level })
})

test.skipIf(onlySqlite('the pages of a file are damaged'))(
  'damaged pages are told, and nothing that reads them',
  async () => {
    const other = await startNetwork({ config: { inviteRequired: false } })
    const { did, accessJwt: token } = await other.account()
    for (let n = 0; n < 10; n++) {
      const input = { repo: did, collection: 'app.bsky.feed.post', record: post(`${n}`.repeat(200)) }
      await other.post('com.atproto.repo.createRecord', { token, input })
    }
    await other.pds.close()
    const path = join(other.folder, 'pds.sqlite')
    const pages = ((): { pageno: number; size: number }[] => {
      using db = new DatabaseSync(path)
      const { page_size: size } = db.prepare('PRAGMA page_size').get() as { page_size: number }
      return db
        .prepare("SELECT pageno FROM dbstat WHERE name IN ('account', 'record', 'repo')")
        .all()
        .map(({ pageno }) => ({ pageno: Number(pageno), size }))
    })()
    const bytes = await readFile(path)
    for (const { pageno, size } of pages) bytes.fill(0xee, (pageno - 1) * size, pageno * size)
    await writeFile(path, bytes)
    const lines: string[] = []
    const program = createProgram({
      env: { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD, PDS_DID_PLC_URL: other.directory.url },
      print: (line) => void lines.push(line),
      serve: () => Promise.resolve(),
    })
    const run = program.parseAsync(['doctor', '--json', '--data', other.folder, '--port', '1'], {
      from: 'user',
    })
    await expect(run).rejects.toThrow(/^\d+ of \d+ checks failed$/)
    const { findings } = JSON.parse(lines.join('\n')) as { findings: Finding[] }
    const data = findings
      .map(({ what }) => what)
      .filter((what) => /^(database|repositor|blobs|identit)/.test(what))
    expect(data).toEqual(['database'])
    await other[Symbol.asyncDispose]()
  },
)
