export { buildAndApply, requireApplied, type Built } from './build.ts'
export type {
  AccountChange,
  AccountFields,
  AccountRowChange,
  AppPasswordChange,
  CodeChange,
  FactorChange,
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
  Challenge,
  Factor,
  FactorKind,
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
  FactorRows,
  HandleChangeRows,
  InviteRows,
  ReservedKeyRows,
  SessionRows,
} from './store.ts'
