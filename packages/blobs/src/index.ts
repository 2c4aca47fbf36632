export { answerBlob, type BlobAnswer, type BlobRequest, type BlobSources, type ServedBlob } from './answer.ts'
export { createDurationMeter, type DurationMeter } from './duration.ts'
export { BlobError, type BlobErrorCode } from './error.ts'
export { createMemoryBlobs, type MemoryBlobsOptions } from './memory-store.ts'
export { parseRange, type ByteRange } from './range.ts'
export {
  createRemoteBlobs,
  type AddedBlob,
  type BlobLimits,
  type Rechecked,
  type RemoteBlobs,
  type RemoteBlobsOptions,
} from './remote-blobs.ts'
export type { RemoteFault, RemoteFaultCode, RemoteFetch, RemoteResult } from './remote-fetch.ts'
export { createMemoryRemoteRows, type RemoteBlob, type RemoteBlobRows } from './remote-rows.ts'
export { SNIFF_BYTES, sniffMime } from './sniff.ts'
export type { BlobEntry, BlobReader, BlobStore, BlobUpkeep, StoredBlob } from './store.ts'
