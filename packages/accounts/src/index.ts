export { buildAndApply, requireApplied, type Built } from './build.ts'
export type {
  AccountChange,
  AccountFields,
  AccountRowChange,
  AppPasswordChange,
  CodeChange,
  InviteChange,
  NewAccount,
  Outcome,
  Refusal,
  ReservationChange,
  SessionChange,
} from './change.ts'
export { AccountError, type AccountErrorCode } from './error.ts'
export { createMemoryAccountStore, type MemoryAccountStore } from './memory/memory-store.ts'
export type {
  Account,
  AppPassword,
  HandleChange,
  InviteCode,
  MailedCode,
  PlannedDeletion,
  ReservedKey,
  Session,
} from './rows.ts'
export type {
  AccountReads,
  AccountRows,
  AccountSecrets,
  AccountStore,
  AppPasswordRows,
  AtOnce,
  Awaitable,
  CodeRows,
  HandleChangeRows,
  InviteRows,
  ReservedKeyRows,
  SessionRows,
} from './store.ts'
