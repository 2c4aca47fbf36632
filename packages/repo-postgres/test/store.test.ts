import { migrate, openDatabase, type PostgresDatabase } from '@avocet/postgres'
import { applyWrites, type ApplyOptions, type CommitData } from '@avocet/repo'
import { repoStoreChecks } from '@avocet/repo/conformance'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrations } from '../src/schema.ts'
import { openRepoStore } from '../src/store.ts'

const server = await startPostgres()
afterAll(() => server?.close())

describe.skipIf(server === null)('postgres store', () => {
  const schema = `avocet_repo_test_${process.pid}`
  let db: PostgresDatabase
  beforeEach(async () => {
    await using admin = openDatabase({ url: server!.url })
    await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await admin.query(`CREATE SCHEMA ${schema}`)
    db = openDatabase({ url: server!.url, schema })
  })
  afterEach(async () => {
    await db.query(`DROP SCHEMA ${schema} CASCADE`)
    await db.close()
  })

  it.each(repoStoreChecks)('$name', async ({ run }) => {
    const store = await openRepoStore(db)
    await db.query('CREATE TABLE marks (n serial, text text)')
    await run({
      store,
      mark: async (tx, text) => void (await tx.query('INSERT INTO marks (text) VALUES ($1)', [text])),
      marks: async () =>
        (await db.query('SELECT text FROM marks ORDER BY n')).map((row) => String(row['text'])),
    })
    // Nothing of replaced, deleted or broken-off repositories stays behind.
    expect(
      await db.query('SELECT 1 FROM repo_block WHERE refs <= 0 OR repo NOT IN (SELECT id FROM repo)'),
    ).toEqual([])
    expect(await db.query('SELECT 1 FROM repo WHERE did IS NULL')).toEqual([])
  })

  it('opens what the former version made, whose processes go on beside', async () => {
    await migrate(db, 'repo', migrations.slice(0, 2))
    const digests = (cids: readonly { bytes: Uint8Array }[]): Buffer =>
      Buffer.concat(cids.map(({ bytes }) => bytes.subarray(4)))
    /** A commit as that version applies it. */
    const applyFormerly = async (commit: CommitData): Promise<unknown> => {
      const added = [...commit.references].filter(([, change]) => change > 0)
      const gone = [...commit.references].filter(([, change]) => change < 0)
      const blocks = added.map(([cid]) => commit.newBlocks.get(cid)!)
      const [row] = await db.query(
        'SELECT outcome FROM repo_apply_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)',
        [
          commit.did,
          commit.prevCommit?.bytes ?? null,
          commit.rev,
          commit.data.bytes,
          commit.commit.bytes,
          'active',
          ['active'],
          digests(added.map(([cid]) => cid)),
          added.map(([, change]) => change),
          blocks.map(({ length }) => length),
          Buffer.concat(blocks),
          digests(gone.map(([cid]) => cid)),
          gone.map(([, change]) => -change),
        ],
      )
      return row!['outcome']
    }
    const did = 'did:web:former.example.com'
    // The store keeps a signature and does not look at it.
    const signer = { sign: async () => new Uint8Array(64).fill(7) } as unknown as ApplyOptions['signer']
    const revs = ['3jzfcijpj2z2a', '3jzfcijpj2z2b', '3jzfcijpj2z2c', '3jzfcijpj2z2d', '3jzfcijpj2z2e']
    const none = { getBlocks: () => Promise.reject(new Error('there are no blocks')) }
    const first = await applyWrites({ did, head: null, store: none, writes: [], signer, rev: revs.shift()! })
    expect(await applyFormerly(first)).toBe('applied')

    const store = await openRepoStore(db)
    const next = async (): Promise<CommitData> => {
      const head = (await store.getHead(did))!
      return applyWrites({ did, head, store, writes: [], signer, rev: revs.shift()! })
    }
    await store.apply(await next())
    const [theirs, ours] = [await next(), await next()]
    expect(await applyFormerly(theirs)).toBe('applied')
    await expect(store.apply(ours)).rejects.toMatchObject({ code: 'head-moved' })
    await store.apply(await next())
    expect(await applyFormerly(ours)).toBe('stale')
    // The commit and the empty tree.
    expect((await store.size(did)).blocks).toBe(2)
  })
})
