import { createKeypair } from '@avocet/crypto'
import { openDatabase, type PostgresDatabase } from '@avocet/postgres'
import { formatCid } from '@avocet/data'
import { applyWrites, exportRepo, importRepo, prepareWrite, type RepoStore } from '@avocet/repo'
import { createTidClock, type Did, type Tid } from '@avocet/syntax'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, describe, expect, it } from 'vitest'

import { createKeyedLock, createRepoWriter } from '../src/index.ts'
import { openRepoServerStore, type PostgresRepoServerStore } from '../src/postgres/index.ts'
import { describeRepoServerStore } from './store-conformance.ts'

const server = await startPostgres()
let schemas = 0
const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'

describe.skipIf(server === null)('postgres', () => {
  afterAll(() => server?.close())

  describeRepoServerStore('postgres', async () => {
    const { url } = server!
    const schema = `repo_server_${process.pid}_${schemas++}`
    {
      await using admin = openDatabase({ url, poolSize: 1 })
      await admin.query(`CREATE SCHEMA ${schema}`)
    }
    const db = openDatabase({ url, schema })
    const store = await openRepoServerStore(db)
    return {
      store,
      close: async () => {
        await store[Symbol.asyncDispose]()
        await db.query(`DROP SCHEMA ${schema} CASCADE`)
        await db.close()
      },
    }
  })

  it('four processes that write to one repository in step all come to their turn', async () => {
    const { url } = server!
    const schema = `repo_server_${process.pid}_${schemas++}`
    await using admin = openDatabase({ url, poolSize: 1 })
    await admin.query(`CREATE SCHEMA ${schema}`)
    const sides: { db: PostgresDatabase; store: PostgresRepoServerStore }[] = []
    for (let side = 0; side < 4; side++) {
      const db = openDatabase({ url, schema, poolSize: 4 })
      sides.push({ db, store: await openRepoServerStore(db) })
    }
    const key = createKeypair('k256')
    const first = { did: DID, head: null, store: sides[0]!.store.repos, writes: [], signer: key }
    const commit = await applyWrites({ ...first, rev: createTidClock().next() })
    await sides[0]!.store.apply({ type: 'commit', did: DID, commit, records: [], claims: [], events: [] })
    // A process that died with a ticket holds nobody up for longer than its ticket lasts.
    await admin.query(
      `INSERT INTO ${schema}.write_turn (did, until) VALUES ($1, clock_timestamp() + interval '100 ms')`,
      [DID],
    )
    const EACH = 12
    const builds: number[] = []
    await Promise.all(
      sides.map(async ({ store }, side) => {
        let built = 0
        const counted = {
          ...store,
          ground: (...args: Parameters<typeof store.ground>) => (built++, store.ground(...args)),
        }
        const parts = {
          signerOf: () => key,
          locks: createKeyedLock(),
          tids: createTidClock(),
          discard: async () => {},
        }
        const writer = createRepoWriter({ store: counted, ...parts })
        for (let n = 0; n < EACH; n++) {
          built = 0
          const record = { record: { $type: 'a.b.c', n, side }, status: 'valid', blobs: [] } as const
          // Each of the four goes on when its last write is in.
          await writer.write(DID, [{ action: 'create', collection: 'a.b.c', rkey: `r${side}-${n}`, record }])
          builds.push(built)
        }
      }),
    )
    expect(await sides[0]!.store.records.count(DID)).toBe(4 * EACH)
    // Two races, then its turn; one more where another took its ticket at the same moment.
    expect(Math.max(...builds)).toBeLessThanOrEqual(4)
    expect(
      await admin.query(
        `SELECT count(*)::integer AS n FROM ${schema}.write_turn WHERE until > clock_timestamp()`,
      ),
    ).toEqual([{ n: 0 }])
    for (const { db, store } of sides) {
      await store[Symbol.asyncDispose]()
      await db.close()
    }
    await admin.query(`DROP SCHEMA ${schema} CASCADE`)
  })

  it('a turn that nothing came of is free at once, and who waits for one keeps its place', async () => {
    const { url } = server!
    const schema = `repo_server_${process.pid}_${schemas++}`
    await using db = openDatabase({ url, schema })
    await db.query(`CREATE SCHEMA ${schema}`)
    await using store = await openRepoServerStore(db)
    const tickets = async (): Promise<boolean[]> => {
      const rows = await db.query(
        'SELECT until > clock_timestamp() AS counts FROM write_turn ORDER BY ticket',
      )
      return rows.map((row) => row['counts'] as boolean)
    }
    const first = (await store.turn!(DID))!
    await db.query("UPDATE write_turn SET until = clock_timestamp() + interval '1 hour'")
    const second = store.turn!(DID)
    await expect.poll(tickets).toEqual([true, true])
    // As it would be after seconds; whoever holds a turn has to come to an end by then, whoever waits has not.
    await db.query(
      'UPDATE write_turn SET until = clock_timestamp() WHERE ticket = (SELECT max(ticket) FROM write_turn)',
    )
    await expect.poll(tickets).toEqual([true, true])
    await first[Symbol.asyncDispose]()
    expect(await tickets()).toEqual([true])
    await (await second)![Symbol.asyncDispose]()
    expect(await tickets()).toEqual([])
    await db.query(`DROP SCHEMA ${schema} CASCADE`)
  })

  it('two processes write to one repository, and their events are one order', async () => {
    const { url } = server!
    const schema = `repo_server_${process.pid}_${schemas++}`
    await using admin = openDatabase({ url, poolSize: 1 })
    await admin.query(`CREATE SCHEMA ${schema}`)
    const open = async (): Promise<{ db: PostgresDatabase; store: PostgresRepoServerStore }> => {
      const db = openDatabase({ url, schema })
      return { db, store: await openRepoServerStore(db) }
    }
    // One after the other: both make the tables.
    const sides = [await open(), await open()]
    const key = createKeypair('k256')
    const tids = createTidClock()
    const [one] = sides
    const commit = await applyWrites({
      did: DID,
      head: null,
      store: one!.store.repos,
      writes: [],
      signer: key,
      rev: tids.next(),
    })
    await one!.store.apply({ type: 'commit', did: DID, commit, records: [], claims: [], events: [] })
    const told: number[][] = sides.map(() => [])
    const revs: string[] = []
    await Promise.all(
      sides.map(async ({ store }, side) => {
        store.onEvent(({ seq }) => told[side]!.push(seq))
        const locks = createKeyedLock()
        const discard = async (): Promise<void> => {}
        const writer = createRepoWriter({
          store,
          signerOf: () => key,
          locks,
          tids: createTidClock(),
          discard,
        })
        for (let n = 0; n < 15; n++) {
          const record = { record: { $type: 'a.b.c', n, side }, status: 'valid', blobs: [] } as const
          const write = { action: 'create', collection: 'a.b.c', rkey: `r${side}-${n}`, record } as const
          // Each of the two goes on when its last write is in.
          revs.push((await writer.write(DID, [write])).commit!.rev)
        }
      }),
    )
    expect(await one!.store.records.count(DID)).toBe(30)
    expect(new Set(revs).size).toBe(30)
    expect(told.map((seqs) => seqs.length)).toEqual([15, 15])
    expect(told.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1))
    for (const { db, store } of sides) {
      await store[Symbol.asyncDispose]()
      await db.close()
    }
    await admin.query(`DROP SCHEMA ${schema} CASCADE`)
  })

  it.each([
    ['though none of it is gone yet', false],
    ['once all of it is gone', true],
  ])(
    'what another process gave up for lost is not put in the place of what is served, %s',
    async (_, swept) => {
      const { url } = server!
      const schema = `repo_server_${process.pid}_${schemas++}`
      await using admin = openDatabase({ url, poolSize: 1 })
      await admin.query(`CREATE SCHEMA ${schema}`)
      const db = openDatabase({ url, schema })
      const [here, there] = [await openRepoServerStore(db), await openRepoServerStore(db)]
      const signer = createKeypair('k256')
      const tids = createTidClock()
      const record = { $type: 'a.b.c', n: 1 }
      const write = prepareWrite({ action: 'create', collection: 'a.b.c', rkey: 'one', record })
      const [empty, rev] = [{ did: DID, head: null, store: here.repos }, tids.next()]
      const commit = await applyWrites({ ...empty, writes: [write], signer, rev })
      const row = { collection: 'a.b.c', rkey: 'one', cid: formatCid(write.cid!), links: [], blobs: [] }
      const records = [{ ...row, replaces: false }]
      await here.apply({ type: 'commit', did: DID, commit, records, claims: [], events: [] })
      const staging = await here.stage(DID)
      await staging.add(rev, [row])
      await db.query("UPDATE record_set SET touched = now() - interval '2 hours' WHERE state = 'staged'")
      await there.upkeep.discardStaged()
      if (swept) await there.upkeep.sweep()
      const replace: RepoStore['replace'] = async (head, blocks) => {
        await staging.adopt({ head, blocks, status: 'active', events: [] })
      }
      const imported = importRepo({
        did: DID,
        store: { ...here.repos, replace } as unknown as RepoStore,
        source: exportRepo(here.repos, DID),
        signer,
        unsafeSkipSignature: true,
        rev: (archived: Tid) => tids.nextAfter(archived),
      })
      await expect(imported).rejects.toMatchObject({ code: 'head-moved' })
      expect(await here.records.count(DID)).toBe(1)
      for (const store of [here, there]) await store[Symbol.asyncDispose]()
      await db.close()
      await admin.query(`DROP SCHEMA ${schema} CASCADE`)
    },
  )

  it('rows of an import that was given up go at once, also when several processes remove them', async () => {
    const { url } = server!
    const schema = `repo_server_${process.pid}_${schemas++}`
    await using admin = openDatabase({ url, poolSize: 1 })
    await admin.query(`CREATE SCHEMA ${schema}`)
    const db = openDatabase({ url, schema })
    const [here, there] = [await openRepoServerStore(db), await openRepoServerStore(db)]
    const left = async (): Promise<number[]> =>
      Promise.all(
        ['record_set', 'record'].map(async (table) =>
          Number((await db.query(`SELECT count(*) AS n FROM ${table}`))[0]!['n']),
        ),
      )
    const row = { collection: 'a.b.c', cid: 'bafy', links: [], blobs: [] }
    const rows = (from: number) => Array.from({ length: 2500 }, (_, n) => ({ ...row, rkey: `r${from + n}` }))
    const tids = createTidClock()
    const staging = await here.stage(DID)
    for (const from of [0, 2500]) await staging.add(tids.next(), rows(from))
    expect(await left()).toEqual([1, 5000])
    await staging.discard()
    await Promise.all([there.upkeep.sweep(), there.upkeep.sweep()])
    await expect.poll(left, { timeout: 5000 }).toEqual([0, 0])
    const last = await here.stage(DID)
    await last.add(tids.next(), rows(0))
    await last.discard()
    // What a process began it ends before it is gone.
    await here[Symbol.asyncDispose]()
    expect(await left()).toEqual([0, 0])
    await there[Symbol.asyncDispose]()
    await db.close()
    await admin.query(`DROP SCHEMA ${schema} CASCADE`)
  })
})
