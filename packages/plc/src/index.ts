export {
  plcClient,
  type ExportOptions,
  type PlcClient,
  type PlcClientOptions,
  type RequestOptions,
} from './client.ts'
export { dataToDidDocument, operationData, operationToDidDocument, type PlcDidDocument } from './document.ts'
export { didForOperation, operationCid } from './encoding.ts'
export { PlcError, type PlcErrorCode, type PlcResult } from './error.ts'
export {
  createOperation,
  isSameState,
  normalizeOperation,
  signOperation,
  tombstoneOperation,
  updateOperation,
  type AtprotoIdentity,
  type OperationChange,
} from './operation.ts'
export {
  checkNewOperation,
  isPlcDid,
  MAX_OPERATION_BYTES,
  parseAuditLog,
  parseLog,
  parseLogEntry,
  parseOperation,
} from './parse.ts'
export { registerDid } from './register.ts'
export type {
  LegacyCreate,
  LogEntry,
  PlcData,
  PlcFields,
  PlcOperation,
  PlcService,
  PlcTombstone,
  Signed,
  SignedOperation,
  UnsignedOperation,
} from './types.ts'
export { updateDid } from './update.ts'
export {
  checkNextOperation,
  RECOVERY_WINDOW_MS,
  verifyAuditLog,
  verifyLog,
  type Acceptance,
  type HistoryEntry,
  type LogWarning,
  type VerifiedLog,
  type VerifyOptions,
} from './verify.ts'
