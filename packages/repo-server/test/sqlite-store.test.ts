import { openDatabase } from '@avocet/sqlite'
import { expect, test } from 'vitest'

import { openRepoServerStore } from '../src/sqlite/index.ts'
import { describeRepoServerStore } from './store-conformance.ts'

describeRepoServerStore('sqlite', async () => {
  const db = openDatabase({ path: ':memory:' })
  const store = openRepoServerStore(db)
  return {
    store,
    close: async () => {
      await store.repos.swept()
      db.close()
    },
  }
})

test('an import that just began keeps its place when what others left is given up', async () => {
  const db = openDatabase({ path: ':memory:' })
  const store = openRepoServerStore(db)
  let cleaning: Promise<void> | undefined
  // In one group of writes, the second sees what the first did before it is durable.
  await Promise.all([
    store.stage('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'),
    db.write(() => {
      cleaning = store.upkeep.discardStaged()
    }),
  ])
  await cleaning
  expect(db.prepare('SELECT state FROM record_set').all()).toEqual([{ state: 'staged' }])
  await store.repos.swept()
  db.close()
})

test('an import that could not begin leaves nothing that is taken for one', async () => {
  const db = openDatabase({ path: ':memory:' })
  const store = openRepoServerStore(db)
  db.raw.exec("CREATE TRIGGER full BEFORE INSERT ON record_set BEGIN SELECT RAISE(ABORT, 'full'); END")
  await expect(store.stage('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).rejects.toThrow('full')
  db.raw.exec("DROP TRIGGER full; INSERT INTO record_set (did, state) VALUES ('did:plc:a', 'staged')")
  await store.upkeep.discardStaged()
  await store.upkeep.sweep()
  expect(db.prepare('SELECT state FROM record_set').all()).toEqual([])
  await store.repos.swept()
  db.close()
})
