// The sampled audit: whom it draws, what it finds, what it may cost, and what it claims.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { openState } from '@avocet/firehose/sqlite'
import type { Did } from '@avocet/syntax'
import { createRandom } from '@avocet/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Indexer } from '../src/app.ts'
import { coverage } from '../src/commands/report-coverage.ts'
import { type Audit, type AuditBudget, createByteMeter, startAudit } from '../src/coverage/audit.ts'
import { type AuditLog, createAuditLog } from '../src/coverage/audit-log.ts'
import type { CompareRepo, Comparison, Difference } from '../src/coverage/compare.ts'
import { upperBound } from '../src/coverage/confidence.ts'
import { createSample } from '../src/coverage/sample.ts'
import { createRepoReader } from '../src/queries/repos.ts'
import { post, startHost } from './support/host.ts'
import { eventually, indexed, startIndexer } from './support/indexer.ts'
import { openTables, opOf, REV, type Tables } from './support/tables.ts'

const DAY = 86_400_000
let tables: Tables
beforeEach(() => {
  tables = openTables()
  openState(tables.db)
})
afterEach(() => tables[Symbol.dispose]())
const { signal } = new AbortController()

function repo(did: string, status = 'synchronized', flags = ''): void {
  tables.db
    .prepare(
      `INSERT INTO repos (did, rev, status, attempts, upstream_status, local_status, flags) VALUES (?, ?, ?, 0, 'active', 'active', ?)`,
    )
    .run(did, REV, status, flags)
}

describe('confidence', () => {
  test('without a hit it is the rule of three, and exact', () => {
    expect(upperBound(300, 0, 0.95)).toBeCloseTo(1 - 0.05 ** (1 / 300), 12)
    expect(upperBound(300, 0, 0.95)).toBeCloseTo(3 / 300, 3)
    expect(upperBound(1, 0, 0.95)).toBeCloseTo(0.95, 12)
  })

  test('as tables of Clopper and Pearson have it', () => {
    // Upper ends of one-sided 95 % intervals.
    expect(upperBound(10, 1, 0.95)).toBeCloseTo(0.3942, 4)
    expect(upperBound(20, 3, 0.95)).toBeCloseTo(0.3437, 4)
    expect(upperBound(100, 5, 0.95)).toBeCloseTo(0.1023, 4)
    expect(upperBound(5, 5, 0.95)).toBe(1)
    expect(upperBound(50_000, 20_000, 0.95)).toBeGreaterThan(0.4)
    expect(upperBound(50_000, 20_000, 0.95)).toBeLessThan(0.404)
  })

  test('what it claims holds for at least 95 of 100 samples', () => {
    const random = createRandom(7)
    const share = 0.03
    let holds = 0
    for (let round = 0; round < 2000; round++) {
      let hits = 0
      for (let i = 0; i < 100; i++) if (random.below(10_000) < share * 10_000) hits++
      if (upperBound(100, hits, 0.95) >= share) holds++
    }
    expect(holds / 2000).toBeGreaterThan(0.94)
  })
})

describe('the sample', () => {
  test('takes every complete repo as often as any other, and no other', async () => {
    // DIDs that stand far apart and close together.
    for (let i = 0; i < 100; i++)
      repo(`did:plc:${i < 90 ? `aaaa${String(i).padStart(3, '0')}` : 'bcdefghijk'[i - 90]}`)
    repo('did:plc:broken', 'desynchronized')
    repo('did:plc:part', 'synchronized', 'gap')
    const random = createRandom(3)
    const times = new Map<string, number>()
    for (let walk = 0; walk < 200; walk++) {
      const sample = createSample(tables.db, () => random.below(2 ** 30) / 2 ** 30)
      const drawn = new Set<string>()
      for (let i = 0; i < 64; i++) drawn.add((await sample.next(signal))!)
      // None twice in a walk.
      expect(drawn.size).toBe(64)
      for (const did of drawn) times.set(did, (times.get(did) ?? 0) + 1)
    }
    expect(times.size).toBe(100)
    expect([times.has('did:plc:broken'), times.has('did:plc:part')]).toEqual([false, false])
    // 128 each, give or take seven.
    for (const count of times.values()) expect(Math.abs(count - 128)).toBeLessThan(35)
  })

  test('of none there is none', async () => {
    repo('did:plc:broken', 'desynchronized')
    expect(await createSample(tables.db).next(signal)).toBe(null)
  })
})

describe('the log of audits', () => {
  const DID: Did = 'did:plc:ada'
  const audited = {
    at: 0,
    did: DID,
    result: 'same',
    reason: null,
    records: 10,
    different: 0,
    bytes: 100,
  } as const
  const logOf = (): AuditLog => createAuditLog(tables.db, () => tables.now)

  test('sums what was compared in a month, and keeps it over a start', async () => {
    const log = logOf()
    expect(log.sums()).toMatchObject({ since: null, repos: 0, reposDifferentAtMost: null, last: null })
    const at = tables.now
    for (let i = 0; i < 19; i++) await log.add({ ...audited, at }, [])
    await log.add({ ...audited, at, result: 'different', different: 2 }, [])
    await log.add({ ...audited, at, result: 'unknown', reason: 'fetch-failed', records: 0 }, [])
    const sums = {
      since: at,
      repos: 20,
      reposDifferent: 1,
      reposUnknown: 1,
      records: 200,
      recordsDifferent: 2,
      confidence: 0.95,
      reposDifferentAtMost: upperBound(20, 1, 0.95),
      last: { at, did: DID, result: 'unknown' },
    }
    expect(log.sums()).toEqual(sums)
    expect(logOf().sums()).toEqual(sums)
    expect(log.bytesToday()).toBe(2100)
    tables.now += DAY + 1
    expect(log.bytesToday()).toBe(0)
    expect(logOf().sums().repos).toBe(20)
    tables.now += 30 * DAY
    expect(logOf().sums().repos).toBe(0)
    await log.add({ ...audited, at: tables.now }, [])
    expect(tables.one('SELECT count(*) AS n FROM audits')).toEqual({ n: 1 })
  })

  test('a difference is a dead letter and a failure', async () => {
    const differences: Difference[] = Array.from({ length: 9 }, (_, i) => ({
      kind: 'missing',
      path: `com.example.x/${i}`,
      expected: 'bafy',
      found: null,
    }))
    await logOf().add({ ...audited, result: 'different', different: 9 }, differences)
    expect(tables.one('SELECT reason, count FROM failures')).toEqual({ reason: 'audit-difference', count: 1 })
    expect(tables.one('SELECT did, source, reason, message FROM dead_letters')).toMatchObject({
      did: DID,
      source: 'audit',
      reason: 'audit-difference',
      message: expect.stringMatching(/records=9: missing com.example.x\/0, .*x\/4$/),
    })
  })

  test('a row whose bytes are others gets the CID that they have, so that a reading sees it', async () => {
    const [one, other] = [
      opOf('create', 'com.example.x/1', { a: 1 }),
      opOf('create', 'com.example.x/2', { a: 2 }),
    ]
    tables.commit(DID, [one, other])
    tables.db.raw.exec(
      "UPDATE records SET bytes = (SELECT bytes FROM records WHERE rkey = '2') WHERE rkey = '1'",
    )
    const found = String(other.cid)
    await logOf().add({ ...audited, result: 'different', different: 1 }, [
      { kind: 'damaged', path: 'com.example.x/1', expected: String(one.cid), found },
    ])
    const cids = tables.db.prepare('SELECT DISTINCT hex(cid) AS cid FROM records').all()
    expect(cids).toHaveLength(1)
  })
})

describe('the audit', () => {
  const DID: Did = 'did:plc:ada'
  let audit: Audit
  let asked: number
  let read: Did[]
  afterEach(() => audit.stop())
  const value: Comparison = {
    did: DID,
    rev: REV,
    indexRev: REV,
    records: 10,
    differences: [],
    different: 0,
    unsettled: 0,
    fetches: 1,
  }
  function start(
    answers: Awaited<ReturnType<CompareRepo>>[],
    budget: Partial<AuditBudget> = {},
    onAsk = (): void => {},
  ): void {
    asked = 0
    read = []
    audit = startAudit({
      budget: { perMinute: 6000, bytesPerDay: 1000, ...budget },
      sample: { next: async () => DID },
      repos: createRepoReader(tables.db, () => tables.now),
      compare: async () => {
        onAsk()
        return answers[Math.min(asked++, answers.length - 1)]!
      },
      meter: { take: () => 100 },
      log: createAuditLog(tables.db, () => tables.now),
      requestResync: async (did) => void read.push(did),
      onTrouble: () => {},
      now: () => tables.now,
    })
  }

  test('stays within the bytes of a day', async () => {
    repo(DID)
    start([{ ok: true, value }])
    await eventually(() => asked === 10)
    await delay(100)
    expect(asked).toBe(10)
    expect(audit.report()).toMatchObject({ repos: 10, bytesToday: 1000, bytesPerDay: 1000, perMinute: 6000 })
    tables.now += DAY + 1
    await eventually(() => asked > 10)
  })

  test('what differs is read anew; what became incomplete meanwhile is none of its business', async () => {
    repo(DID)
    const differs = { ok: true, value: { ...value, different: 3 } } as const
    start([differs, { ok: true, value }])
    await eventually(() => asked >= 2 && audit.report().repos >= 2)
    expect(read).toEqual([DID])
    expect(audit.report()).toMatchObject({ reposDifferent: 1, recordsDifferent: 3 })
    await audit.stop()
    start([differs], {}, () => tables.db.raw.exec("UPDATE repos SET status = 'desynchronized'"))
    await eventually(() => audit.report().reposUnknown === 1)
    await delay(50)
    expect([asked, read]).toEqual([1, []])
  })

  test('what cannot be compared is told apart; off is off', async () => {
    repo(DID)
    const error = { code: 'fetch-failed', message: 'no', retryAfterMs: null } as const
    start([
      { ok: false, error },
      { ok: true, value: { ...value, unsettled: 1 } },
      { ok: true, value },
    ])
    await eventually(() => audit.report().repos > 0)
    expect(audit.report()).toMatchObject({ reposUnknown: 2 })
    await audit.stop()
    start([{ ok: true, value }], { perMinute: 0 })
    await delay(100)
    expect(asked).toBe(0)
  })

  test('a comparison that fails stops nothing', async () => {
    repo(DID)
    let first = true
    start([{ ok: true, value }], {}, () => {
      if (first) {
        first = false
        throw new Error('broken')
      }
    })
    await eventually(() => audit.report().repos > 0)
    expect(audit.report()).toMatchObject({ reposDifferent: 0, reposUnknown: 0 })
  })
})

test('bytes are counted as they are read', async () => {
  const meter = createByteMeter(async () => new Response('x'.repeat(1234)))
  await (await meter.fetch('http://a.example', { signal })).text()
  expect([meter.take(), meter.take()]).toEqual([1234, 0])
})

describe('a running indexer', () => {
  let indexer: Indexer
  const get = async (path: string): Promise<Response> => fetch(`${indexer.url}${path}`)

  test('finds what was removed behind its back, tells it, and reads it anew', async () => {
    await using host = await startHost()
    const account = await host.createAccount('ada')
    await host.write(
      account,
      Array.from({ length: 20 }, (_, i) => ({
        action: 'create' as const,
        collection: 'app.bsky.feed.post',
        rkey: `3kxyzabc${String(i).padStart(5, '2')}`,
        record: post(`post ${i}`),
      })),
    )
    const folder = mkdtempSync(join(tmpdir(), 'avocet-audit-'))
    try {
      await using running = await startIndexer(host, {
        dataFolder: folder,
        audit: { perMinute: 600, bytesPerDay: 2 ** 30 },
      })
      indexer = running
      await eventually(async () => (await indexed(indexer, account.did)).size === 20)
      await eventually(() => indexer.status().audit!.repos > 0)
      expect(indexer.status().audit).toMatchObject({ reposDifferent: 0, recordsDifferent: 0 })
      const db = new DatabaseSync(`${folder}/indexer.sqlite`)
      db.exec(`PRAGMA busy_timeout = 5000; DELETE FROM records WHERE rkey = '3kxyzabc22227';
        UPDATE records SET bytes = (SELECT bytes FROM records WHERE rkey = '3kxyzabc22229') WHERE rkey = '3kxyzabc22228'`)
      db.close()
      await eventually(() => indexer.status().audit!.reposDifferent > 0, 60_000)
      await eventually(async () => (await indexed(indexer, account.did)).size === 20, 20_000)
      const { audit, failures } = indexer.status()
      expect(audit).toMatchObject({ recordsDifferent: 2, confidence: 0.95 })
      expect(failures.byReason).toContainEqual(
        expect.objectContaining({ reason: 'audit-difference', fault: true }),
      )
      const repaired = await fetch(
        `${indexer.url}/xrpc/com.atproto.repo.getRecord?repo=${account.did}&collection=app.bsky.feed.post&rkey=3kxyzabc22228`,
      )
      await eventually(async () => {
        const answer = await fetch(repaired.url)
        return ((await answer.json()) as any).value.text === 'post 8'
      })

      const report = (await (await get('/coverage')).json()) as any
      expect(report).toMatchObject({
        synchronizedShare: 1,
        repos: { known: 1, synchronized: 1 },
        behind: [],
        unreachable: 0,
        sources: [{ url: host.wsUrl, state: 'live' }],
        overQuota: 0,
      })
      expect(report.audit.repos).toBeGreaterThan(0)
      const metrics = await get('/metrics')
      expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
      const text = await metrics.text()
      for (const line of [
        'indexer_repos{status="synchronized"} 1',
        'indexer_repos{status="terminal"} 0',
        // Who removes a row by hand does not take it from the sum.
        'indexer_records 21',
        'indexer_audited_repos{result="different"} 1',
        `indexer_source_connected{source="${host.wsUrl}"} 1`,
        'indexer_failures_total{reason="audit-difference",fault="true"} 1',
      ]) {
        expect(text.split('\n')).toContain(line)
      }
      // Asked again it says the same, and adds nothing up.
      expect(await (await get('/metrics')).text()).toContain(
        'indexer_failures_total{reason="audit-difference",fault="true"} 1\n',
      )
      expect((await fetch(`${indexer.url}/metrics`, { method: 'POST' })).status).toBe(405)

      const lines: string[] = []
      expect(await coverage({ url: indexer.url!, json: false }, (line) => lines.push(line))).toBe(0)
      expect(lines.join('\n')).toMatch(
        /1 known, 1 complete \(100 % of those[\s\S]*failures +1 audit-difference[\s\S]*audit +1 of \d+ repos and 2 of \d+ records differed/,
      )
      await expect(coverage({ url: 'http://127.0.0.1:9', json: true })).rejects.toThrow(
        /No indexer answers at/,
      )
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }, 90_000)
})

test('why repos are behind, by state and reason', () => {
  repo('did:plc:a')
  for (const [i, [status, reason]] of [
    ['desynchronized', 'fetch-failed'],
    ['desynchronized', 'fetch-failed'],
    ['desynchronized', 'gap'],
    ['terminal', 'repo-takendown'],
  ].entries()) {
    repo(`did:plc:x${i}`, status)
    tables.db.prepare('UPDATE repos SET reason = ? WHERE did = ?').run(reason!, `did:plc:x${i}`)
  }
  tables.db.raw.exec("INSERT INTO cursors (source, seq, high, gap_at) VALUES ('s', 1, 1, 5)")
  tables.db.raw.exec("UPDATE repos SET confirmed_at = 0, last_source = 's' WHERE did = 'did:plc:a'")
  const reader = createRepoReader(tables.db, () => tables.now)
  expect(reader.behind()).toEqual([
    { status: 'desynchronized', reason: 'fetch-failed', repos: 2 },
    { status: 'desynchronized', reason: 'gap', repos: 1 },
    { status: 'terminal', reason: 'repo-takendown', repos: 1 },
    { status: 'unconfirmed', reason: 'source-gap', repos: 1 },
  ])
})
