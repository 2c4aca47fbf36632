import type { BlobBucket } from './config.ts'
import type { Draft, Setting } from './setting.ts'
import { bad, boolean, httpUrl, integer, SettingError } from './values.ts'

const NAME = 'PDS_BLOBSTORE_S3_BUCKET'

/** Settings of blobs in S3, or in another service that speaks its language. */
export const BUCKET_SETTINGS: readonly Setting[] = [
  {
    env: NAME,
    description: 'bucket for blobs, of which this server is the only user',
    default: 'none: blobs are kept on disk',
    apply: (text, { bucket }) => (bucket.bucket = text),
  },
  {
    env: 'PDS_BLOBSTORE_S3_REGION',
    description: 'its region',
    default: 'AWS_REGION, else us-east-1',
    apply: (text, { bucket }) => (bucket.region = text),
  },
  {
    env: 'PDS_BLOBSTORE_S3_ENDPOINT',
    description: 'URL of the service',
    default: "Amazon's in the region",
    apply: (text, { bucket }) => (bucket.endpoint = httpUrl(text)),
  },
  {
    env: 'PDS_BLOBSTORE_S3_FORCE_PATH_STYLE',
    description: 'put the bucket into the path, not into the host name',
    default: 'false',
    apply: (text, { bucket }) => (bucket.forcePathStyle = boolean(text)),
  },
  {
    env: 'PDS_BLOBSTORE_S3_ACCESS_KEY_ID',
    description: 'key that may list, read, write and delete there',
    default: 'AWS_ACCESS_KEY_ID',
    apply: (text, { bucket }) => (bucket.accessKeyId = text),
  },
  {
    env: 'PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY',
    description: 'its secret',
    default: 'AWS_SECRET_ACCESS_KEY',
    apply: (text, { bucket }) => (bucket.secretAccessKey = text),
  },
  {
    env: 'PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS',
    description: 'the longest the service may take for one blob, in milliseconds',
    default: '20000',
    apply: (text, { bucket }) => (bucket.uploadTimeoutMs = integer(text, 1, 86_400_000)),
  },
  {
    env: 'PDS_BLOBSTORE_S3_REQUEST_TIMEOUT_MS',
    description: 'the longest it may keep silent otherwise, in milliseconds',
    default: 'that of uploads, but 6000 to 15000',
    apply: (text, { bucket }) => (bucket.requestTimeoutMs = integer(text, 1, 86_400_000)),
  },
]

/**
 * The bucket that the settings name, or null. Keys and region that are not given are those of Amazon's own programs.
 * @throws SettingError when a part is missing, or when blobs would be in two places
 */
export function bucketOf(
  { bucket: draft, options }: Draft,
  env: Readonly<Record<string, string | undefined>>,
): BlobBucket | null {
  const { bucket, ...rest } = draft
  if (bucket === undefined) {
    const lone = BUCKET_SETTINGS.find(({ env: name }) => name !== NAME && (env[name] ?? '') !== '')
    if (lone === undefined) return null
    throw new SettingError(lone.env, `${lone.env}: it belongs to ${NAME}, which is not set`)
  }
  if (options.blobDirectory !== undefined) {
    throw new SettingError(NAME, `${NAME}: blobs cannot be in a bucket and in PDS_BLOBSTORE_DISK_LOCATION`)
  }
  const given = rest.accessKeyId !== undefined || rest.secretAccessKey !== undefined
  const keys = given
    ? { accessKeyId: rest.accessKeyId, secretAccessKey: rest.secretAccessKey }
    : {
        accessKeyId: env['AWS_ACCESS_KEY_ID'],
        secretAccessKey: env['AWS_SECRET_ACCESS_KEY'],
        sessionToken: env['AWS_SESSION_TOKEN'] || undefined,
      }
  const region = rest.region ?? (env['AWS_REGION'] || undefined)
  const { accessKeyId, secretAccessKey } = keys
  if (!accessKeyId || !secretAccessKey) {
    throw new SettingError(
      NAME,
      'PDS_BLOBSTORE_S3_ACCESS_KEY_ID and PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY: both must be set (roles of machines are not asked for)',
    )
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) bad('the name of a bucket', bucket)
  return { ...rest, ...keys, bucket, region, accessKeyId, secretAccessKey }
}
