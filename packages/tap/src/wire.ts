export { parseRepoInfo, repoInfoJson, type TapRepoInfo, type TapRepoState } from './answers.ts'
export { basicAuth, checkBasicAuth } from './auth.ts'
export {
  encodeAck,
  encodeTapEvent,
  parseAck,
  parseTapEvent,
  TAP_STATUSES,
  tapStatusOf,
  type InvalidTapEvent,
  type Parsed,
  type TapDeleteEvent,
  type TapEvent,
  type TapIdentityEvent,
  type TapPutEvent,
  type TapRecordBase,
  type TapStatus,
} from './events.ts'
export { GROUP_STARTS, isGroupStart, type GroupStart } from './start.ts'
