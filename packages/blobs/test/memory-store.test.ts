import { createMemoryBlobs } from '../src/index.ts'
import { describeBlobStore } from './store-conformance.ts'

describeBlobStore('memory', async () => {
  let behind = 0
  return {
    store: createMemoryBlobs({ now: () => Date.now() - behind }),
    reopen: null,
    // What is stored from now on is older.
    age: null,
    ageNext: (seconds) => {
      behind = seconds * 1000
    },
    unfinished: async () => [],
    close: async () => {},
  }
})
