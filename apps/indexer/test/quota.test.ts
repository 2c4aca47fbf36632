// What one account may take on disk: past it the places of its records are kept without content, past twice as much nothing new is.

import { encode } from '@avocet/cbor'
import { type CID, cidForCbor, type DataObject } from '@avocet/data'
import type { VerifiedEvent, VerifiedOp } from '@avocet/firehose'
import { catalog } from '@avocet/lexicons/catalog'
import { beforeEach, describe, expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { createEventApplier } from '../src/index/apply.ts'
import { createExamine } from '../src/index/examine.ts'
import { createJudge } from '../src/index/validity.ts'
import { createRecordReader } from '../src/queries/records.ts'
import { startHost } from './support/host.ts'
import { eventually, query, startIndexer } from './support/indexer.ts'

const QUOTA = 100_000
const ADA = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const BEN = 'did:plc:vwzwgnygau7ed7b7wt5ux7y2'
const NOTE = 'com.example.note'

let db: ReturnType<typeof openIndexDatabase>
let applier: ReturnType<typeof createEventApplier>
let revs = 0
beforeEach(() => {
  db = openIndexDatabase(null)
  applier = createEventApplier({
    db,
    examine: createExamine(createJudge(catalog)),
    isWanted: () => true,
    quota: QUOTA,
    now: () => 1000,
    onNotice: () => {},
  })
})

type Change = readonly [
  rkey: string,
  record: DataObject | null,
  action?: VerifiedOp['action'],
  collection?: string,
]

function apply(did: string, ...changes: Change[]): void {
  const sent = new Set<string>()
  const ops = changes.map(([rkey, record, action = 'create', collection = NOTE]): VerifiedOp => {
    const recordBytes = record === null ? null : encode(record).slice()
    const cid = recordBytes === null ? null : cidForCbor(recordBytes)
    return {
      action,
      path: `${collection}/${rkey}`,
      collection,
      rkey,
      cid,
      record,
      recordBytes,
      prev: null,
      ...repeat(sent, cid),
    }
  })
  const head = cidForCbor(encode(++revs).slice())
  const event = {
    kind: 'commit',
    did,
    rev: `3kxyzabcde${revs}`,
    commit: head,
    data: head,
    ops,
    source: 'test',
    seq: revs,
  }
  db.transaction(() =>
    applier.apply({
      ...event,
      since: null,
      prevData: null,
      time: '2026-01-01T00:00:00Z',
      flags: [],
    } as unknown as VerifiedEvent),
  )
}
/** One block for all paths of a commit: only the first brings it. */
function repeat(sent: Set<string>, cid: CID | null): { isRepeat?: true } {
  if (cid === null || !sent.has(cid.toString())) {
    if (cid !== null) sent.add(cid.toString())
    return {}
  }
  return { isRepeat: true }
}
const note = (n: number, size = 1000): DataObject => ({ $type: NOTE, n, text: 'x'.repeat(size) })
const stored = (did: string): number =>
  Number(db.prepare('SELECT stored FROM accounts WHERE did = ?').get(did)!['stored'])
const labels = (did: string): Record<string, number> => {
  const rows = db.prepare(
    'SELECT validity, bytes IS NULL AS empty, count(*) AS n FROM record_list WHERE did = ? GROUP BY 1, 2',
  )
  return Object.fromEntries(
    rows.all(did).map((row) => [`${row['validity']}${row['empty'] ? ' empty' : ''}`, row['n'] as number]),
  )
}
const letters = (): { did: string; reason: string; message: string }[] =>
  db.prepare('SELECT did, reason, message FROM dead_letters ORDER BY id').all() as never
const bytes = (): number => {
  const value = (name: string): number => Number(Object.values(db.raw.prepare(`PRAGMA ${name}`).get()!)[0])
  return (value('page_count') - value('freelist_count')) * value('page_size')
}

describe('the room of one account', () => {
  test('what it takes is counted, and given back with the last of each', () => {
    apply(ADA, ['a', note(1)], ['b', note(1)], ['c', note(2)])
    const three = stored(ADA)
    const size = encode(note(1)).length
    apply(ADA, ['b', null, 'delete'])
    const two = stored(ADA)
    // A row, its key twice, and the content that was shared.
    expect(three - two).toBe(120 + 2 + 80 + size)
    expect(two).toBeGreaterThan(2 * (120 + 2 + size))
    expect(two).toBeLessThan(2 * (120 + 2 + size) + 300)
    apply(ADA, ['c', note(1), 'update'])
    apply(ADA, ['a', null, 'delete'], ['c', null, 'delete'])
    // The names of the account, the source and the collection stay.
    expect(stored(ADA)).toBeLessThan(300)
  })

  test('content goes as far as the room does, places as far again, then nothing new', () => {
    const before = bytes()
    for (let i = 0; i < 2000; i++) apply(ADA, [`k${String(i).padStart(4, '0')}`, note(i)])
    const { unknown, 'too-costly empty': empty } = labels(ADA)
    // The last that fits begins below the bound and ends at it or over it.
    expect(unknown! * 1200).toBeGreaterThan(QUOTA)
    expect((unknown! - 1) * 1160).toBeLessThan(QUOTA)
    expect(empty! * 131).toBeGreaterThan(QUOTA - 2000)
    expect((empty! - 1) * 130).toBeLessThan(QUOTA)
    expect(unknown! + empty!).toBeLessThan(2000)
    expect(stored(ADA)).toBeGreaterThanOrEqual(2 * QUOTA)
    expect(stored(ADA)).toBeLessThan(2 * QUOTA + 2000)
    // The log and the letters are bounded by themselves.
    db.raw.exec('DELETE FROM log_rows; DELETE FROM dead_letters')
    expect(bytes() - before).toBeLessThan(2.2 * QUOTA + 65_536)
  })

  test('each event over it is told once, with the first of its records', () => {
    apply(ADA, ['big', note(0, QUOTA)])
    expect(letters()).toEqual([])
    apply(ADA, ['a', note(1)], ['b', note(2)], ['big', null, 'delete'])
    expect(letters()).toEqual([
      {
        did: ADA,
        reason: 'too-costly',
        message: `account has used up its room on disk; path=${NOTE}/a records=2`,
      },
    ])
    expect(labels(ADA)).toEqual({ 'too-costly empty': 2 })
    // There is room again.
    apply(ADA, ['c', note(3)])
    expect(letters()).toHaveLength(1)
    expect(labels(ADA)).toEqual({ 'too-costly empty': 2, unknown: 1 })
  })

  test('what is there already follows the account, whatever its room', () => {
    apply(ADA, ['mine', note(1)], ['big', note(0, QUOTA)])
    for (let i = 0; stored(ADA) < 2 * QUOTA; i++) apply(ADA, [`k${i}`, note(i + 10)])
    apply(ADA, ['new', note(3)], ['other', note(4), 'create', 'com.example.other'])
    apply(ADA, ['mine', note(2), 'update'])
    const records = createRecordReader(db)
    expect(records.record(ADA, NOTE, 'mine')).toMatchObject({
      cid: cidForCbor(encode(note(2)).slice()).toString(),
      bytes: null,
      validity: 'too-costly',
      reason: 'the account has used up its room',
    })
    expect(records.record(ADA, NOTE, 'new')).toBe(null)
    expect(records.collections(ADA)).toEqual([NOTE])
    apply(ADA, ['mine', null, 'delete'])
    expect(records.record(ADA, NOTE, 'mine')).toBe(null)
  })

  test('names count, and stay counted', () => {
    apply(ADA, ['a', note(1)])
    const before = stored(ADA)
    const long = `com.example.${'n'.repeat(60)}`
    apply(ADA, ['a', note(1), 'create', long])
    apply(ADA, ['a', null, 'delete', long])
    expect(stored(ADA) - before).toBe(2 * long.length + 16)
  })

  test('others have their own', () => {
    apply(ADA, ['big', note(0, 3 * QUOTA)])
    apply(ADA, ['a', note(1)])
    apply(BEN, ['a', note(1)])
    expect(labels(ADA)).toEqual({ unknown: 1 })
    expect(labels(BEN)).toEqual({ unknown: 1 })
    expect(letters().map(({ did }) => did)).toEqual([ADA])
  })
})

test('the stream goes on, and the status tells', async () => {
  await using host = await startHost()
  const [ada, ben] = [await host.createAccount('ada'), await host.createAccount('ben')]
  await using indexer = await startIndexer(host, { accountQuota: QUOTA })
  const write = (account: typeof ada, rkey: string, size: number) =>
    host.write(account, [{ action: 'create', collection: NOTE, rkey, record: note(size, size) }])
  for (let i = 0; i < 6; i++) await write(ada, `k${i}`, 50_000 + i)
  await write(ben, 'k', 1000)
  await eventually(() => indexer.status().totals.records === 7)
  await eventually(() => indexer.status().repos.synchronized === 2)
  const { overQuota, failures } = indexer.status()
  expect(overQuota).toBe(1)
  expect(failures.byReason).toEqual([expect.objectContaining({ reason: 'too-costly', count: 4 })])
  const about = { repo: ada.did, collection: NOTE }
  expect((await query(indexer, 'com.atproto.repo.listRecords', about)).body['records']).toHaveLength(2)
  expect(await query(indexer, 'com.atproto.repo.getRecord', { ...about, rkey: 'k5' })).toMatchObject({
    status: 400,
    body: { error: 'RecordTooCostly' },
  })
})
