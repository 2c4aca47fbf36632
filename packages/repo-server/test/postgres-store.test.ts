import { createKeypair } from '@avocet/crypto'
import { openDatabase, type PostgresDatabase } from '@avocet/postgres'
import { applyWrites } from '@avocet/repo'
import { createTidClock, type Did } from '@avocet/syntax'
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
          // oxlint-disable-next-line no-await-in-loop -- each of the two goes on when its last write is in
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
})
