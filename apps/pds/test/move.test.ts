// A server moves from SQLite to Postgres and back: nothing is lost, nothing comes twice, and nobody who uses it notices.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'

import { ACCOUNT_SCHEMA } from '@avocet/accounts/postgres'
import { openDatabase } from '@avocet/postgres'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { createPds } from '../src/app.ts'
import { moveCommand } from '../src/commands/move.ts'
import { createProgram } from '../src/commands/program.ts'
import type { PostgresPlace } from '../src/config/config.ts'
import { explainFailure } from '../src/config/explain-failure.ts'
import type { MoveMark } from '../src/stores/move-end.ts'
import { MOVED_TABLES } from '../src/stores/moved-tables.ts'
import { openPostgresTarget } from '../src/stores/postgres/move-target.ts'
import { takeTurn } from '../src/stores/postgres/use.ts'
import { readFirehose } from './firehose.ts'
import { CONFIG, dump, startUsedServer, type UsedServer } from './move-data.ts'
import type { KilledMove } from './move-killed.ts'
import { ADMIN_PASSWORD, failure, post, startNetwork, type TestNetwork } from './network.ts'

const server = await startPostgres()
afterAll(() => server?.close())
const NOTE = 'com.example.note'
const script = fileURLToPath(new URL('move-killed.ts', import.meta.url))

// Not skipped in silence: `startPostgres` has said that there is none.
describe.skipIf(server === null)('a move', { timeout: 120_000 }, () => {
  let used: UsedServer
  let names = 0
  beforeAll(async () => {
    used = await startUsedServer()
  }, 60_000)
  afterAll(() => used[Symbol.asyncDispose]())

  const newPlace = (): PostgresPlace => ({ url: server!.url, schema: `moved_${++names}`, poolSize: 6 })
  const admin = async (statement: string): Promise<Record<string, unknown>[]> => {
    await using db = openDatabase({ url: server!.url, poolSize: 1 })
    return await db.query(statement)
  }
  const run = async (env: Record<string, string>, ...argv: string[]): Promise<string[]> => {
    const lines: string[] = []
    const print = (line: string): void => void lines.push(line)
    const serve = (): Promise<void> => Promise.reject(new Error('not asked for'))
    await createProgram({ env: { PDS_DID_PLC_URL: used.directory.url, ...env }, print, serve }).parseAsync(
      ['move', ...argv],
      { from: 'user' },
    )
    return lines
  }
  const settings = (folder: string, place?: PostgresPlace): Record<string, string> => ({
    PDS_DATA_DIRECTORY: folder,
    ...(place === undefined ? {} : { PDS_DB_POSTGRES_URL: place.url, PDS_DB_POSTGRES_SCHEMA: place.schema! }),
  })
  const there = (folder: string, place: PostgresPlace, ...flags: string[]): Promise<string[]> =>
    run(settings(folder), '--to', place.url, '--schema', place.schema!, ...flags)
  const back = (folder: string, place: PostgresPlace, to = folder, ...flags: string[]): Promise<string[]> =>
    run(settings(folder, place), '--to', to, ...flags)
  /** What an operator is told of a move that does not work. */
  const refused = (moving: Promise<unknown>): Promise<string> =>
    moving.then(() => 'it worked', explainFailure)
  /** The first step that a move to Postgres asks for. */
  const putAside = async (folder: string): Promise<void> => {
    await mkdir(join(folder, 'before-move'))
    for (const name of (await readdir(folder)).filter((each) => each.startsWith('pds.sqlite'))) {
      await rename(join(folder, name), join(folder, 'before-move', name))
    }
  }
  const start = (folder: string, postgres: PostgresPlace | null): Promise<TestNetwork> =>
    startNetwork({ directory: used.directory, folder, config: { ...CONFIG, postgres } })
  /** Whether a server starts, or what it says. */
  const starts = async (folder: string, postgres: PostgresPlace | null): Promise<string> => {
    const options = {
      ...CONFIG,
      postgres,
      dataDirectory: folder,
      port: 0,
      plcUrl: used.directory.url,
      adminPassword: ADMIN_PASSWORD,
    }
    return createPds(options).then(async (pds) => {
      await pds.close()
      return 'it started'
    }, explainFailure)
  }

  test('there and back leaves what was there, row by row; a look changes nothing', async () => {
    const folder = await used.copy()
    const place = newPlace()
    const before = dump(folder)
    // Every table has rows, so that each is seen to be moved.
    expect(Object.entries(before).filter(([, rows]) => (rows as unknown[]).length === 0)).toEqual([])

    const looked = await there(folder, place, '--dry-run')
    expect(looked[0]).toBe(`from ${join(folder, 'pds.sqlite')}`)
    expect(looked[2]).toMatch(
      /^4 accounts, \d+ sessions, 1204 records, \d+ blocks, 1 row of a blob, \d+ events, \d+ ent/,
    )
    expect(looked.at(-1)).toBe('nothing was changed (--dry-run)')
    expect(await admin(`SELECT 1 FROM pg_namespace WHERE nspname = '${place.schema}'`)).toEqual([])

    const moved = await there(folder, place, '--verify', 'deep')
    expect(moved).toContain('every row, block and event is the same on both sides')
    expect(moved.join('\n')).toContain(
      `mkdir ${join(folder, 'before-move')} && mv ${join(folder, 'pds.sqlite')}* `,
    )
    expect(moved.join('\n')).toContain(`PDS_DB_POSTGRES_SCHEMA=${place.schema}`)
    expect(moved.join('\n')).not.toContain(place.url)
    expect(dump(folder)).toEqual(before)

    const other = await mkdtemp(join(tmpdir(), 'avocet-pds-moved-back-'))
    onTestFinished(() => rm(other, { recursive: true, force: true }))
    expect((await back(folder, place, other, '--dry-run')).at(-1)).toBe('nothing was changed (--dry-run)')
    expect(await readdir(other)).toEqual([])
    const returned = await back(folder, place, other, '--verify', 'deep')
    expect(returned.join('\n')).toContain(`set PDS_BLOBSTORE_DISK_LOCATION=${join(folder, 'blobs')}`)
    expect(dump(other)).toEqual(before)
    // Keys are with the data.
    expect((await readdir(other)).filter((name) => /^(secrets|rotation-key)/.test(name)).toSorted()).toEqual([
      'rotation-key.json',
      'secrets.json',
    ])
    // Blocks are found by their index, and new ones get ids of their own.
    const db = new DatabaseSync(join(other, 'pds.sqlite'), { readOnly: true })
    const unplaced =
      'SELECT count(*) AS n FROM repo_block AS b JOIN repo AS r ON r.id = b.repo WHERE b.id >= r.placed'
    expect(db.prepare(unplaced).get()).toEqual({ n: 0 })
    db.close()
    await using net = await startNetwork({
      directory: used.directory,
      folder: other,
      config: { ...CONFIG, blobDirectory: join(folder, 'blobs') },
    })
    const written = await net.post('com.atproto.repo.createRecord', {
      token: used.anna.accessJwt,
      input: { repo: used.anna.did, collection: 'app.bsky.feed.post', record: post('x') },
    })
    expect(failure(written)).toBe('200 ')
  })

  test('clients go on with their sessions, subscribers after their cursor, there and back', async () => {
    const folder = await used.copy()
    const place = newPlace()
    const { anna, bert } = used
    const archives = async (net: TestNetwork): Promise<string[]> => {
      const dids = [anna.did, bert.did]
      const answers = await Promise.all(
        dids.map((did) => net.get('com.atproto.sync.getRepo', { params: { did } })),
      )
      return answers.map(({ status, bytes }) => `${status} ${Buffer.from(bytes).toString('base64')}`)
    }
    const eventsAfter = async (net: TestNetwork, cursor: number): Promise<{ seq: number }[]> =>
      (await readFirehose(net.pds.url, cursor, () => false, 300)).events.map(({ body }) => body)
    const write = async (net: TestNetwork, rkey: string): Promise<void> => {
      const input = { repo: bert.did, collection: NOTE, rkey, record: { $type: NOTE } }
      const answer = await net.post('com.atproto.repo.createRecord', { token: bert.accessJwt, input })
      expect(failure(answer)).toBe('200 ')
    }
    const works = async (net: TestNetwork): Promise<void> => {
      const { did } = anna
      expect(failure(await net.get('com.atproto.server.getSession', { token: anna.accessJwt }))).toBe('200 ')
      const input = { identifier: anna.handle, password: used.appPassword }
      expect(failure(await net.post('com.atproto.server.createSession', { input }))).toBe('200 ')
      const blob = await net.get('com.atproto.sync.getBlob', { params: { did, cid: used.blobCid } })
      expect(Buffer.from(blob.bytes).toString()).toBe('a blob')
      const findings = await net.get('com.atproto.sync.listRepos')
      expect(findings.body.repos.filter(({ active }: { active: boolean }) => !active)).toHaveLength(2)
    }

    const first = await start(folder, null)
    await write(first, 'first')
    const [cars, events] = [await archives(first), await eventsAfter(first, 0)]
    await first.pds.close()
    await there(folder, place)
    expect(await starts(folder, place)).toMatch(/^the accounts of this server are in its data directory, and/)
    await putAside(folder)
    // Without the setting it would begin anew, or go on with what is old.
    expect(await starts(folder, null)).toMatch(
      /^the accounts of this server were moved to Postgres; .*\nSet PDS_DB_POSTGRES_URL, or/,
    )

    const second = await start(folder, place)
    expect(await archives(second)).toEqual(cars)
    expect(await eventsAfter(second, 0)).toEqual(events)
    const refreshed = await second.post('com.atproto.server.refreshSession', { token: anna.refreshJwt })
    expect(failure(refreshed)).toBe('200 ')
    await works(second)
    // Ids go on above those that were moved.
    await second.account()
    const newest = (await eventsAfter(second, 0)).at(-1)!.seq
    await write(second, 'second')
    expect((await eventsAfter(second, newest)).map(({ seq }) => seq)).toEqual([newest + 1])
    const carsThere = await archives(second)
    const eventsThere = await eventsAfter(second, 0)

    // A server on it: it does not move away under its feet.
    expect(await refused(back(folder, place))).toMatch(
      /^a server, or another move, uses this database \(from .*\); .*\nStop every avocet-pds on it/,
    )
    await second.pds.close()
    await back(folder, place)
    expect(await readdir(folder)).not.toContain('pds.sqlite.moving')
    await using third = await start(folder, null)
    expect(await archives(third)).toEqual(carsThere)
    expect(await eventsAfter(third, 0)).toEqual(eventsThere)
    await works(third)
    await write(third, 'third')
    expect((await eventsAfter(third, newest)).map(({ seq }) => seq)).toEqual([newest + 1, newest + 2])
  })

  type Point = Pick<KilledMove, 'call' | 'at' | 'when'>
  // In the middle of the audit log, then of the blocks: both have several pages.
  const points: Readonly<Record<KilledMove['to'], readonly Point[]>> = {
    postgres: [
      { call: 'begin', at: 1, when: 'during' },
      { call: 'write', at: 13, when: 'during' },
      { call: 'write', at: 4, when: 'after' },
      { call: 'settle', at: 1, when: 'after' },
    ],
    sqlite: [
      { call: 'write', at: 13, when: 'after' },
      { call: 'write', at: 3, when: 'after' },
      { call: 'finish', at: 1, when: 'before' },
    ],
  }
  test('killed again and again, it goes on where it was, and nothing is served before its end', async () => {
    const folder = await used.copy()
    const place = newPlace()
    const before = dump(folder)
    const killed = (to: KilledMove['to'], point: Point): string => {
      const job: KilledMove = { folder, place, to, ...point }
      for (let attempt = 1; ; attempt++) {
        const child = spawnSync(process.execPath, [script, JSON.stringify(job)], { encoding: 'utf8' })
        const said = child.signal ?? child.stderr
        // A slow machine: the database has not learned yet that the one before was killed.
        if (attempt === 5 || !said.includes('uses this database')) return said
      }
    }
    const newer = await mkdtemp(join(tmpdir(), 'avocet-pds-unfinished-'))
    onTestFinished(() => rm(newer, { recursive: true, force: true }))
    for (const point of points.postgres) {
      expect([point, killed('postgres', point)]).toEqual([point, 'SIGKILL'])
      if (point.call === 'begin') continue
      // The same: at first it may say that the move runs.
      await expect
        .poll(() => starts(newer, place), { timeout: 10_000 })
        .toMatch(/^a move to this database has not ended; .*\nRun the same avocet-pds move again/)
    }
    expect(await there(folder, place)).toContain('going on where the move before was cut off')
    await putAside(folder)
    for (const point of points.sqlite) {
      expect([point, killed('sqlite', point)]).toEqual([point, 'SIGKILL'])
      expect(await starts(folder, null)).toMatch(/^a move to this data directory has not ended; /)
    }
    expect(await back(folder, place)).toContain('going on where the move before was cut off')
    expect(dump(folder)).toEqual(before)
  })

  test('what was changed on the target by hand is named, and the move does not end', async () => {
    const folder = await used.copy()
    const place = newPlace()
    const killed = { folder, place, to: 'postgres', call: 'faults', at: 1, when: 'before' } as const
    spawnSync(process.execPath, [script, JSON.stringify(killed)])
    const schema = place.schema!
    await admin(`UPDATE ${schema}.record SET cid = 'bafkother' WHERE rkey = 'n3-7'`)
    await admin(`DELETE FROM ${schema}.app_password`)
    await admin(`UPDATE ${schema}.event SET frame = frame || '\\x00' WHERE seq = 5`)
    await admin(
      `UPDATE ${schema}.repo_block SET bytes = '\\x00' WHERE digest = (SELECT digest FROM ${schema}.repo_block LIMIT 1)`,
    )
    await admin(`INSERT INTO ${schema}.repo_block VALUES (9999, '\\x99', 1, '', '')`)
    await admin(`INSERT INTO ${schema}.reserved_key VALUES ('did:key:zz', NULL, '', '')`)
    await admin(`SELECT setval('${schema}.event_seq', 3)`)
    const told = await refused(there(folder, place))
    const lines = told.split('\n').map((line) => line.trim())
    expect(lines[0]).toBe('the target is not what the source is, and was not finished:')
    expect(
      lines
        .slice(1, -1)
        .map((line) => line.replaceAll(/(did|owner|repo|digest)=[\w:]+?(:?)(?= |$)/g, '$1=…$2')),
    ).toEqual([
      'app_password did=… name=phone: not in the target',
      'reserved_key did_key=did:key:zz: not in the source',
      'repo_block repo=… digest=…: another bytes',
      expect.stringMatching(/^repo_block: \d+ rows in the source, \d+ in the target$/),
      'record owner=… collection=com.example.note rkey=n3-7: another cid',
      'event seq=5: another frame',
      expect.stringMatching(/^counter newest: \d+ in the source, 3 in the target$/),
    ])
    expect(await starts(folder, place)).toMatch(/^the accounts of this server are in its data/)
    // Begun anew, it ends.
    expect(await there(folder, place, '--restart')).toContain('removing what the move before brought')
    await putAside(folder)
    expect(await starts(folder, place)).toBe('it started')
  })

  test('stopped by hand, it says how to go on, and does', async () => {
    const folder = await used.copy()
    const { url, schema } = newPlace()
    const stop = new AbortController()
    const print = (line: string): void => {
      if (line === 'comparing') stop.abort()
    }
    const moving = moveCommand({ dataDirectory: folder }, { to: url, schema: schema! }, print, stop.signal)
    expect(await refused(moving)).toBe(
      'stopped; the source is as it was\nTo go on where it was, run the same command again',
    )
    expect(await there(folder, { url, schema, poolSize: 6 })).toContain(
      'going on where the move before was cut off',
    )
  })

  test('while it runs no server starts; without the lock it writes no more', async () => {
    const place = newPlace()
    const target = await openPostgresTarget(place, {}, false)
    onTestFinished(() => target[Symbol.asyncDispose]())
    const mark: MoveMark = { source: 'a', table: null, place: null, copied: false }
    await target.begin(mark)
    const empty = await mkdtemp(join(tmpdir(), 'avocet-pds-meanwhile-'))
    onTestFinished(() => rm(empty, { recursive: true, force: true }))
    expect(await starts(empty, place)).toMatch(
      /^the accounts in this database are being moved; .*\nWait until avocet-pds move has ended/,
    )
    expect(await refused(openPostgresTarget(place, {}, false))).toMatch(/^a server, or another move, uses/)
    await target.write(MOVED_TABLES[0]!, [], mark)
    // That of this schema alone: others may use the server.
    await admin(
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
         AND objid::bigint = hashtextextended('${place.schema}.use', 12) & 4294967295`,
    )
    await expect
      .poll(() => refused(target.write(MOVED_TABLES[0]!, [], mark)))
      .toMatch(/^the connection that holds the database was lost; .*\nRun the move again/)
  })

  test('what a process that was killed had sent is waited for', async () => {
    const place = newPlace()
    const mark: MoveMark = { source: 'a', table: null, place: null, copied: false }
    {
      await using target = await openPostgresTarget(place, {}, false)
      await target.begin(mark)
    }
    // Its last transaction, still under way when the next one begins.
    await using db = openDatabase({ url: place.url, schema: place.schema!, poolSize: 1 })
    const underWay = Promise.withResolvers<void>()
    const sent = Promise.withResolvers<void>()
    const last = db.transaction(async (tx) => {
      await takeTurn(tx, place)
      await tx.query(
        "UPDATE server_note SET value = replace(value, 'null', '\"account\"') WHERE name = 'move'",
      )
      underWay.resolve()
      await sent.promise
    })
    await underWay.promise
    await using target = await openPostgresTarget(place, {}, false)
    const found = target.mark()
    setTimeout(() => sent.resolve(), 100)
    expect(await found).toMatchObject({ table: 'account' })
    await last
  })

  test('what keeps it from moving is said with the next step', async () => {
    const folder = await used.copy()
    const place = newPlace()
    const { url } = place
    expect(await refused(run(settings(folder), '--to', 'mysql://x/y'))).toBe(
      '--to is a folder, or postgres://user@host:5432/database',
    )
    expect(await refused(run(settings(folder), '--to', folder))).toMatch(
      /^the data is on SQLite already.*\nTo move from Postgres, set PDS_DB_POSTGRES_URL/,
    )
    expect(await refused(run(settings(folder, place), '--to', url))).toMatch(
      /^PDS_DB_POSTGRES_URL is set.*\nTo move from SQLite, run this without/,
    )
    expect(await refused(there(folder, place, '--verify', 'much'))).toBe('--verify is rows or deep, not much')
    expect(await refused(there(folder, { ...place, url: 'postgres://127.0.0.1:1/x' }))).toMatch(
      /^cannot reach the Postgres server; .*\nStart it, or correct/,
    )
    expect(await refused(back(folder, place, join(folder, 'to')))).toMatch(
      /^no server's data is in this database; .*\nCorrect/,
    )
    const empty = await mkdtemp(join(tmpdir(), 'avocet-pds-empty-'))
    onTestFinished(() => rm(empty, { recursive: true, force: true }))
    expect(await refused(there(empty, place))).toMatch(
      /^the secrets of the server are not here; .*\nRun this with the settings of the server/,
    )

    // Subscribers may have seen more than the disk has.
    await writeFile(join(folder, 'pds.sqlite-wal'), 'x')
    const hasty = { ...settings(folder), PDS_SQLITE_SYNCHRONOUS: 'normal' }
    expect(await refused(run(hasty, '--to', url))).toMatch(
      /^the server was cut off, and did not wait.*\nStart it once/,
    )
    await rm(join(folder, 'pds.sqlite-wal'))

    // Servers at either end.
    const running = await start(folder, null)
    expect(await refused(there(folder, place))).toMatch(/reason=another avocet-pds is using it/)
    await running.pds.close()
    const taken = newPlace()
    const served = await startNetwork({ config: { ...CONFIG, postgres: taken } })
    expect(await refused(there(folder, taken))).toMatch(/^a server, or another move, uses this database/)
    await served.account()
    await served.pds.close()
    expect(await refused(there(folder, taken))).toMatch(
      /^the target is not empty: there are rows in the table account; .*\nGive an empty one/,
    )
    // Nothing that another server's is, is removed.
    expect(await refused(there(folder, taken, '--restart'))).toMatch(/^the target is not empty/)
    await admin(`UPDATE ${taken.schema}.schema_versions SET version = 99 WHERE name = 'accounts'`)
    expect(await refused(there(folder, taken))).toMatch(
      /^the target is not empty: there are tables of a newer version/,
    )
    expect(await refused(back(served.folder, taken, empty))).toMatch(
      /^the database is of another version of this program \(accounts 99, known \d\).*\nMove it with the newer/,
    )
    const { version } = ACCOUNT_SCHEMA
    await admin(`UPDATE ${taken.schema}.schema_versions SET version = ${version} WHERE name = 'accounts'`)
    expect(await refused(back(folder, taken, empty))).toMatch(
      /^the servers on this database used another PDS_JWT_SECRET/,
    )
    expect(await refused(back(served.folder, taken, folder))).toMatch(
      /^there is a database already where it is to be moved to; .*\nGive another folder/,
    )
    await writeFile(join(empty, 'letters.txt'), '')
    expect(await refused(back(served.folder, taken, empty))).toMatch(
      /^the data directory is not empty and not that of this server \(letters.txt\)/,
    )
    await served[Symbol.asyncDispose]()

    // Cut off, then the server went on for a while.
    const killed = { folder, place, to: 'postgres', call: 'write', at: 3, when: 'before' } as const
    spawnSync(process.execPath, [script, JSON.stringify(killed)])
    const again = await start(folder, null)
    await again.pds.close()
    expect(await refused(there(folder, place))).toMatch(
      /^a move to this target has not ended, of another source, or of this one before.*\n.*--restart/,
    )
    expect(await refused(back(folder, place, empty))).toMatch(/^a move to this database has not ended/)

    const db = new DatabaseSync(join(folder, 'pds.sqlite'))
    db.exec("UPDATE schema_versions SET version = 99 WHERE name = 'records'; CREATE TABLE own (x)")
    expect(await refused(there(folder, place))).toMatch(
      /^the database is of another version of this program \(records 99, known 4\).*\nMove it with the newer/,
    )
    db.exec("UPDATE schema_versions SET version = 4 WHERE name = 'records'")
    expect(await there(folder, newPlace(), '--dry-run')).toContain(
      'NOT MOVED, since this server knows nothing of them: own',
    )
    db.exec('UPDATE account SET invite_note = char(65, 0, 66) WHERE did = (SELECT min(did) FROM account)')
    db.close()
    expect(await refused(there(folder, newPlace()))).toMatch(
      /^a text of the table account holds the character NUL/,
    )
    expect(existsSync(join(folder, 'pds.sqlite'))).toBe(true)
  })
})
