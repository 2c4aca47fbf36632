export { checkAuthority, type Speaker } from './chain.ts'
export { hostStatusFetcher, latestRevFetcher, repoFetcher, type RepoFetcherOptions } from './ask-host.ts'
export { createHostClocks, type HostClocks, type HostFetch, type HostLimits, limitHosts } from './hosts.ts'
export type { ContentLimits, Unread } from './content.ts'
export {
  type AccountEvent,
  type CommitEvent,
  type CommitFlag,
  type FailureEvent,
  type IdentityEvent,
  type InfoEvent,
  type Origin,
  REFUSED_FRAME_BYTES,
  type RefusedFrame,
  type ResyncEvent,
  type SyncEvent,
  type VerifiedEvent,
  type VerifiedOp,
} from './events.ts'
export { type CaptureInput, captureSource, type CaptureOptions, readCapture } from './capture.ts'
export { type CopyHost, readCopies, type RepoCopy, type RepoParts } from './copies.ts'
export { consume, type Consumer, type ConsumerStats } from './consumer.ts'
export { collectionFilter, filterHash } from './filter.ts'
export { FirehoseError, type FirehoseErrorCode, ResyncError, type ResyncErrorCode } from './errors.ts'
export { createMemoryState, type MemoryState } from './memory-state.ts'
export type {
  ConsumeOptions,
  Follows,
  HostRequest,
  HostStatus,
  IdentityPolicy,
  LatestRev,
  Prover,
  ResolvedIdentity,
  ResolveKey,
  Resync,
  ResyncPart,
  ResyncPolicy,
  ResyncRequest,
  Source,
  SourceReport,
  Timers,
} from './options.ts'
export {
  type Checked,
  type ClaimedOp,
  type Failure,
  parseEvent,
  type ParsedAccount,
  type ParsedCommit,
  type ParsedEvent,
  type ParsedIdentity,
  type ParsedInfo,
  type ParsedSync,
} from './parse.ts'
export { DEFAULT_POLICY, type LegacyPolicy, type VerifyPolicy } from './policy.ts'
export type { CommitProof, ProvedOps, SyncProof } from './proof.ts'
export type { Listed } from './item.ts'
export type { ReaderStats } from './reader.ts'
export { type Effect, type FailureReason, REASONS } from './reasons.ts'
export { createResync, type CreateResyncOptions, type StoredRecord } from './resync.ts'
export {
  type CursorState,
  type Hearsay,
  type Priority,
  type QueuedFrame,
  REPO_STATUSES,
  type RepoFlag,
  type RepoQuery,
  type RepoState,
  type RepoStateStore,
  type RepoStatus,
  type RunPhase,
  type StateChange,
} from './state.ts'
export { pdsSource, relaySource, type StreamSourceOptions } from './stream-source.ts'
export type { UnconfirmedEvent, Verdict } from './conclude.ts'
export { newRepo, type RepoEffect, type RepoFact, type RepoPolicy, type Transition } from './facts.ts'
export { next, type Route, route } from './machine.ts'
export { verifyEvent, type VerifyInput } from './verify.ts'
