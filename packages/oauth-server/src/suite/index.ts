import { CONSENT_CASES } from './consents.ts'
import { RACE_CASES } from './races.ts'
import { REQUEST_CASES } from './requests.ts'
import { SESSION_CASES } from './sessions.ts'
import type { StoreCase } from './case.ts'

export type { StoreCase, SuiteStores } from './case.ts'
export { ALICE, BOB } from './rows.ts'

/** What every store does, to be run by any test runner: each case over a store without rows, which may have accounts of {@link ALICE} and {@link BOB}. */
export const STORE_CASES: readonly StoreCase[] = [
  ...REQUEST_CASES,
  ...SESSION_CASES,
  ...CONSENT_CASES,
  ...RACE_CASES,
]
