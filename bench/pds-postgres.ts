// Writes of repositories on Postgres, durable: planned, built, signed and applied, beside bare transactions that insert as many
// bytes on the same server, through the same pool, and know of no repository: BEGIN, an INSERT of one row with two values, as large as
// the event and the blocks of a commit, into a table with one index, COMMIT. Both wait for the disk.
import { importKeypair } from '@avocet/crypto'
import { importNativeKeypair } from '@avocet/crypto-native'
import { openDatabase } from '@avocet/postgres'
import { applyWrites } from '@avocet/repo'
import { createKeyedLock, createRepoWriter, type RecordWrite } from '@avocet/repo-server'
import { openRepoServerStore } from '@avocet/repo-server/postgres'
import { createTidClock, type Did } from '@avocet/syntax'
import { startPostgres } from '@avocet/testing/postgres'

import { record, save } from './support/compare.ts'
import { cpuMs } from './support/processes.ts'

// Many short rounds: what else the machine does falls on both sides alike.
const ROUNDS = 31
const WARM_ROUNDS = 10
const RECORDS = 100
const collection = 'app.bsky.feed.post'
const secret = new Uint8Array(32).fill(7)
const key = importKeypair('k256', secret)
const signer = importNativeKeypair('k256', secret)
const tids = createTidClock()
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/** CPU time that one takes, in ms. */
interface Cost {
  readonly process: number
  readonly database: number
}
const costOf = (costs: readonly Cost[]): string => {
  const one = (of: keyof Cost): string => median(costs.map((cost) => cost[of])).toPrecision(2)
  return `${one('process')} ms of the process, ${one('database')} ms of Postgres`
}

const post = (n: number): RecordWrite => ({
  action: 'create',
  collection,
  rkey: tids.next(),
  record: {
    record: {
      $type: collection,
      text: `Post number ${n}, of an everyday length.`,
      createdAt: '2026-01-01T00:00:00.000Z',
    },
    status: 'valid',
    blobs: [],
  },
})

const server = await startPostgres([])
if (server !== null) {
  await using db = openDatabase({ url: server.url, poolSize: 20 })
  await using store = await openRepoServerStore(db)
  const writer = createRepoWriter({
    store,
    signerOf: () => signer,
    locks: createKeyedLock(),
    tids,
    discard: async () => {},
  })
  const dids = Array.from({ length: 32 }, (_, n): Did => `did:web:w${n}.example.com`)
  for (const did of dids) {
    const commit = await applyWrites({
      did,
      head: null,
      store: store.repos,
      writes: [],
      signer: key,
      rev: tids.next(),
    })
    await store.apply({ type: 'commit', did, commit, records: [], claims: [], events: [] })
    for (let n = 0; n < RECORDS; n += 50)
      await writer.write(
        did,
        Array.from({ length: 50 }, (_, i) => post(n + i)),
      )
  }
  const before = (await store.log.bounds()).newest
  for (const did of dids) await writer.write(did, [post(0)])
  // What one commit stores: its event, which holds its new blocks, and those blocks.
  const [sizes] = await db.query('SELECT avg(size)::integer AS frame FROM event WHERE seq > $1', [before])
  const frame = Buffer.alloc(Number(sizes!['frame']), 7)
  await db.query(
    'CREATE TABLE bare (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, blocks bytea, frame bytea)',
  )
  await db.query(
    'ALTER TABLE bare ALTER COLUMN frame SET STORAGE EXTERNAL, ALTER COLUMN blocks SET STORAGE EXTERNAL',
  )
  // As events are: in their rows.
  await db.query('ALTER TABLE bare SET (toast_tuple_target = 8160)')
  await db.query('ANALYZE')
  console.log(`a commit stores 2 × ${frame.length} bytes`)

  const databaseMs = async (): Promise<number> => {
    const rows = await db.query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
    return rows.reduce((sum, { pid }) => sum + cpuMs(Number(pid)), 0)
  }
  const bare = (): Promise<unknown> =>
    db.transaction((tx) => tx.query('INSERT INTO bare (blocks, frame) VALUES ($1, $2)', [frame, frame]))

  for (const repos of [32, 1]) {
    const each = repos === 1 ? 60 : 15
    const rate = async (work: (did: Did, n: number) => Promise<unknown>, costs?: Cost[]): Promise<number> => {
      const [inDatabase, inProcess] = [await databaseMs(), process.cpuUsage()]
      const start = performance.now()
      await Promise.all(
        dids.slice(0, repos).map(async (did) => {
          for (let n = 0; n < each; n++) await work(did, n)
        }),
      )
      const elapsed = performance.now() - start
      const used = process.cpuUsage(inProcess)
      const count = repos * each
      costs?.push({
        process: (used.user + used.system) / 1000 / count,
        database: ((await databaseMs()) - inDatabase) / count,
      })
      return (count * 1000) / elapsed
    }
    const write = (did: Did, n: number): Promise<unknown> => writer.write(did, [post(n)])
    // Code is compiled for good after some thousand commits, as that of a server is.
    for (let round = 0; round < WARM_ROUNDS; round++) {
      await rate(bare)
      await rate(write)
    }
    const rates: { bare: number[]; writes: number[]; ratios: number[] } = { bare: [], writes: [], ratios: [] }
    const costs: { bare: Cost[]; writes: Cost[] } = { bare: [], writes: [] }
    // One after the other in each round, so that a busy machine is busy for both.
    for (let round = 0; round < ROUNDS; round++) {
      const one = await rate(bare, costs.bare)
      const other = await rate(write, costs.writes)
      rates.bare.push(one)
      rates.writes.push(other)
      rates.ratios.push(other / one)
    }
    console.log(`ratio of each round: ${rates.ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`)
    const name = repos === 1 ? 'one repository' : `${repos} repositories at once`
    record(
      `write a record on Postgres, durable, ${name}`,
      {
        unit: 'commits',
        target: repos === 1 ? 0.8 : 0.5,
        note: `CPU of each: ${costOf(costs.writes)}; bare: ${costOf(costs.bare)}`,
      },
      [
        { name: 'avocet', perSecond: median(rates.writes) },
        { name: 'bare transactions of as many bytes', perSecond: median(rates.bare) },
      ],
    )
  }
  await store[Symbol.asyncDispose]()
  await db.close()
  await server.close()
}
save('pds-postgres')
