import { deepStrictEqual as deepEqual } from 'node:assert'

import type { Did } from '@avocet/syntax'

import type { OAuthChange, OAuthOutcome, OAuthRefusal } from '../change.ts'
import type { OAuthStore } from '../store.ts'
import { ALICE } from './rows.ts'

/** A store without rows, and the same one over connections of its own, as another process has it; in memory the store itself. */
export interface SuiteStores {
  readonly store: OAuthStore
  readonly other: OAuthStore
}

/** Something that every store does. */
export interface StoreCase {
  readonly name: string
  /** Rejects with what is not so. */
  run(stores: SuiteStores): Promise<void>
}

/** What a case works with. */
export interface CaseContext extends SuiteStores {
  readonly apply: (...changes: OAuthChange[]) => Promise<OAuthOutcome>
  /** The numbers of an account's sessions, in their order. */
  readonly ids: (did?: Did) => Promise<number[]>
}

export const APPLIED: OAuthOutcome = { status: 'applied' }
export const STALE: OAuthOutcome = { status: 'stale' }
export const refused = (reason: OAuthRefusal): OAuthOutcome => ({ status: 'refused', reason })

/** A case by its name. */
export function storeCase(name: string, run: (context: CaseContext) => Promise<void>): StoreCase {
  return {
    name,
    run: ({ store, other }) =>
      run({
        store,
        other,
        apply: (...changes) => store.apply(changes),
        ids: async (did = ALICE) => (await store.sessions.list(did)).map(({ id }) => Number.parseInt(id, 16)),
      }),
  }
}

/** Compares whole values. */
export function same(got: unknown, expected: unknown): void {
  deepEqual(got, expected)
}
