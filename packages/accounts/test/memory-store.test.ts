import { createMemoryAccountStore } from '../src/index.ts'
import { describeAccountStore } from './store-conformance.ts'
import type { StoreFixture } from './store-fixture.ts'
import { describeAccountRaces } from './store-races.ts'

const open = async (): Promise<StoreFixture> => {
  const store = createMemoryAccountStore()
  return { store, other: store, close: async () => {} }
}

describeAccountStore('memory', open)
describeAccountRaces('memory', open)
