export { repoStoreChecks } from './checks.ts'
export { checkAfterCrash, writeUntilKilled, type CrashTarget } from './crash.ts'
export type { StoreCheck, StoreUnderTest } from './support.ts'
