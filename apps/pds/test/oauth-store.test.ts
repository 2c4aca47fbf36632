// The suite of `@avocet/oauth-server` over both stores; on Postgres through two sets of connections.
import { ALICE, BOB, STORE_CASES } from '@avocet/oauth-server/suite'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { accountChange, openFixture, type StoreFixture } from './store-fixture.ts'

const server = await startPostgres()
afterAll(() => server?.close())

describe.each([
  ['sqlite', null],
  ['postgres', server?.url],
] as const)('%s', (_name, url) => {
  let fixture: StoreFixture | undefined
  beforeAll(async () => {
    if (url === undefined) return
    fixture = await openFixture(url)
    await fixture.stores.apply({ accounts: [accountChange(ALICE, 'a.test'), accountChange(BOB, 'b.test')] })
  })
  afterAll(() => fixture?.[Symbol.asyncDispose]())
  beforeEach(async () => {
    await fixture?.stores.oauth.apply([
      { type: 'forgetAccount', did: ALICE },
      { type: 'forgetAccount', did: BOB },
      { type: 'forgetExpired', now: 1e11, limit: 1000 },
    ])
  })

  // Not skipped in silence: `startPostgres` has said that there is none.
  test.skipIf(url === undefined).each(STORE_CASES)('$name', async (one) => {
    const { stores, other } = fixture!
    const both = { store: stores.oauth, other: (other ?? stores).oauth }
    await expect(one.run(both)).resolves.toBeUndefined()
  })
})
