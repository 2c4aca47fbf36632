import type { AccountChange, AccountStore, Outcome } from '../src/index.ts'

/** A store, and the same one as another process sees it. */
export interface StoreFixture {
  readonly store: AccountStore
  /** Over connections of its own; in memory, where there are none, the same store. */
  readonly other: AccountStore
  close(): Promise<void>
}

/** What the parts of the suite work with. */
export interface Context {
  readonly store: () => AccountStore
  readonly apply: (...changes: AccountChange[]) => Promise<Outcome>
  /** Expects that they are applied. */
  readonly applied: (...changes: AccountChange[]) => Promise<void>
  /** Expects that they are refused. */
  readonly refuses: (reason: string, ...changes: AccountChange[]) => Promise<void>
}
