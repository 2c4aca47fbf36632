export { FIRST_TIME_CURSOR, parseCursor, type Cursor } from './cursor.ts'
export {
  changeOf,
  collectionMatcher,
  createMatcher,
  isV1Pattern,
  isV2Pattern,
  MAX_COLLECTIONS,
  MAX_DIDS,
  type Filter,
  type Matcher,
} from './filter.ts'
export type { InvalidEvent, InvalidReason, Parsed } from './invalid.ts'
export type { Change, DeleteOperation, Operation, PutOperation } from './operation.ts'
export { formatMicros, parseMicros } from './times.ts'
export {
  encodeV1Event,
  parseV1Event,
  type V1AccountEvent,
  type V1Base,
  type V1CommitEvent,
  type V1Event,
  type V1IdentityEvent,
} from './v1-events.ts'
export {
  encodeV1Options,
  encodeV1Query,
  parseV1Message,
  parseV1Request,
  type V1Filter,
  type V1Message,
  type V1Request,
} from './v1-params.ts'
export {
  encodeV2Error,
  encodeV2Frame,
  JSON_SUBPROTOCOL,
  parseV2Frame,
  SUBSCRIBE_EVENTS,
  V2_KINDS,
  type V2AccountEvent,
  type V2Base,
  type V2CommitEvent,
  type V2Error,
  type V2Event,
  type V2Frame,
  type V2IdentityEvent,
  type V2Info,
  type V2Kind,
  type V2SyncEvent,
} from './v2-events.ts'
export { encodeV2Query, parseV2Request, type V2ErrorName, type V2Request } from './v2-params.ts'
export { parseDictionaryId } from './zstd.ts'
