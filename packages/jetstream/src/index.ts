export { FIRST_TIME_CURSOR } from './cursor.ts'
export { JetstreamError, type JetstreamErrorCode } from './error.ts'
export { changeOf, type Filter } from './filter.ts'
export type { InvalidEvent, InvalidReason } from './invalid.ts'
export type { Change, DeleteOperation, Operation, PutOperation } from './operation.ts'
export type { JetstreamOptions, JetstreamStats, ResumeInfo, Subscription, ZstdOptions } from './options.ts'
export type { CursorStore, Position } from './position.ts'
export { subscribeV1, type V1Options } from './subscribe-v1.ts'
export { subscribeV2, type V2Options } from './subscribe-v2.ts'
export { parseMicros } from './times.ts'
export type { V1AccountEvent, V1CommitEvent, V1Event, V1IdentityEvent } from './v1-events.ts'
export type {
  V2AccountEvent,
  V2CommitEvent,
  V2Event,
  V2IdentityEvent,
  V2Info,
  V2Kind,
  V2SyncEvent,
} from './v2-events.ts'
export type { CreateDecompress, Decompress } from './zstd.ts'
