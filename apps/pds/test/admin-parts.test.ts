// What the operator's page is made of: what is remembered of errors, mails, limits and chores, in bounded memory, and reads that stay quick.
import { setTimeout as wait } from 'node:timers/promises'

import { openDatabase } from '@avocet/sqlite'
import { startPostgres } from '@avocet/testing/postgres'
import type { Did } from '@avocet/syntax'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'

import { createLimitHits } from '../src/limits/limit-hits.ts'
import { SILENT, type Logger } from '../src/logger.ts'
import { createMailLog } from '../src/mail/mail-log.ts'
import { createChoreRounds } from '../src/operations/chore-rounds.ts'
import { rememberErrors } from '../src/operations/last-errors.ts'
import { createRing } from '../src/operations/ring.ts'
import { createAccountReads, type AccountReads } from '../src/operator/account-reads.ts'
import { causeOf } from '../src/redact.ts'
import { openTotals } from '../src/stores/sqlite/totals.ts'
import type { Stores } from '../src/stores/stores.ts'
import type { SqliteStores } from '../src/stores/sqlite/stores.ts'
import { accountChange, DID, openFixture, OTHER } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const MINUTE = 60_000

/** Reads of accounts that have nothing. */
function readsOf(stores: Stores): AccountReads {
  const holdings = { blobBytes: 0, records: 0 }
  return createAccountReads({
    stores,
    quotas: { of: () => holdings, used: () => Promise.resolve(holdings) },
    factors: { list: () => Promise.resolve({ factors: [], email: false, recoveryCodes: 0 }) },
  })
}

test('a ring keeps the newest', () => {
  const ring = createRing<number>(3)
  expect(ring.list()).toEqual([])
  const seen = [1, 2, 3, 4, 5].map((n) => {
    ring.add(n)
    return ring.list()
  })
  expect(seen).toEqual([[1], [2, 1], [3, 2, 1], [4, 3, 2], [5, 4, 3]])
})

describe('errors', () => {
  test('are remembered with their causes, and go on to the log', () => {
    const lines: unknown[] = []
    const under: Logger = { ...SILENT, error: (data, message) => lines.push([data, message]) }
    const { log, errors } = rememberErrors(under, () => 0)
    const err = new Error('outer', { cause: new Error('inner') })
    log.error({ err, nsid: 'a.b.c', tries: 3, more: { deep: 1 } }, 'it failed')
    log.warn({ status: 500 }, 'a relay refused')
    log.info({}, 'nothing to see')
    expect(lines).toEqual([[{ err, nsid: 'a.b.c', tries: 3, more: { deep: 1 } }, 'it failed']])
    expect(errors.list()).toEqual([
      {
        at: '1970-01-01T00:00:00.000Z',
        level: 'error',
        message: 'it failed',
        cause: 'outer: inner',
        about: 'nsid=a.b.c tries=3',
      },
      {
        at: '1970-01-01T00:00:00.000Z',
        level: 'warn',
        message: 'a relay refused',
        cause: null,
        about: 'status=500',
      },
    ])
  })

  test('in bounded memory; warnings push no error out', () => {
    const { log, errors } = rememberErrors(SILENT)
    log.error({}, 'kept')
    for (let n = 0; n < 1000; n++) log.warn({ text: 'x'.repeat(10_000) }, 'noise')
    const list = errors.list()
    expect(list).toHaveLength(101)
    expect(list.filter(({ message }) => message === 'kept')).toHaveLength(1)
    expect(JSON.stringify(list).length).toBeLessThan(100_000)
    for (let n = 0; n < 1000; n++) log.error({}, 'more')
    expect(errors.list()).toHaveLength(300)
  })

  test('hold no address, token, key or password', () => {
    const jwt = `eyJ${'a'.repeat(30)}.${'b'.repeat(60)}.${'c'.repeat(40)}`
    const key = 'ab'.repeat(32)
    const failure = new Error(
      `mail to alice@example.com by smtp://user:pass@mail.example failed: ${jwt} ${key}`,
    )
    const text = causeOf(failure)
    for (const secret of ['alice', 'pass', 'eyJ', 'abab']) expect(text).not.toContain(secret)
    const { log, errors } = rememberErrors(SILENT)
    log.error({ to: 'alice@example.com', token: jwt, did: DID }, 'failed')
    expect(errors.list()[0]!.about).toBe(`to=…@example.com token=… did=${DID}`)
  })
})

test('mails: masked, bounded, the operator’s letters by no subject', () => {
  const log = createMailLog('pds.test', () => 0)
  const mail = { to: 'alice@example.com', subject: 'Reset your password (pds.test)', text: 'code' }
  log.add(mail, false, null)
  log.add(mail, true, 'refused')
  const at = '1970-01-01T00:00:00.000Z'
  expect(log.list()).toEqual([
    { at, to: 'a…@example.com', kind: 'letter of the operator', error: 'refused' },
    { at, to: 'a…@example.com', kind: 'Reset your password', error: null },
  ])
  for (let n = 0; n < 600; n++) log.add(mail, false, null)
  expect(log.list()).toHaveLength(500)
})

describe('limits', () => {
  test('what was refused within the hour, by limit and network', () => {
    let now = 0
    const hits = createLimitHits(() => now)
    hits.refused('a', '192.0.2.1')
    now += 30 * MINUTE
    hits.refused('a', '192.0.2.1')
    hits.refused('a', '192.0.2.1')
    hits.refused('b', '2001:db8:0:1::1')
    hits.refused('b', null)
    expect(hits.list()).toEqual([
      { limit: 'a', network: '192.0.2.1', count: 3 },
      { limit: 'b', network: '2001:db8:0:1::/64', count: 1 },
      { limit: 'b', network: '', count: 1 },
    ])
    now = 60 * MINUTE
    expect(hits.list()[0]).toEqual({ limit: 'a', network: '192.0.2.1', count: 2 })
    now = 90 * MINUTE
    expect(hits.list()).toEqual([])
  })

  test('in bounded memory: beyond 500 networks the others are counted together', () => {
    const hits = createLimitHits(() => 0)
    for (let n = 0; n < 2000; n++) hits.refused('a', `10.0.${n >> 8}.${n & 255}`)
    for (let n = 0; n < 5; n++) hits.refused('a', '10.0.0.0')
    const list = hits.list()
    expect(list).toHaveLength(501)
    expect(list.slice(0, 2)).toEqual([
      { limit: 'a', network: null, count: 1500 },
      { limit: 'a', network: '10.0.0.0', count: 6 },
    ])
  })
})

test('rounds of chores: how many, how many failed, how long', async () => {
  let now = 0
  const rounds = createChoreRounds(() => now)
  const gate = Promise.withResolvers<boolean>()
  rounds.begin([gate.promise, Promise.resolve(false)], true)
  const begun = { at: '1970-01-01T00:00:00.000Z', chores: 2, isClockDoubted: true }
  expect(rounds.list()).toEqual([{ ...begun, failed: 0, seconds: null }])
  now = 2500
  gate.resolve(true)
  await wait(1)
  expect(rounds.list()).toEqual([{ ...begun, failed: 1, seconds: 2.5 }])
})

test('a DID is looked for as it is written; handle and address in any case of letters', async () => {
  const fixture = await openFixture(null)
  onTestFinished(() => fixture[Symbol.asyncDispose]())
  const { stores } = fixture
  const web: Did = 'did:web:localhost%3A2583'
  await stores.apply({ accounts: [accountChange(web, 'web.test'), accountChange(DID, 'plc.test')] })
  const reads = readsOf(stores)
  const found = async (text: string): Promise<string[]> =>
    (await reads.search({ text, after: '', limit: 9 })).accounts.map(({ did }) => did)
  expect(await found(web)).toEqual([web])
  expect(await found(' did:web:localhost%3A ')).toEqual([web])
  expect(await found('did:web:localhost%3a')).toEqual([])
  expect(await found('@WEB')).toEqual([web])
  expect(await found('')).toEqual([DID, web])
})

test('a hundred thousand accounts: a page of them is found at once, and counting them leaves others their turn', async () => {
  const fixture = await openFixture(null)
  onTestFinished(() => fixture[Symbol.asyncDispose]())
  const { stores } = fixture
  const { db } = stores as SqliteStores
  db.transaction(() =>
    db.raw.exec(`
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
      INSERT INTO account (did, handle, email, password_hash, signing_key, created_at)
        SELECT printf('did:plc:%024d', i), printf('user%06d.test', i), printf('user%06d@example.com', i), '', x'', '' FROM n`),
  )
  const reads = readsOf(stores)
  // Through an index, not row by row.
  for (const column of ['did', 'handle', 'email']) {
    const plan = db
      .prepare(
        `EXPLAIN QUERY PLAN SELECT did, handle, email FROM account WHERE ${column} > 'a' AND ${column} < 'b' ORDER BY ${column} LIMIT 5`,
      )
      .all()
      .map((row) => String(row['detail']))
    expect(plan).toEqual([expect.stringMatching(/^SEARCH account USING (INDEX|PRIMARY KEY)/)])
  }
  const before = process.cpuUsage()
  let after = ''
  for (let n = 0; n < 20; n++) {
    const page = await reads.search({ text: 'user05', after, limit: 50 })
    expect(page.accounts[0]!.handle).toBe(`user05${String(n * 50).padStart(4, '0')}.test`)
    after = page.next!
  }
  const { user, system } = process.cpuUsage(before)
  // Twenty pages; one look at all rows takes longer than that.
  expect((user + system) / 1000).toBeLessThan(500)

  let turns = 0
  const turning = setInterval(() => (turns += 1), 0)
  expect(await openTotals(db).accounts()).toBe(100_000)
  clearInterval(turning)
  expect(turns).toBeGreaterThan(5)
})

describe.each([
  ['sqlite', null],
  ['postgres', server?.url],
] as const)('sums on %s', (_name, url) => {
  test('accounts, blobs, and those with the most', async (context) => {
    if (url === undefined) context.skip()
    const fixture = await openFixture(url ?? null)
    onTestFinished(() => fixture[Symbol.asyncDispose]())
    const { stores } = fixture
    expect(await stores.totals.accounts()).toBe(0)
    expect(await stores.totals.blobs(5)).toEqual({ bytes: 0, count: 0, largest: [] })
    const third: Did = 'did:plc:cccccccccccccccccccccccc'
    const accounts = [DID, OTHER, third].map((did, n) => accountChange(did, `n${n}.test`))
    await stores.apply({ accounts })
    const add = async (did: Did, cid: string, size: number): Promise<void> => {
      const blob = { cid, mimeType: 'image/png', size }
      const change = { type: 'upload', did, blob, now: 0, maxBytes: Infinity } as const
      expect((await stores.server.apply(change)).status).toBe('applied')
    }
    await add(DID, 'c1', 10)
    await add(DID, 'c2', 20)
    await add(OTHER, 'c1', 50)
    await add(third, 'c1', 1)
    expect(await stores.totals.blobs(2)).toEqual({
      bytes: 81,
      count: 4,
      largest: [
        { did: OTHER, bytes: 50 },
        { did: DID, bytes: 30 },
      ],
    })
    expect(await stores.totals.accounts()).toBe(3)
  })
})

test('the sums of SQLite, over slices', async () => {
  using db = openDatabase({ path: ':memory:' })
  db.raw.exec('CREATE TABLE blob (did TEXT, cid TEXT, size INTEGER, PRIMARY KEY (did, cid)) WITHOUT ROWID')
  const insert = db.prepare('INSERT INTO blob VALUES (?, ?, ?)')
  db.transaction(() => {
    for (let n = 0; n < 5001; n++) insert.run(`did:plc:${n % 3}`, `c${String(n).padStart(5, '0')}`, n % 3)
  })
  expect(await openTotals(db).blobs(2)).toEqual({
    bytes: 5001,
    count: 5001,
    largest: [
      { did: 'did:plc:2', bytes: 3334 },
      { did: 'did:plc:1', bytes: 1667 },
    ],
  })
})
