import { isIP } from 'node:net'

import { BlobError } from './error.ts'

/** Where a bucket is, and how it is asked. */
export interface S3Options {
  readonly bucket: string
  /** Default `us-east-1`. */
  readonly region?: string | undefined
  /** Base URL of the service; default that of Amazon in the region. */
  readonly endpoint?: string | undefined
  /** Whether the bucket is a part of the path, not of the host name; always so where a host name cannot carry it. */
  readonly forcePathStyle?: boolean | undefined
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary keys. */
  readonly sessionToken?: string | undefined
  /** Put before every key, such as `pds/`; default none. */
  readonly prefix?: string | undefined
  /** The longest the service may take for the bytes of one blob, all attempts together, in milliseconds; default 20 000. */
  readonly uploadTimeoutMs?: number | undefined
  /** The longest it may keep silent otherwise, in milliseconds; default `uploadTimeoutMs`, but 6000 to 15 000. */
  readonly requestTimeoutMs?: number | undefined
  /** How often a request is sent until it has an answer that counts; default 4. */
  readonly attempts?: number | undefined
  /** Milliseconds before the second attempt, about twice as long before each that follows; default 100. */
  readonly retryMs?: number | undefined
  /** Keys listed at a time; default 1000, which is the most that services give. */
  readonly pageSize?: number | undefined
  /** Default the platform's. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

/**
 * The base URL of a bucket.
 * @throws BlobError `invalid-option`
 */
export function bucketUrl({
  bucket,
  region = 'us-east-1',
  endpoint,
  forcePathStyle = false,
}: S3Options): URL {
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and older ones with capitals and underscores
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) {
    throw new BlobError('invalid-option', `not the name of a bucket; bucket=${bucket.slice(0, 100)}`)
  }
  const url = URL.parse(endpoint ?? `https://s3.${region}.amazonaws.com`)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '') {
    throw new BlobError('invalid-option', `not the URL of an S3 service; endpoint=${endpoint?.slice(0, 200)}`)
  }
  const path = url.pathname.replace(/\/$/, '')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  // The certificates of services are for one label before their name.
  const isInPath = forcePathStyle || isIP(host) !== 0 || host === 'localhost' || bucket.includes('.')
  if (isInPath) url.pathname = `${path}/${bucket}`
  else url.hostname = `${bucket}.${url.hostname}`
  return url
}
