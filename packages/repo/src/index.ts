export { createByteBudget, type ByteBudget, type Recall } from './block-buffer.ts'
export { applyWrites, type ApplyOptions } from './apply.ts'
export { checkRepo, type CheckOptions, type FoundRecord, type RepoFault, type RepoReport } from './check.ts'
export { headFromCommit, readCommit, signCommit, type Commit } from './commit.ts'
export { RepoError, type RepoErrorCode, type RepoErrorData } from './error.ts'
export {
  toCommitEvent,
  toSyncEvent,
  type CommitEventBody,
  type CommitEventOp,
  type SyncEventBody,
} from './event.ts'
export { assertActive, InactiveRepo } from './inactive.ts'
export { MAX_COMMIT_CAR_SIZE, MAX_COMMIT_SIZE, MAX_RECORD_SIZE, MAX_WRITES } from './limits.ts'
export { createBlockCache, type BlockCache } from './block-cache.ts'
export { createRecentHeads, type RecentHeads } from './recent-heads.ts'
export { assertSuccessor, createMemoryRepoStore, headMoved } from './memory-store.ts'
export { prepareWrite, type WriteInput } from './prepare.ts'
export type {
  Alongside,
  BlockReader,
  CommitData,
  RepoDirectory,
  PackedBlocks,
  RepoHead,
  RepoOp,
  RepoSnapshot,
  RepoStatus,
  RepoStore,
  StoredBlock,
  StoredBlocks,
  StoredHead,
  Write,
  WriteAction,
} from './types.ts'
export { invertOps, verifyCommit, type RepoResult, type VerifyCommitOptions } from './verify.ts'
export { listEntries, listRecords } from './entries.ts'
export type { EncodedEntry, RepoEntry } from './entry.ts'
export { exportRepo, exportSince, getRecordProof, type Snapshots } from './export.ts'
export {
  importRepo,
  type ArchivedCommit,
  type ImportOptions,
  type ImportResult,
  type NewCommit,
  type NewHead,
} from './import.ts'
export {
  verifyRecordProof,
  verifyRecordProofBy,
  type ProvedRecord,
  type VerifyRecordProofByOptions,
  type VerifyRecordProofOptions,
} from './proof.ts'
export {
  readRepo,
  readRepoBy,
  type CarSource,
  type CheckSignature,
  type ReadRepoByOptions,
  type ReadRepoBounds,
  type ReadRepoOptions,
  type RepoBlock,
  type RepoReader,
} from './read.ts'
export { decodeRecord } from './record.ts'
export { unsafeReadRepo, type UnsafeReadRepoOptions, type UnverifiedRepo } from './unsafe-read.ts'
export { rebuildRepo, type RebuildOptions, type RecordSource } from './rebuild.ts'
export { createRepoWriter, type RepoWriter, type RepoWriterOptions, type WriteOptions } from './writer.ts'
