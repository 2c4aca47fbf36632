// Questions that the page and the status ask of the tables.

import { openState } from '@avocet/firehose/sqlite'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createDeadLetterReader } from '../src/queries/dead-letters.ts'
import { createLinkReader } from '../src/queries/links.ts'
import { createRepoReader, type RepoCounts } from '../src/queries/repos.ts'
import { openTables, opOf, REV, type Tables } from './support/tables.ts'

const HOUR = 3_600_000
const NOW = 1000 * HOUR
let tables: Tables
beforeEach(() => {
  tables = openTables()
  tables.now = NOW
  openState(tables.db)
})
afterEach(() => tables[Symbol.dispose]())

type Row = {
  status?: string
  flags?: string
  confirmed?: number | null
  source?: string | null
  partialSince?: string
  upstream?: string
}
function repo(name: string, row: Row = {}): void {
  const { status = 'synchronized', flags = '', confirmed = NOW, source = null, partialSince = null } = row
  const { upstream = 'active' } = row
  tables.db
    .prepare(`INSERT INTO repos (did, rev, status, attempts, upstream_status, local_status, flags, partial_since, confirmed_at, last_source)
              VALUES (?, ?, ?, 0, ?, 'active', ?, ?, ?, ?)`)
    .run(`did:web:${name}.example`, REV, status, upstream, flags, partialSince, confirmed, source)
}
function gap(source: string, at: number): void {
  tables.db.prepare('INSERT INTO cursors (source, seq, high, gap_at) VALUES (?, 1, 1, ?)').run(source, at)
}
const reader = () => createRepoReader(tables.db, () => tables.now)
const statusOf = (name: string): unknown => reader().get(`did:web:${name}.example`)?.status
const counts = (): RepoCounts => reader().counts()

describe('repos', () => {
  test('one that nobody knows', () => expect(reader().get('did:web:nobody.example')).toBe(null))

  test('one that is known in part, and since when', () => {
    repo('a', { flags: 'first-sighting,gap', partialSince: REV })
    repo('b')
    expect(reader().get('did:web:a.example')).toEqual({
      did: 'did:web:a.example',
      rev: REV,
      status: 'synchronized',
      reason: null,
      next_try: null,
      attempts: 0,
      flags: ['first-sighting', 'gap'],
      partialSince: REV,
      confirmedAt: NOW,
    })
    expect(reader().get('did:web:b.example')).toMatchObject({ flags: [], partialSince: null })
  })

  test('are unconfirmed from a gap of their source on, and no others', () => {
    gap('relay', NOW)
    repo('before', { confirmed: NOW - 1, source: 'relay' })
    repo('same', { confirmed: NOW, source: 'relay' })
    repo('after', { confirmed: NOW + 1, source: 'relay' })
    repo('never', { confirmed: null, source: 'relay' })
    repo('part', { confirmed: NOW - 1, source: 'relay#pds.example' })
    repo('any', { confirmed: NOW - 1, source: null })
    repo('elsewhere', { confirmed: NOW - 1, source: 'relay2' })
    repo('suspect', { confirmed: NOW - 1, source: 'relay', status: 'suspect' })
    expect(
      ['before', 'same', 'after', 'never', 'part', 'any', 'elsewhere', 'suspect'].map((name) => [
        name,
        statusOf(name),
      ]),
    ).toEqual([
      ['before', 'unconfirmed'],
      ['same', 'unconfirmed'],
      ['after', 'synchronized'],
      ['never', 'unconfirmed'],
      ['part', 'unconfirmed'],
      ['any', 'unconfirmed'],
      ['elsewhere', 'synchronized'],
      ['suspect', 'suspect'],
    ])
    expect(counts()).toMatchObject({ known: 8, unconfirmed: 5, synchronized: 2, suspect: 1, confirmed: 2 })
  })

  test('of deleted accounts are not unconfirmed for ever: nobody asks about them', () => {
    gap('relay', NOW)
    repo('deleted', { confirmed: NOW - 1, source: 'relay', upstream: 'deleted' })
    repo('taken-down', { confirmed: NOW - 1, source: 'relay', upstream: 'takendown' })
    expect(['deleted', 'taken-down'].map(statusOf)).toEqual(['synchronized', 'unconfirmed'])
    expect(counts()).toMatchObject({ known: 2, unconfirmed: 1, synchronized: 1 })
  })

  test('are counted by status; as confirmed only when they are whole, and were so within thirteen hours', () => {
    repo('whole')
    repo('lately', { confirmed: NOW - 13 * HOUR })
    repo('long-ago', { confirmed: NOW - 13 * HOUR - 1 })
    repo('part', { flags: 'gap' })
    repo('reading', { status: 'resyncing', flags: 'gap' })
    repo('gone', { status: 'terminal' })
    expect(counts()).toEqual({
      known: 6,
      synchronized: 4,
      partial: 1,
      confirmed: 2,
      withinMs: 13 * HOUR,
      unconfirmed: 0,
      suspect: 0,
      desynchronized: 0,
      resyncing: 1,
      terminal: 1,
    })
  })

  test('are counted 20 000 in a turn of the event loop, and the sums change when all are', async () => {
    const repos = reader()
    const insert = (from: number, to: number): void => {
      tables.db.raw.exec('BEGIN')
      for (let i = from; i < to; i++) repo(`a${i}`, i % 2 === 0 ? {} : { flags: 'gap' })
      tables.db.raw.exec('COMMIT')
    }
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    insert(100_000, 119_999)
    expect(repos.counts()).toMatchObject({ known: 19_999, synchronized: 19_999, partial: 9999 })
    insert(119_999, 140_001)
    for (let i = 0; i < 3; i++) {
      // Before all others, between them, and behind.
      const did = [`did:web:a0`, `did:web:a120000x`, 'did:web:b'][i]!
      tables.db
        .prepare(`INSERT INTO repos (did, status, reason, attempts, upstream_status, local_status, flags)
        VALUES (?, 'desynchronized', 'gap', 0, 'active', 'active', '')`)
        .run(did)
    }
    tables.now += 60_000
    expect(repos.counts().known).toBe(19_999)
    await turn()
    expect(repos.counts().known).toBe(19_999)
    await turn()
    expect(repos.counts()).toMatchObject({ known: 40_004, partial: 20_000, confirmed: 20_001 })
    // Reasons are those of all slices together.
    expect(repos.behind()).toEqual([{ status: 'desynchronized', reason: 'gap', repos: 3 }])
    // A start with as many: what was counted so far.
    const next = reader()
    expect(next.counts().known).toBe(20_000)
    await turn()
    expect(next.counts().known).toBe(40_000)
    await turn()
    expect(next.counts().known).toBe(40_004)
  })

  test('are counted anew only after half a second', () => {
    const repos = reader()
    expect(repos.counts().known).toBe(0)
    repo('a')
    tables.now += 499
    expect(repos.counts().known).toBe(0)
    tables.now += 60_000
    expect(repos.counts().known).toBe(1)
  })
})

describe('links', () => {
  const target = 'at://did:plc:x/a.b.c/1'
  const likeBy = (did: Did, ...rkeys: string[]): void =>
    tables.commit(
      did,
      rkeys.map((rkey) =>
        opOf('create', `com.example.like/${rkey}`, { subject: target, again: target, rkey }),
      ),
    )

  test('count the records of active accounts, each once', () => {
    likeBy('did:web:a.example', '1', '2')
    likeBy('did:web:b.example', '1')
    const links = createLinkReader(tables.db)
    expect(links.count(target)).toBe(3)
    tables.account('did:web:b.example', 'takendown')
    expect(links.count(target)).toBe(2)
    tables.account('did:web:b.example', null)
    expect(links.count(target)).toBe(3)
    expect(links.count(`${target}2`)).toBe(0)
  })

  test('are counted up to ten thousand', () => {
    likeBy('did:web:a.example', '1')
    const addMore = (count: number): unknown =>
      tables.db
        .prepare(`WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ?)
                  INSERT OR IGNORE INTO links SELECT target, path, collection, repo, record + n FROM links, more
                  WHERE record = 1`)
        .run(count)
    addMore(9998)
    const links = createLinkReader(tables.db)
    expect(links.count(target)).toBe(9999)
    addMore(10_001)
    expect(links.count(target)).toBe(10_000)
  })
})

test('fifty thousand links are read for one answer, those of accounts that are off among them', () => {
  const target = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
  for (const did of ['did:web:off.example', 'did:web:on.example'] as const) {
    tables.commit(did, [opOf('create', 'com.example.like/1', { subject: target })])
  }
  tables.account('did:web:off.example', 'takendown')
  const addMore = (from: number, to: number): unknown =>
    tables.db
      .prepare(`WITH RECURSIVE more(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM more WHERE n < ?)
                INSERT INTO links SELECT target, path, collection, repo, record + n FROM more,
                (SELECT * FROM links ORDER BY repo, record LIMIT 1)`)
      .run(from, to)
  const links = createLinkReader(tables.db)
  addMore(1, 49_998)
  expect(links.count(target)).toBe(1)
  addMore(49_999, 49_999)
  expect(links.count(target)).toBe(0)
})

test('dead letters: the newest first, so many', () => {
  for (const message of ['one', 'two', 'three'])
    tables.failure('signature-invalid', message, 'did:web:a.example')
  tables.failure('frame-malformed', 'four')
  const letters = createDeadLetterReader(tables.db)
  const of = { at: NOW, did: 'did:web:a.example', source: 's', seq: 1, reason: 'signature-invalid' }
  const found = letters.newest({ limit: 2, reason: 'signature-invalid' })
  expect(found).toEqual([
    { id: 3, ...of, message: 'three', hasFrame: false },
    { id: 2, ...of, message: 'two', hasFrame: false },
  ])
  expect(letters.newest({ limit: 2, before: 2 }).map(({ message }) => message)).toEqual(['one'])
  expect(letters.newest({ limit: 9 }).map(({ message }) => message)).toEqual(['four', 'three', 'two', 'one'])
  expect(letters.get(3)).toEqual({ ...found[0], frame: null })
  expect(letters.get(5)).toBe(null)
})

test('links are counted by records, however many places of them point there', () => {
  const target = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
  const places = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, target]))
  for (let i = 0; i < 260; i++) {
    tables.commit('did:web:a.example', [
      opOf('create', `com.example.note/${i}`, { i, pad: 'x'.repeat(10_000), ...places }),
    ])
  }
  // More of them than are read for one answer.
  expect(tables.db.prepare('SELECT count(*) AS n FROM links').get()).toEqual({ n: 52_000 })
  expect(createLinkReader(tables.db).count(target)).toBe(260)
})
