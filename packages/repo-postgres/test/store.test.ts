import { openDatabase, type PostgresDatabase } from '@avocet/postgres'
import { repoStoreChecks } from '@avocet/repo/conformance'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
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
})
