import { join } from 'node:path'

import { BlobError, type BlobReader, type BlobStore, type BlobUpkeep } from '@avocet/blobs'
import { areRemovalsHeld, blobFolderName, openDiskBlobs, readDiskBlobs } from '@avocet/blobs/disk'
import { openS3Blobs, readS3Blobs } from '@avocet/blobs/s3'
import type { Did } from '@avocet/syntax'

import type { BlobBucket, PdsConfig } from '../config/config.ts'
import { blobFolder } from '../config/data-directory.ts'
import { DataDirectoryError } from '../config/secrets.ts'

/** The largest blobs that find room on their way to a bucket: all uploads of ten accounts (`REPO_HOST_LIMITS` of `@avocet/repo-server`). */
const SPOOLED_BLOBS = 80

/**
 * Opens the bytes of blobs where the settings have them: in a folder, or in a bucket.
 *
 * @param onUnavailable called when the service of the bucket does not answer, which opens all the same; else that throws
 * @throws DataDirectoryError
 */
export async function openBlobs(
  config: PdsConfig,
  onUnavailable?: (error: BlobError) => void,
): Promise<BlobStore & BlobUpkeep> {
  const folder = blobFolder(config)
  const { blobBucket } = config
  if (blobBucket === null) {
    return openDiskBlobs(folder, {
      isHeld: () => areRemovalsHeld(config.dataDirectory),
      // Several processes on one database have one folder of blobs.
      isShared: config.postgres !== null,
    })
  }
  const spoolBytes = SPOOLED_BLOBS * config.blobUploadLimit
  const spoolFolder = join(folder, 'temporary')
  return explained(
    openS3Blobs({ ...blobBucket, owner: config.hostname, spoolFolder, spoolBytes, onUnavailable }),
  )
}

/** The same, to look only: nothing is made or written. */
export function readBlobs(config: PdsConfig): BlobReader {
  return config.blobBucket === null ? readDiskBlobs(blobFolder(config)) : readS3Blobs(config.blobBucket)
}

/**
 * Refuses a bucket with blobs for a server that begins anew: it would take them for what former accounts left.
 * @throws DataDirectoryError
 */
export async function refuseFilledBucket({ blobBucket, dataDirectory }: PdsConfig): Promise<void> {
  if (blobBucket === null || (await explained(readS3Blobs(blobBucket).isEmpty()))) return
  throw new DataDirectoryError(
    `there are blobs of accounts in the bucket but no database; bucket=${bucketName(blobBucket)} path=${dataDirectory}\n` +
      'Check PDS_DATA_DIRECTORY and PDS_BLOBSTORE_S3_BUCKET; put a lost database back with: avocet-pds restore <backup>',
  )
}

/** Where the bytes of a blob are, for an operator. */
export const placeOf = (config: PdsConfig, did: Did, cid: string): string =>
  config.blobBucket === null
    ? join(blobFolder(config), blobFolderName(did), cid)
    : `${bucketName(config.blobBucket)}/blocks/${did}/${cid}`

/** A bucket as an operator knows it. */
export const bucketName = ({ bucket, endpoint }: BlobBucket): string =>
  endpoint === undefined ? `s3://${bucket}` : `${endpoint}/${bucket}`

async function explained<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof BlobError)) throw error
    throw new DataDirectoryError(`cannot open the store of blobs; ${error.message}`, { cause: error })
  }
}
