export { get, list, post, type NamedInput, type NamedOptions, type NamedOutput } from './by-nsid.ts'
export { createClient } from './client.ts'
export {
  XrpcClientError,
  type CommonErrorName,
  type MethodError,
  type OtherErrorName,
  type XrpcClientErrorCode,
  type XrpcClientErrorData,
} from './error.ts'
export {
  createLiteClient,
  type JsonOf,
  type LiteCall,
  type LiteCallOptions,
  type LiteClient,
  type LiteClientOptions,
  type LiteForms,
} from './lite.ts'
export { items, pages, type ItemFailure, type ItemsOptions, type PagesOptions } from './pages.ts'
export {
  decodeRecord,
  decodeRecords,
  getBlob,
  getRecord,
  getRepo,
  listRecords,
  uploadBlob,
  type BlobDownload,
  type ReadOptions,
  type RecordEntry,
  type RecordFailure,
  type RepoDownload,
} from './reader.ts'
export { createRpc, type Rpc, type RpcMethod, type RpcOptions, type UntypedRpc } from './rpc.ts'
export {
  passwordSession,
  resumeSession,
  type PasswordSessionOptions,
  type ResumeOptions,
  type Session,
  type SessionStore,
} from './session.ts'
export { keepSession, type KeepSessionOptions, type KeptSession } from './kept-session.ts'
export { parseSessionData, type SessionData } from './session-data.ts'
export type {
  ConnectInfo,
  DisconnectInfo,
  StreamIterator,
  StreamMessage,
  StreamOptions,
} from './stream-types.ts'
export { subscribe } from './subscribe.ts'
export {
  unwrap,
  type CallArgs,
  type CallFailure,
  type CallOptions,
  type CallOutput,
  type CallResult,
  type CallSettings,
  type CallSuccess,
  type Client,
  type ClientOptions,
  type Labeler,
  type RawRequest,
  type RetryOptions,
  type Service,
  type UploadBody,
  type ValidateSwitches,
} from './types.ts'
export {
  applyWrites,
  buildRecord,
  createRecord,
  deleteRecord,
  putRecord,
  type RecordFields,
  type RecordWrite,
  type WriteOptions,
  type WrittenRecord,
} from './writer.ts'
