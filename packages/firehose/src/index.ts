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
export { type FailureReason, REASONS } from './reasons.ts'
export type { CursorState, QueuedFrame, RepoState, RepoStateStore, RepoStatus, StateChange } from './state.ts'
