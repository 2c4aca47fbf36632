import { createMemoryOAuthStore } from '../src/index.ts'
import { describeOAuthStore } from './store-conformance.ts'

describeOAuthStore('memory', async () => {
  const store = createMemoryOAuthStore()
  return { store, other: store, close: async () => {} }
})
