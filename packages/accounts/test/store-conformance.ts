// What every store of accounts must do. Each implementation's test file runs this over a store of its own.

import { afterEach, beforeEach, describe, expect } from 'vitest'

import { APPLIED, refused } from './changes.ts'
import { describeAccounts } from './store-accounts.ts'
import { describeCodes } from './store-codes.ts'
import { describeFactors } from './store-factors.ts'
import type { Context, StoreFixture } from './store-fixture.ts'
import { describeSessions } from './store-sessions.ts'

export function describeAccountStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`account store: ${name}`, () => {
    let fixture: StoreFixture
    beforeEach(async () => {
      fixture = await open()
    })
    afterEach(() => fixture.close())

    const context: Context = {
      store: () => fixture.store,
      apply: (...changes) => fixture.store.apply(changes),
      applied: async (...changes) => expect(await fixture.store.apply(changes)).toEqual(APPLIED),
      refuses: async (reason, ...changes) =>
        expect(await fixture.store.apply(changes)).toEqual(refused(reason)),
    }
    describeAccounts(context)
    describeSessions(context)
    describeCodes(context)
    describeFactors(context)
  })
}
