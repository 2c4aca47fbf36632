import type { OAuthStore } from '../src/index.ts'

/** A store, and the same one as another process sees it. */
export interface StoreFixture {
  readonly store: OAuthStore
  /** Over connections of its own; in memory, where there are none, the same store. */
  readonly other: OAuthStore
  close(): Promise<void>
}
