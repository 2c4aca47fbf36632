export type { OwnerCall, RepoAccess, RepoCaller, RepoNeed } from './access.ts'
export { assertApplied } from './applied.ts'
export type {
  Announcement,
  BlobClaim,
  CommitChange,
  LivingStatus,
  Outcome,
  RecordChange,
  RemovalChange,
  Replacement,
  RepoServerChange,
  StagedRecord,
  Staging,
  StatusChange,
  TakedownChange,
  UploadChange,
} from './change.ts'
export { applyWrites } from './methods/com.atproto.repo.applyWrites.ts'
export { createRecord } from './methods/com.atproto.repo.createRecord.ts'
export { deleteRecord } from './methods/com.atproto.repo.deleteRecord.ts'
export { describeRepo } from './methods/com.atproto.repo.describeRepo.ts'
export { getRecord } from './methods/com.atproto.repo.getRecord.ts'
export { importRepo } from './methods/com.atproto.repo.importRepo.ts'
export { listMissingBlobs } from './methods/com.atproto.repo.listMissingBlobs.ts'
export { listRecords } from './methods/com.atproto.repo.listRecords.ts'
export { putRecord } from './methods/com.atproto.repo.putRecord.ts'
export { uploadBlob } from './methods/com.atproto.repo.uploadBlob.ts'
export { getBlob } from './methods/com.atproto.sync.getBlob.ts'
export { getBlocks } from './methods/com.atproto.sync.getBlocks.ts'
export { getCheckout } from './methods/com.atproto.sync.getCheckout.ts'
export { getHead } from './methods/com.atproto.sync.getHead.ts'
export { getLatestCommit } from './methods/com.atproto.sync.getLatestCommit.ts'
export { getRecordProof } from './methods/com.atproto.sync.getRecord.ts'
export { getRepo } from './methods/com.atproto.sync.getRepo.ts'
export { getRepoStatus } from './methods/com.atproto.sync.getRepoStatus.ts'
export { listBlobs } from './methods/com.atproto.sync.listBlobs.ts'
export { listRepos } from './methods/com.atproto.sync.listRepos.ts'
export { listReposByCollection } from './methods/com.atproto.sync.listReposByCollection.ts'
export { subscribeRepos } from './methods/com.atproto.sync.subscribeRepos.ts'
export { mountRepo, mountSync } from './mount.ts'
export { describeBy } from './describe.ts'
export { createGate, type Gate, type GateLimits } from './gates.ts'
export { REPO_HOST_LIMITS, type RepoHostLimits } from './host-limits.ts'
export {
  createRepoHost,
  type NamedOutcome,
  type RecordInput,
  type RemoteName,
  type RepoAccounts,
  type RepoHost,
  type RepoHostOptions,
  type RepoParts,
  type RepoRateLimits,
} from './host.ts'
export { BUNDLED_LEXICONS, type RecordLexicons } from './record-lexicons.ts'
export { toXrpcError } from './wire.ts'
export { RepoServerError, type RepoServerErrorCode } from './error.ts'
export { readImported, type OddRecord } from './import-records.ts'
export { createKeyedLock, type KeyedLock } from './locks.ts'
export { accountEvent, identityEvent, syncEvent } from './events.ts'
export { createRepoExports, type RepoExports } from './exports.ts'
export { IMPORT_PACE, type ImportPace } from './import-source.ts'
export { createRepoImports, type ImportLimits, type ImportParts, type RepoImports } from './imports.ts'
export type { AppliedEvent } from './listeners.ts'
export { createMemoryRepoServerStore } from './memory/store.ts'
export { recordUri, type CheckedRecord, type RecordWrite, type ValidationStatus } from './plan.ts'
export { collectOrphans } from './orphans.ts'
export { recordJson } from './record-json.ts'
export { createRecordReader, type RecordReader, type StoredRecord } from './record-reader.ts'
export { createRemovals, type Removals } from './removals.ts'
export { createRepairs, type RepairParts, type RepairReport, type Repairs } from './repairs.ts'
export { replacing } from './replacing.ts'
export { revAfter } from './revs.ts'

export type {
  Awaitable,
  BlobReads,
  BlobRow,
  BlobTurns,
  PageOptions,
  RepoPage,
  RepoPageOptions,
  RecordReads,
  RecordRow,
  RepoReads,
  RepoServerStore,
  StoreUpkeep,
} from './store.ts'
export { createUploads, type UploadParts, type Uploads } from './uploads.ts'
export {
  createRepoWriter,
  type RecordBound,
  type RepoWriter,
  type RepoWriterParts,
  type WriteOutcome,
} from './writer.ts'
