export { assertAtIdentifier, isAtIdentifier, parseAtIdentifier, type AtIdentifier } from './at-identifier.ts'
export {
  assertAtUri,
  formatAtUri,
  isAtUri,
  isRecordUri,
  parseAtUri,
  type AtUri,
  type AtUriOptions,
  type AtUriParts,
} from './at-uri.ts'
export { assertCidString, isCidString, parseCidString, type CidString } from './cid-string.ts'
export {
  assertDatetime,
  currentDatetime,
  isDatetime,
  normalizeDatetime,
  parseDatetime,
  type Datetime,
} from './datetime.ts'
export { assertDid, isDid, parseDid, type Did } from './did.ts'
export {
  assertHandle,
  isDisallowedTld,
  isHandle,
  normalizeHandle,
  parseHandle,
  type Handle,
} from './handle.ts'
export { assertLanguage, isLanguage, parseLanguage, type Language } from './language.ts'
export { assertNsid, isNsid, nsidAuthority, nsidName, parseNsid, type Nsid } from './nsid.ts'
export {
  assertRecordKey,
  isRecordKey,
  isRecordKeyOfType,
  isRecordKeyType,
  parseRecordKey,
  type RecordKey,
  type RecordKeyType,
} from './record-key.ts'
export {
  SyntaxFault,
  type Result,
  type SyntaxErrorCode,
  type SyntaxFailure,
  type SyntaxKind,
} from './result.ts'
export {
  assertTid,
  createTidClock,
  isTid,
  parseTid,
  tidClockId,
  tidFromMicros,
  tidToDate,
  tidToMicros,
  type Tid,
  type TidClock,
  type TidClockOptions,
} from './tid.ts'
export { assertUri, isUri, parseUri, type Uri } from './uri.ts'
