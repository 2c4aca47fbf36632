import { openDatabase } from '@avocet/sqlite'

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
