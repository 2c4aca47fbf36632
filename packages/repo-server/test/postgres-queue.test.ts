// Commits that share a transaction: each stands for itself.
import { createKeypair } from '@avocet/crypto'
import { cidForCbor, formatCid } from '@avocet/data'
import { openDatabase, type PostgresDatabase } from '@avocet/postgres'
import { applyWrites, prepareWrite, toCommitEvent } from '@avocet/repo'
import { createTidClock, type Datetime, type Did } from '@avocet/syntax'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  createKeyedLock,
  createRepoWriter,
  type CommitChange,
  type Outcome,
  type RecordWrite,
  type RepoWriter,
} from '../src/index.ts'
import { openRepoServerStore, type PostgresRepoServerStore } from '../src/postgres/index.ts'

const server = await startPostgres()
const key = createKeypair('k256')
const tids = createTidClock()
const POST = 'app.bsky.feed.post'
const didOf = (n: number): Did => `did:web:w${n}.example.com`
let schemas = 0

describe.skipIf(server === null)('commits on postgres', () => {
  afterAll(() => server?.close())

  let db: PostgresDatabase
  let store: PostgresRepoServerStore
  let schema: string
  /** Statements that made commits, and how many commits each had. */
  let statements: number[]
  /** Another process on the same tables. */
  let other: { db: PostgresDatabase; store: PostgresRepoServerStore }

  beforeEach(async () => {
    schema = `queue_${process.pid}_${schemas++}`
    {
      await using admin = openDatabase({ url: server!.url, poolSize: 1 })
      await admin.query(`CREATE SCHEMA ${schema}`)
    }
    db = openDatabase({ url: server!.url, schema })
    statements = []
    const counted: PostgresDatabase = {
      ...db,
      query: (sql, values, name) => {
        if (sql.includes('repo_server_commit_2')) statements.push((values![2] as unknown[]).length)
        return db.query(sql, values, name)
      },
    }
    store = await openRepoServerStore(counted)
    const theirs = openDatabase({ url: server!.url, schema })
    other = { db: theirs, store: await openRepoServerStore(theirs) }
  })
  afterEach(async () => {
    for (const side of [other, { db, store }]) {
      await side.store[Symbol.asyncDispose]()
      if (side.db === db) await db.query(`DROP SCHEMA ${schema} CASCADE`)
      await side.db.close()
    }
  })

  /** A commit on the newest head: the first, or a post. */
  const changeOf = async (did: Did, rkey?: string): Promise<CommitChange> => {
    const head = await store.repos.getHead(did)
    const write =
      rkey === undefined
        ? []
        : [
            prepareWrite({
              action: 'create',
              collection: POST,
              rkey,
              record: { $type: POST, text: `${did} ${rkey}` },
            }),
          ]
    const commit = await applyWrites({
      did,
      head,
      store: store.repos,
      writes: write,
      signer: key,
      rev: tids.nextAfter(head?.rev ?? null),
    })
    const events = [
      { did, type: '#commit' as const, body: toCommitEvent(commit, new Date().toISOString() as Datetime) },
    ]
    const records = write.map(({ cid }) => ({
      collection: POST,
      rkey: rkey!,
      cid: formatCid(cid!),
      links: [],
      blobs: [],
      replaces: false,
    }))
    return { type: 'commit', did, commit, records, claims: [], events }
  }
  const makeAll = async (count: number): Promise<void> => {
    const changes = await Promise.all(Array.from({ length: count }, (_, n) => changeOf(didOf(n))))
    await Promise.all(changes.map((change) => store.apply(change)))
    statements.length = 0
  }
  const posts = (count: number, rkey = 'one'): Promise<CommitChange[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => changeOf(didOf(n), rkey)))
  /** A transaction of another process that has locked something, until it is disposed of. */
  const hold = async (sql: string, values: unknown[] = []): Promise<AsyncDisposable> => {
    const locked = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const over = other.db.transaction(async (tx) => {
      await tx.query(sql, values)
      locked.resolve()
      await end.promise
    })
    await locked.promise
    return {
      [Symbol.asyncDispose]: () => {
        end.resolve()
        return over
      },
    }
  }
  const statuses = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ status }) => status)
  const seqs = async (): Promise<number[]> =>
    (await store.log.read(0, { count: 1000, bytes: 1e9 })).map(({ seq }) => seq)
  const recordsOf = (n: number): Promise<number> => store.records.count(didOf(n))

  it('that come together share transactions of sixteen, and are told of in the order of their numbers', async () => {
    await makeAll(40)
    const told: number[] = []
    store.onEvent(({ seq }) => told.push(seq))
    const outcomes = await Promise.all((await posts(40)).map((change) => store.apply(change)))
    expect(statuses(outcomes)).toEqual(Array.from({ length: 40 }, () => 'applied'))
    expect(statements).toEqual([16, 16, 8])
    const numbers = outcomes.flatMap((outcome) => (outcome.status === 'applied' ? outcome.seqs : []))
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => 41 + n))
    expect(await seqs()).toEqual(Array.from({ length: 80 }, (_, n) => 1 + n))
    // Two transactions end in any order; those of one are told of in theirs.
    expect(told.toSorted((a, b) => a - b)).toEqual(numbers.toSorted((a, b) => a - b))
    expect(numbers.slice(0, 16)).toEqual(numbers.slice(0, 16).toSorted((a, b) => a - b))
    for (const n of [0, 15, 16, 39]) {
      expect([await recordsOf(n), (await store.repos.size(didOf(n))).blocks]).toEqual([1, 3])
    }
  })

  it('one that came too late, or is refused, writes nothing and leaves the others', async () => {
    await makeAll(4)
    const late = await changeOf(didOf(1), 'late')
    await store.apply(await changeOf(didOf(1), 'first'))
    const changes = await posts(4)
    changes[1] = late
    await store.apply({ type: 'status', did: didOf(2), status: 'deactivated', events: [] })
    statements.length = 0
    const before = await store.repos.size(didOf(1))
    const outcomes = await Promise.all(changes.map((change) => store.apply(change)))
    expect(outcomes).toEqual([
      { status: 'applied', seqs: [6], orphans: [] },
      { status: 'stale' },
      { status: 'refused', code: 'account-deactivated', message: 'Account is deactivated' },
      { status: 'applied', seqs: [7], orphans: [] },
    ])
    expect(statements).toEqual([4])
    expect(await store.repos.size(didOf(1))).toEqual(before)
    expect([await recordsOf(0), await recordsOf(1), await recordsOf(2), await recordsOf(3)]).toEqual([
      1, 1, 0, 1,
    ])
  })

  it('one whose repository another process is at work on waits, and the others do not', async () => {
    await makeAll(5)
    const changes = await posts(5)
    await using held = await hold(
      'SELECT pg_advisory_xact_lock(hashtextextended(did, 7)) FROM unnest($1::text[]) AS d (did)',
      [[didOf(1), didOf(3), didOf(4)]],
    )
    const applied: number[] = []
    const apply = async (n: number): Promise<Outcome> => {
      const outcome = await store.apply(changes[n]!)
      applied.push(n)
      return outcome
    }
    // As many that come by themselves as there are transactions at a time: each is tried, then waits.
    const alone = [apply(3)]
    await expect.poll(() => statements).toEqual([1, 1])
    alone.push(apply(4))
    await expect.poll(() => statements).toEqual([1, 1, 1, 1])
    const all = [0, 1, 2].map(apply)
    expect(statuses([await all[0]!, await all[2]!])).toEqual(['applied', 'applied'])
    expect(applied).toEqual([0, 2])
    // Those that come after it are not held up either.
    expect((await store.apply(await changeOf(didOf(0), 'two'))).status).toBe('applied')
    expect(applied).toEqual([0, 2])
    await held[Symbol.asyncDispose]()
    expect(statuses(await Promise.all([all[1]!, ...alone]))).toEqual(['applied', 'applied', 'applied'])
    expect(await recordsOf(1)).toBe(1)
  })

  it('one that the server cannot take fails alone', async () => {
    await makeAll(4)
    const changes = await posts(4)
    const broken: CommitChange = {
      ...changes[2]!,
      records: [{ ...changes[2]!.records[0]!, rkey: 'no\u0000text' }],
    }
    const results = await Promise.allSettled(
      [changes[0]!, changes[1]!, broken, changes[3]!].map((change) => store.apply(change)),
    )
    expect(results.map((one) => (one.status === 'fulfilled' ? one.value.status : one.reason.code))).toEqual([
      'applied',
      'applied',
      '22021',
      'applied',
    ])
    // Together, then each alone.
    expect(statements).toEqual([4, 1, 1, 1, 1])
    expect(await recordsOf(2)).toBe(0)
    expect((await store.apply(changes[2]!)).status).toBe('applied')
  })

  it('a connection that is lost on the way fails what was on it, which is not sent again', async () => {
    await makeAll(3)
    const changes = await posts(3)
    // Whoever inserts an event waits for the lock on its table.
    await using held = await hold('LOCK TABLE event IN EXCLUSIVE MODE')
    const all = Promise.allSettled(changes.map((change) => store.apply(change)))
    const waits = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%repo_server_commit_2%'`
    await expect.poll(async () => (await other.db.query(waits)).length).toBe(1)
    await other.db.query(`SELECT pg_terminate_backend(pid) FROM (${waits}) AS waiting`)
    expect((await all).map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected'])
    await held[Symbol.asyncDispose]()
    expect(statements).toEqual([3])
    expect([await recordsOf(0), await recordsOf(1), await recordsOf(2)]).toEqual([0, 0, 0])
  })

  it('a hundred of one account hold up no other', async () => {
    await makeAll(2)
    const [change, last] = (await posts(2)) as [CommitChange, CommitChange]
    const order: number[] = []
    const many = Array.from({ length: 100 }, async () => {
      const outcome = await store.apply(change)
      order.push(0)
      return outcome
    })
    const one = await store.apply(last)
    expect(one.status).toBe('applied')
    // It went with the first of them.
    expect([statements[0], order.length]).toEqual([2, 1])
    const outcomes = statuses(await Promise.all(many))
    expect(outcomes).toEqual(['applied', ...Array.from({ length: 99 }, () => 'stale')])
    // One after the other: none was tried while the one before was on its way.
    expect(statements.length).toBe(100)
  })

  it('those without a ticket are stale while somebody waits for its turn, the others are not', async () => {
    await makeAll(3)
    await using turn = await other.store.turn!(didOf(1))
    const changes = await posts(3)
    const outcomes = await Promise.all(changes.map((change) => store.apply(change)))
    expect(statuses(outcomes)).toEqual(['applied', 'stale', 'applied'])
    expect((await turn!.apply(changes[1]!)).status).toBe('applied')
    expect((await store.apply(await changeOf(didOf(1), 'two'))).status).toBe('applied')
  })

  it('large ones do not make a transaction longer than a quarter of a megabyte', async () => {
    await makeAll(5)
    const changes = await posts(5)
    const padded = changes.map((change) => {
      const bytes = new Uint8Array(100_000)
      const cid = cidForCbor(bytes)
      change.commit.newBlocks.set(cid, bytes)
      change.commit.references.set(cid, 1)
      return change
    })
    await Promise.all(padded.map((change) => store.apply(change)))
    expect(statements).toEqual([2, 2, 1])
  })

  it('are made on tables of the former version, whose processes go on beside', async () => {
    await db.query('DROP FUNCTION repo_server_commit_2')
    await db.query("UPDATE schema_versions SET version = 3 WHERE name = 'records'")
    const former = async ({ did, commit, records, events }: CommitChange): Promise<unknown> => {
      const added = [...commit.references].filter(([, change]) => change > 0)
      const gone = [...commit.references].filter(([, change]) => change < 0)
      const blocks = added.map(([cid]) => commit.newBlocks.get(cid)!)
      const prepared = events.map((event) => store.log.prepare(event))
      const digests = (entries: typeof added): Buffer =>
        Buffer.concat(entries.map(([cid]) => cid.bytes.subarray(4)))
      const values = [
        did,
        commit.prevCommit?.bytes ?? null,
        commit.rev,
        commit.data.bytes,
        commit.commit.bytes,
        'active',
        ['active'],
        digests(added),
        added.map(([, change]) => change),
        blocks.map(({ length }) => length),
        Buffer.concat(blocks),
        digests(gone),
        gone.map(([, change]) => -change),
        records.map(({ collection }) => collection),
        records.map(({ rkey }) => rkey),
        records.map(({ cid }) => cid),
        ...Array.from({ length: 9 }, () => []),
        prepared.map((event) => event.did),
        prepared.map(({ time }) => time),
        prepared.map(({ at }) => at),
        prepared.map(({ frame }) => frame.length),
        Buffer.concat(prepared.map(({ frame }) => frame)),
        null,
      ]
      const places = values.map((_, n) => `$${n + 1}`).join(', ')
      const [row] = await db.query(`SELECT outcome, seqs FROM repo_server_commit_1(${places})`, values)
      return [row!['outcome'], row!['seqs']]
    }
    expect(await former(await changeOf(didOf(0)))).toEqual(['applied', ['1']])
    expect(await former(await changeOf(didOf(0), 'one'))).toEqual(['applied', ['2']])
    await using now = await openRepoServerStore(db)
    const [ours, theirs] = [await changeOf(didOf(0), 'two'), await changeOf(didOf(0), 'three')]
    expect(await now.apply(ours)).toEqual({ status: 'applied', seqs: [3], orphans: [] })
    expect(await former(theirs)).toEqual(['stale', null])
    expect(await former(await changeOf(didOf(0), 'three'))).toEqual(['applied', ['4']])
    expect((await now.apply(await changeOf(didOf(0), 'four'))).status).toBe('applied')
    expect([await recordsOf(0), await seqs()]).toEqual([4, [1, 2, 3, 4, 5]])
    // A commit, a node and the records.
    expect((await store.repos.size(didOf(0))).blocks).toBeGreaterThanOrEqual(6)
  })

  describe('built on a head that is remembered', () => {
    let reads: number
    let writer: RepoWriter
    const write = (rkey: string, more: Partial<RecordWrite> = {}): RecordWrite =>
      ({
        action: 'create',
        collection: POST,
        rkey,
        record: { record: { $type: POST, text: rkey }, status: 'valid', blobs: [] },
        ...more,
      }) as RecordWrite
    const parts = { signerOf: () => key, tids, discard: async () => {} }

    beforeEach(async () => {
      await makeAll(1)
      reads = 0
      const counted = {
        ...store,
        ground: (...args: Parameters<typeof store.ground>) => (reads++, store.ground(...args)),
      }
      writer = createRepoWriter({ store: counted, locks: createKeyedLock(), ...parts })
    })
    const did = didOf(0)

    it('a writer alone reads nothing from its third commit on', async () => {
      const counts: number[] = []
      for (const rkey of ['a', 'b', 'c', 'd']) {
        await writer.write(did, [write(rkey)])
        counts.push(reads)
      }
      // The first follows the one that made the repository.
      expect(counts).toEqual([1, 1, 1, 1])
      expect(await recordsOf(0)).toBe(4)
    })

    it('is built again where another process was there before', async () => {
      const theirs = createRepoWriter({ store: other.store, locks: createKeyedLock(), ...parts })
      await writer.write(did, [write('a')])
      await writer.write(did, [write('b')])
      const { commit } = await theirs.write(did, [write('c')])
      const before = reads
      await writer.write(did, [write('d')])
      expect(reads).toBe(before + 1)
      expect(await recordsOf(0)).toBe(4)
      // From then on it reads, until two of its own come one after the other.
      await theirs.write(did, [write('e')])
      await writer.write(did, [write('f')])
      expect(reads).toBe(before + 2)
      await writer.write(did, [write('g')])
      expect(reads).toBe(before + 3)
      await writer.write(did, [write('i')])
      expect(reads).toBe(before + 3)
      await expect(writer.write(did, [write('h')], commit!.cid)).rejects.toMatchObject({
        code: 'invalid-swap',
      })
    })

    it('answers as the rows say, not as it remembers', async () => {
      const theirs = createRepoWriter({ store: other.store, locks: createKeyedLock(), ...parts })
      await writer.write(did, [write('a')])
      await writer.write(did, [write('b')])
      await expect(writer.write(did, [write('b')])).rejects.toMatchObject({ code: 'record-exists' })
      const { commit } = await theirs.write(did, [{ action: 'delete', collection: POST, rkey: 'a' }])
      // Remembered as there, and as the head: it is neither.
      expect((await writer.write(did, [write('a')], commit!.cid)).commit).not.toBe(null)
      await writer.write(did, [write('c')])
      await theirs.write(did, [
        write('c', {
          action: 'put',
          record: { record: { $type: POST, text: 'other' }, status: 'valid', blobs: [] },
        }),
      ])
      expect((await writer.write(did, [write('c', { action: 'put' })])).commit).not.toBe(null)
      await other.store.apply({ type: 'status', did, status: 'deactivated', events: [] })
      await expect(writer.write(did, [write('d')])).rejects.toMatchObject({ code: 'account-deactivated' })
    })
  })
})
