import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repoStoreChecks } from '@avocet/repo/conformance'
import { openDatabase, type Database } from '@avocet/sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRepoStore } from '../src/store.ts'

describe.each(['file', 'memory', 'file without cache'])('sqlite store in a %s', (kind) => {
  let folder: string
  let db: Database
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'avocet-repo-'))
    db = openDatabase({ path: kind === 'memory' ? ':memory:' : join(folder, 'repo.db') })
  })
  afterEach(() => {
    db.close()
    rmSync(folder, { recursive: true })
  })

  it.each(repoStoreChecks)('$name', async ({ run }) => {
    const store = openRepoStore(db, kind === 'file without cache' ? { cacheSize: 0 } : {})
    db.raw.exec('CREATE TABLE marks (text TEXT)')
    await run({
      store,
      mark: (tx, text) => void tx.prepare('INSERT INTO marks VALUES (?)').run(text),
      marks: () =>
        Promise.resolve(
          db
            .prepare('SELECT text FROM marks')
            .all()
            .map((row) => String(row['text'])),
        ),
    })
    await store.swept()
    // Nothing of replaced, deleted or broken-off repositories stays behind.
    expect(
      db
        .prepare(
          'SELECT count(*) AS n FROM repo_block WHERE repo NOT IN (SELECT id FROM repo WHERE did NOT NULL)',
        )
        .get(),
    ).toEqual({ n: 0 })
    expect(db.prepare('SELECT count(*) AS n FROM repo_block WHERE refs <= 0').get()).toEqual({ n: 0 })
  })
})
