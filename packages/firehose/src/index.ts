export { checkAuthority, type Speaker } from './chain.ts'
export type {
  AccountEvent,
  CommitEvent,
  CommitFlag,
  FailureEvent,
  IdentityEvent,
  InfoEvent,
  Origin,
  ResyncEvent,
  SyncEvent,
  VerifiedEvent,
  VerifiedOp,
} from './events.ts'
export type {
  ConsumeOptions,
  LegacyPolicy,
  ResolvedIdentity,
  ResolveKey,
  Resync,
  ResyncPart,
  ResyncRequest,
  Source,
  VerifyPolicy,
} from './options.ts'
export {
  type Failure,
  parseEvent,
  type ParsedAccount,
  type ParsedCommit,
  type ParsedEvent,
  type ParsedIdentity,
  type ParsedInfo,
  type ParsedSync,
} from './parse.ts'
export { DEFAULT_POLICY } from './policy.ts'
export { type Effect, type FailureReason, REASONS } from './reasons.ts'
export type { CursorState, QueuedFrame, RepoState, RepoStateStore, RepoStatus, StateChange } from './state.ts'
export { type UnconfirmedEvent, type Verdict, verifyEvent, type VerifyInput } from './verify.ts'
