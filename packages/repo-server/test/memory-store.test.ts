import { createMemoryRepoServerStore } from '../src/index.ts'
import { describeRepoServerStore } from './store-conformance.ts'

describeRepoServerStore('memory', async () => ({
  store: createMemoryRepoServerStore(),
  close: async () => {},
}))
