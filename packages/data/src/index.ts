export {
  findBlobCids,
  findBlobs,
  isBlobRef,
  isLegacyBlobRef,
  type BlobRef,
  type LegacyBlobRef,
} from './blob.ts'
export { concatBytes, readBounded } from './bytes.ts'
export {
  CID,
  CID_LENGTH,
  cidAt,
  cidEquals,
  cidForCbor,
  cidForRaw,
  cidFromBytes,
  cidFromDigest,
  cidKey,
  formatCid,
  isCid,
  parseCid,
  verifyCid,
  type CidCodec,
} from './cid.ts'
export { CidMap, type BlockMap } from './cid-map.ts'
export { DataError, type DataErrorCode } from './error.ts'
export { fromJson, fromJsonObject, toJson, type JsonObject, type JsonValue } from './json.ts'
export { latin1 } from './latin1.ts'
export { sha256 } from './sha256.ts'
export { equals, type Bounds, type DataObject, type DataValue } from './value.ts'
