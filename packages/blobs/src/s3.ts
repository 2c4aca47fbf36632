export { openS3Blobs, readS3Blobs, type S3Blobs, type S3BlobsOptions } from './s3-store.ts'
export type { S3Options } from './s3-options.ts'
