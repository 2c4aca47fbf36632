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
export { RepoServerError, type RepoServerErrorCode } from './error.ts'
export { readImported, type OddRecord } from './import-records.ts'
export { createKeyedLock, type KeyedLock } from './locks.ts'
export { accountEvent, identityEvent, syncEvent } from './events.ts'
export { createRepoExports, type RepoExports } from './exports.ts'
export { IMPORT_PACE, type ImportPace } from './import-source.ts'
export { createRepoImports, type ImportLimits, type ImportParts, type RepoImports } from './imports.ts'
export { recordLinks } from './links.ts'
export type { AppliedEvent } from './listeners.ts'
export { createMemoryRepoServerStore } from './memory/store.ts'
export { recordUri, type CheckedRecord, type RecordWrite, type ValidationStatus } from './plan.ts'
export { collectOrphans } from './orphans.ts'
export { JSON_TYPE, recordJson } from './record-json.ts'
export { createRecordReader, type RecordReader, type StoredRecord } from './record-reader.ts'
export { createRemovals, type Removals } from './removals.ts'
export { createRepairs, type RepairParts, type RepairReport, type Repairs } from './repairs.ts'
export { replacing } from './replacing.ts'
export { revAfter } from './revs.ts'

export type {
  Awaitable,
  BlobReads,
  BlobRow,
  PageOptions,
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
