import { describe, expect, it } from 'vitest'

import { createMemoryOAuthStore } from '../src/index.ts'
import { STORE_CASES } from '../src/suite/index.ts'

describe('a store in memory', () => {
  it.each(STORE_CASES)('$name', async (one) => {
    const store = createMemoryOAuthStore()
    await expect(one.run({ store, other: store })).resolves.toBeUndefined()
  })
})
