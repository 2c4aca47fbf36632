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
  cidAt,
  cidForCbor,
  cidForRaw,
  cidFromBytes,
  cidFromDigest,
  parseCid,
  verifyCid,
  type CidCodec,
} from './cid.ts'
export { CidMap, type BlockMap } from './cid-map.ts'
export { CID_LENGTH, cidEquals, cidKey, formatCid, isCid } from './compact-cid.ts'
export { DataError, type DataErrorCode } from './error.ts'
export { fromJson, fromJsonObject, toJson, type JsonObject, type JsonValue } from './json.ts'
export {
  isJsonBlobRef,
  isJsonLink,
  jsonByteLength,
  type JsonBlobRef,
  type JsonBytes,
  type JsonLink,
} from './json-forms.ts'
export { latin1 } from './latin1.ts'
export { sha256 } from './sha256.ts'
export { equals, type Bounds, type DataObject, type DataValue, type ReadJsonOptions } from './value.ts'
