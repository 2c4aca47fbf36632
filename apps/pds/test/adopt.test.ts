// The reference PDS itself is taken over in `e2e/test/adopt.test.ts`; here its data is made by its schema.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'

import { createKeypair } from '@avocet/crypto'
import type { DataObject } from '@avocet/data'
import { onlySqlite } from '@avocet/testing/pds-store'
import { describe, expect, onTestFinished, test } from 'vitest'

import { adopt, type AdoptOptions } from '../src/adopt/adopt.ts'
import { compareAccount } from '../src/adopt/check-adopted.ts'
import { openActor } from '../src/adopt/reference-actor.ts'
import { findReference } from '../src/adopt/reference-files.ts'
import { resolveConfig } from '../src/config/config.ts'
import { loadSecrets } from '../src/config/secrets.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'
import { readFirehose, type Received } from './firehose.ts'
import { failure, post, startNetwork } from './network.ts'
import { blobCid, createReferenceData, type ReferenceData } from './reference-data.ts'

const KEYS = {
  PDS_JWT_SECRET: 'the secret of the sessions',
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: 'ab'.repeat(32),
}
const note = (text: string): DataObject => post(text) as DataObject
const DAY_MS = 24 * 60 * 60 * 1000

function prepare(): { source: ReferenceData; target: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-adopt-test-'))
  const source = createReferenceData(join(folder, 'reference'))
  onTestFinished(() => {
    source[Symbol.dispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  return { source, target: join(folder, 'avocet'), folder }
}

/** Runs the take-over and gives what it printed. */
async function takeOver(
  { source, target }: { source: ReferenceData; target: string },
  how: Partial<AdoptOptions> = {},
  onLine: (line: string) => void = () => {},
): Promise<string[]> {
  const lines: string[] = []
  const print = (line: string): void => {
    lines.push(line)
    onLine(line)
  }
  const options = { dataDirectory: target, hostname: 'localhost', ...how.options }
  await adopt(source.folder, { env: KEYS, skip: new Set(), write: true, ...how, options }, print)
  return lines
}

function rows(target: string, sql: string, ...values: string[]): Record<string, SQLOutputValue>[] {
  const db = new DatabaseSync(join(target, 'pds.sqlite'), { readOnly: true })
  try {
    return db.prepare(sql).all(...values)
  } finally {
    db.close()
  }
}

const started = async (target: string) => {
  const net = await startNetwork({
    folder: target,
    config: {
      jwtSecret: KEYS.PDS_JWT_SECRET,
      plcRotationKeyHex: KEYS.PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX,
    },
  })
  onTestFinished(() => net[Symbol.asyncDispose]())
  return net
}

const whatWasTakenOver = onlySqlite('a reference server is taken over into a data directory')

test.skipIf(whatWasTakenOver)(
  'what an account had is here: identity, sessions, records, blobs, decisions',
  async () => {
    const made = prepare()
    const { source, target } = made
    const alice = await source.add({
      handle: 'Alice.test',
      email: 'Alice@Example.com',
      emailConfirmedAt: '2026-01-02T00:00:00.000Z',
      records: {
        'app.bsky.feed.post/3kaaaaaaaaaaa': note('one'),
        'app.bsky.feed.post/3kbbbbbbbbbbb': note('two'),
      },
      takendown: { 'app.bsky.feed.post/3kbbbbbbbbbbb': 'decision 1' },
      blobs: [
        { bytes: 'sound' },
        { bytes: 'whole', file: 'whale' },
        { bytes: 'lost', file: null },
        { bytes: 'hidden', takedownRef: 'decision 2' },
        { bytes: 'fresh', tempKey: 'k1' },
      ],
      preferences: [
        { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true },
        { $type: 'app.bsky.actor.defs#declaredAgePref', isOverAge18: true },
      ],
    })
    const token = (id: string, expiresAt: string, nextId: string | null = null): void =>
      source.run(
        'account',
        'INSERT INTO refresh_token VALUES (?, ?, ?, ?, ?)',
        id,
        alice,
        expiresAt,
        nextId,
        id === 'phone' ? 'phone' : null,
      )
    token('live', '2999-01-01T00:00:00.000Z', 'next')
    token('phone', '2999-01-01T00:00:00.000Z')
    token('ended', '2020-01-01T00:00:00.000Z')
    source.run(
      'account',
      'INSERT INTO app_password VALUES (?, ?, ?, ?, ?)',
      alice,
      'phone',
      'aa:bb',
      '2026-01-01',
      1,
    )
    source.run('account', "INSERT INTO invite_code VALUES ('code-1', 3, 0, 'admin', 'admin', '2026-01-01')")
    source.run('account', 'INSERT INTO invite_code_use VALUES (?, ?, ?)', 'code-1', alice, '2026-01-01')
    const reserved = join(source.folder, 'actors', 'reserved_keys')
    mkdirSync(reserved)
    const [some, own] = [createKeypair('k256'), createKeypair('k256')]
    writeFileSync(join(reserved, some.didKey), some.exportPrivateKey())
    writeFileSync(join(reserved, 'did:plc:somebodyelse'), own.exportPrivateKey())
    writeFileSync(join(reserved, 'note'), 'no key')

    const lines = await takeOver(made)
    expect(lines.filter((line) => /^(NOTE|PROBLEM) did/.test(line)).toSorted()).toEqual(
      [
        `NOTE ${alice} (alice.test): blob ${blobCid('whole')} is damaged and was left out: its bytes are those of ${blobCid('whale')}`,
        `NOTE ${alice} (alice.test): blob ${blobCid('lost')} was left out: its file is missing; path=${join(source.folder, 'blocks', alice, blobCid('lost'))}`,
      ].toSorted(),
    )
    expect(lines).toContain('equal to the source: 1 account, 2 records, 3 blobs, 2 reserved keys')

    expect(rows(target, 'SELECT handle, email, email_confirmed_at, preferences FROM account')).toEqual([
      {
        handle: 'alice.test',
        email: 'alice@example.com',
        email_confirmed_at: '2026-01-02T00:00:00.000Z',
        preferences: JSON.stringify([{ $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }]),
      },
    ])
    expect(rows(target, 'SELECT id, next_id, app_password FROM refresh_token ORDER BY id')).toEqual([
      { id: 'live', next_id: 'next', app_password: null },
      { id: 'phone', next_id: null, app_password: 'phone' },
    ])
    expect(rows(target, 'SELECT name, password_hash, privileged FROM app_password')).toEqual([
      { name: 'phone', password_hash: 'aa:bb', privileged: 1 },
    ])
    expect(rows(target, 'SELECT code, available_uses FROM invite_code JOIN invite_use USING (code)')).toEqual(
      [{ code: 'code-1', available_uses: 3 }],
    )
    expect(rows(target, 'SELECT did, did_key FROM reserved_key ORDER BY did')).toEqual([
      { did: null, did_key: some.didKey },
      { did: 'did:plc:somebodyelse', did_key: own.didKey },
    ])
    expect(rows(target, 'SELECT cid, takedown_ref FROM blob ORDER BY cid')).toEqual(
      [
        { cid: blobCid('sound'), takedown_ref: null },
        { cid: blobCid('hidden'), takedown_ref: 'decision 2' },
        { cid: blobCid('fresh'), takedown_ref: null },
      ].toSorted((a, b) => (a.cid < b.cid ? -1 : 1)),
    )
    const kept = join(target, 'blobs', alice)
    expect(readdirSync(kept).toSorted()).toEqual(['sound', 'hidden', 'fresh'].map(blobCid).toSorted())
    expect(readFileSync(join(kept, blobCid('hidden')), 'utf8')).toBe('hidden')

    const net = await started(target)
    const listed = await net.get('com.atproto.repo.listRecords', {
      params: { repo: 'alice.test', collection: 'app.bsky.feed.post' },
    })
    expect(listed.body.records.map(({ value }: { value: object }) => value)).toEqual([note('one')])
    const name = { repo: alice, collection: 'app.bsky.feed.post', rkey: '3kbbbbbbbbbbb' }
    expect(failure(await net.get('com.atproto.repo.getRecord', { params: name }))).toBe('400 RecordNotFound')
  },
)

test.skipIf(whatWasTakenOver)(
  'events go on above all that were sent, with the status of each account and the head of active ones',
  async () => {
    const made = prepare()
    const { source, target } = made
    const records = { 'app.bsky.feed.post/3kaaaaaaaaaaa': note('one') }
    const soon = new Date(Date.now() + DAY_MS).toISOString()
    const late = '2999-01-01T00:00:00.000Z'
    const statuses = new Map([
      [await source.add({ handle: 'a.test', records }), ['active', null]],
      [
        await source.add({ handle: 'b.test', records, deactivatedAt: soon, deleteAfter: soon }),
        ['deactivated', 'held'],
      ],
      [
        await source.add({ handle: 'c.test', records, deactivatedAt: soon, deleteAfter: late }),
        ['deactivated', late],
      ],
      [await source.add({ handle: 'd.test', records, takedownRef: 'x' }), ['takendown', null]],
      [await source.add({ handle: null }), ['active', null]],
    ])
    const behind = await source.add({ handle: 'e.test', records })
    // Events that were pruned were sent all the same.
    source.run('sequencer', "INSERT INTO repo_seq (seq, did) VALUES (500, 'x')")
    source.run('sequencer', 'DELETE FROM repo_seq')
    source.run('sequencer', "INSERT INTO repo_seq (seq, did) VALUES (7, 'x')")

    const before = Date.now()
    const lines = await takeOver(made, { skip: new Set([behind]) })
    expect(lines).toContain('events go on from 1000501; the reference was at 500')
    expect(rows(target, 'SELECT action, actor, detail FROM audit')).toEqual([
      { action: 'server taken over', actor: 'command line', detail: '{"events":1000501}' },
    ])
    expect(lines.some((line) => line.includes(behind))).toBe(false)
    expect(rows(target, 'SELECT did FROM account ORDER BY did').map(({ did }) => did)).toEqual(
      [...statuses.keys()].toSorted(),
    )
    for (const [did, [, planned]] of statuses) {
      const [row] = rows(target, 'SELECT delete_after FROM account WHERE did = ?', did)
      const found = row!['delete_after'] as string | null
      if (planned !== 'held') expect([did, found]).toEqual([did, planned])
      else expect(Date.parse(found!) - before).toBeGreaterThanOrEqual(30 * DAY_MS)
    }

    const net = await started(target)
    const { events } = await readFirehose(net.pds.url, 0, () => false)
    const told = events.filter(({ type }) => type !== '#info')
    expect(told[0]!.body.seq).toBe(1_000_501)
    const statusOf = ({ type, body }: Received): string =>
      `${body.did} ${type} ${type === '#account' ? (body.status ?? 'active') : ''}`
    expect(told.map(statusOf).toSorted()).toEqual(
      [...statuses]
        .flatMap(([did, [status]], i) => [`${did} #account ${status}`, ...(i === 0 ? [`${did} #sync `] : [])])
        .toSorted(),
    )
  },
)

test('a dry run names what is missing, and writes nothing', async () => {
  const made = prepare()
  const { source, target } = made
  const did = await source.add({
    handle: 'a.test',
    records: { 'app.bsky.feed.post/3kaaaaaaaaaaa': note('one') },
    blobs: [
      { bytes: 'sound' },
      { bytes: 'hidden', takedownRef: 'x' },
      { bytes: 'fresh', tempKey: 'k1' },
      { bytes: 'short', file: 'sho' },
      { bytes: 'lost', file: null },
    ],
  })
  source.run(did, "INSERT INTO record VALUES ('at://x/y/z', 'c', 'y', 'z', 'r', 'i', NULL)")
  const place = join(source.folder, 'blocks', did)
  const lines = await takeOver(made, { write: false })
  expect(lines.filter((line) => line.startsWith('PROBLEM')).toSorted()).toEqual(
    [
      `PROBLEM ${did} (a.test): the repository has 1 records, the index 2`,
      `PROBLEM ${did} (a.test): blob ${blobCid('short')} has another size than it should; path=${join(place, blobCid('short'))}`,
      `PROBLEM ${did} (a.test): blob ${blobCid('lost')} has no file; path=${join(place, blobCid('lost'))}`,
    ].toSorted(),
  )
  expect(existsSync(target)).toBe(false)
})

test('what the reference writes meanwhile is not lost: the take-over ends', async () => {
  const made = prepare()
  const { source, target } = made
  await source.add({ handle: 'a.test', records: {} })
  const busy = takeOver(made, {}, (line) => {
    if (line.startsWith('compared')) source.run('sequencer', "INSERT INTO repo_seq (did) VALUES ('x')")
  })
  await expect(busy).rejects.toThrow('the reference PDS is running, and wrote meanwhile')
  expect(existsSync(join(target, 'pds.sqlite'))).toBe(false)
})

test('cut short by a damaged account it goes on where it was', async () => {
  const made = prepare()
  const { source, target } = made
  const records = { 'app.bsky.feed.post/3kaaaaaaaaaaa': note('one') }
  await source.add({ handle: 'a.test', records })
  const broken = await source.add({ handle: 'b.test', records })
  const key = readFileSync(join(source.storeFolder(broken), 'key'))
  writeFileSync(join(source.storeFolder(broken), 'key'), key.subarray(1))
  await expect(takeOver(made)).rejects.toThrow('1 account could not be taken over')
  expect(existsSync(join(target, 'pds.sqlite'))).toBe(false)
  writeFileSync(join(source.storeFolder(broken), 'key'), key)
  expect(await takeOver(made)).toContain(
    'equal to the source: 2 accounts, 2 records, 0 blobs, 0 reserved keys',
  )
  expect(rows(target, 'SELECT handle FROM account ORDER BY handle')).toEqual([
    { handle: 'a.test' },
    { handle: 'b.test' },
  ])
})

test('the way back in the guide moves the reference above what was given out here', async () => {
  const { source, folder } = prepare()
  const guide = readFileSync(new URL('../../../docs/operating-a-pds.md', import.meta.url), 'utf8')
  const sql = /^sqlite3 \/pds\/sequencer\.sqlite "([^"]+)"$/m.exec(guide)![1]!
  const next = (): number => {
    source.run('sequencer', "INSERT INTO repo_seq (did) VALUES ('x')")
    using db = new DatabaseSync(join(folder, 'reference', 'sequencer.sqlite'))
    return Number(db.prepare('SELECT max(seq) AS seq FROM repo_seq').get()!['seq'])
  }
  // A server that never sent an event, then one whose events were all pruned.
  source.run('sequencer', sql.split(';')[0]!)
  source.run('sequencer', sql.split(';')[1]!)
  expect(next()).toBe(2_000_001)
  source.run('sequencer', 'DELETE FROM repo_seq')
  source.run('sequencer', sql.split(';')[0]!)
  source.run('sequencer', sql.split(';')[1]!)
  expect(next()).toBe(4_000_002)
})

test('keys other than those of the source, or none, are refused', async () => {
  const made = prepare()
  await made.source.add({ handle: 'a.test', records: {} })
  for (const [option, name] of [
    ['jwtSecret', 'PDS_JWT_SECRET'],
    ['plcRotationKeyHex', 'PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX'],
  ] as const) {
    const options = { dataDirectory: made.target, [option]: 'cd'.repeat(32) }
    await expect(takeOver(made, { options })).rejects.toThrow(`${name} is not that of the reference PDS`)
    await expect(takeOver(made, { env: { ...KEYS, [name]: undefined } })).rejects.toThrow(
      `${name} is not known`,
    )
  }
  expect(existsSync(made.target)).toBe(false)
})

describe('the keys of the source', () => {
  const [jwtSecret, plcRotationKeyHex] = Object.values(KEYS) as [string, string]
  const kept = (target: string): unknown => JSON.parse(readFileSync(join(target, 'secrets.json'), 'utf8'))

  test('are the server’s from then on, whatever its settings say later', async () => {
    const made = prepare()
    await made.source.add({ handle: 'a.test', records: {} })
    // Whoever wrote the file may have had large letters in mind.
    const env = {
      ...KEYS,
      PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: plcRotationKeyHex.toUpperCase(),
      PDS_ADMIN_PASSWORD: 'of the operator',
    }
    await takeOver(made, { env, options: { dataDirectory: made.target, plcRotationKeyHex: null } })
    expect(kept(made.target)).toEqual({ jwtSecret, plcRotationKeyHex, adminPassword: 'of the operator' })
    expect(statSync(join(made.target, 'secrets.json')).mode & 0o777).toBe(0o600)
    const secrets = await loadSecrets(resolveConfig({ dataDirectory: made.target }))
    expect(secrets).toEqual(kept(made.target))
  })

  test('are not copied where the settings of the new server have them', async () => {
    const made = prepare()
    await made.source.add({ handle: 'a.test', records: {} })
    const given = { jwtSecret, plcRotationKeyHex, adminPassword: 'mine' }
    await takeOver(made, { options: { dataDirectory: made.target, ...given } })
    expect(existsSync(join(made.target, 'secrets.json'))).toBe(false)
  })

  test('replace none that are there: nothing is taken over', async () => {
    const made = prepare()
    await made.source.add({ handle: 'a.test', records: {} })
    mkdirSync(made.target)
    const other = JSON.stringify({ plcRotationKeyHex: 'cd'.repeat(32) })
    writeFileSync(join(made.target, 'secrets.json'), other)
    await expect(takeOver(made)).rejects.toThrow(
      `there is another plcRotationKeyHex in ${join(made.target, 'secrets.json')}`,
    )
    expect(readFileSync(join(made.target, 'secrets.json'), 'utf8')).toBe(other)
    expect(existsSync(join(made.target, 'pds.sqlite'))).toBe(false)
  })
})

test('only a new directory is filled, and never the folder of the reference’s blobs', async () => {
  const made = prepare()
  await made.source.add({ handle: 'a.test', records: {} })
  const options = { dataDirectory: made.target, blobDirectory: join(made.source.folder, 'blocks') }
  await expect(takeOver(made, { options })).rejects.toThrow(
    'blobs would go into the folder of the reference PDS',
  )
  mkdirSync(made.target)
  writeFileSync(join(made.target, 'pds.sqlite'), '')
  await expect(takeOver(made)).rejects.toThrow('the data directory is not empty (pds.sqlite)')
  rmSync(join(made.target, 'pds.sqlite'))
  writeFileSync(join(made.target, 'pds.env'), '')
  await takeOver(made)
})

test('the comparison finds what is not as it was', async () => {
  const made = prepare()
  const { source, target } = made
  const did = await source.add({
    handle: 'a.test',
    records: {
      'app.bsky.feed.post/3kaaaaaaaaaaa': note('one'),
      'app.bsky.feed.post/3kbbbbbbbbbbb': note('two'),
    },
    takendown: { 'app.bsky.feed.post/3kbbbbbbbbbbb': 'decision 1' },
    blobs: [{ bytes: 'sound' }],
  })
  await takeOver(made)
  const stores = await openSqliteStores(resolveConfig({ dataDirectory: target }))
  onTestFinished(() => stores.db.close())
  const compare = async (): Promise<readonly string[]> => {
    await using actor = await openActor(findReference(source.folder, {}), did)
    return (await compareAccount(stores, did, actor)).problems
  }
  expect(await compare()).toEqual([])
  const set = "(SELECT id FROM record_set WHERE state = 'live')"
  const change = (sql: string): Promise<unknown> => stores.db.write(() => stores.db.raw.exec(sql))
  await change(`UPDATE record SET takedown_ref = NULL WHERE owner = ${set}`)
  await change(`UPDATE record SET cid = 'other' WHERE owner = ${set} AND rkey = '3kaaaaaaaaaaa'`)
  source.run(did, "INSERT INTO record VALUES ('at://x/y/z', 'c', 'y', 'z', 'r', 'i', NULL)")
  writeFileSync(join(target, 'blobs', did, blobCid('sound')), 'sound?')
  expect((await compare()).toSorted()).toEqual(
    [
      'record app.bsky.feed.post/3kaaaaaaaaaaa is not served as the repository has it',
      'record app.bsky.feed.post/3kbbbbbbbbbbb is taken down on one side only',
      'the repository has 2 records, the index of the source 3',
      `blob ${blobCid('sound')} is not as it was; from=${join(source.folder, 'blocks', did, blobCid('sound'))}`,
    ].toSorted(),
  )
})
