import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { loadSecrets } from '../src/config/secrets.ts'
import { readSettings, SETTINGS } from '../src/config/settings.ts'
import { SettingError } from '../src/config/values.ts'

const BUCKET = {
  PDS_BLOBSTORE_S3_BUCKET: 'blobs',
  PDS_BLOBSTORE_S3_ACCESS_KEY_ID: 'key',
  PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY: 'secret',
}

test.each<[Record<string, string>, string]>([
  [{ PDS_PORT: '70000' }, 'PDS_PORT: expected a whole number'],
  [{ PDS_PORT: '12.5' }, 'PDS_PORT: expected a whole number'],
  [{ PDS_DID_PLC_URL: 'nowhere' }, 'PDS_DID_PLC_URL: expected an http(s) URL'],
  [
    { PDS_PUBLIC_URL: 'https://pds.example.com/pds' },
    'PDS_PUBLIC_URL: expected an origin such as https://pds.example.com',
  ],
  [{ PDS_PUBLIC_URL: 'https://pds.example.com?x' }, 'PDS_PUBLIC_URL: expected an origin'],
  [{ PDS_PUBLIC_URL: 'https://me@pds.example.com' }, 'PDS_PUBLIC_URL: expected an origin'],
  [{ PDS_PUBLIC_URL: 'pds.example.com' }, 'PDS_PUBLIC_URL: expected an http(s) URL'],
  [{ PDS_PUBLIC_URL: 'ftp://pds.example.com' }, 'PDS_PUBLIC_URL: expected an http(s) URL'],
  [{ PDS_PUBLIC_URL: 'http://pds.example.com' }, 'PDS_PUBLIC_URL: expected https'],
  [{ PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: 'xyz' }, 'expected 64 hexadecimal digits'],
  [{ PDS_INVITE_REQUIRED: 'perhaps' }, 'PDS_INVITE_REQUIRED: expected true or false'],
  [{ PDS_SERVICE_HANDLE_DOMAINS: 'example.com' }, 'PDS_SERVICE_HANDLE_DOMAINS: expected suffixes'],
  [{ PDS_HOSTNAME: 'https://x.com' }, 'PDS_HOSTNAME: expected a host name'],
  [{ PDS_JWT_SECRET: 'short' }, 'PDS_JWT_SECRET: expected 16 characters or more'],
  [
    { PDS_RATE_LIMIT_BYPASS_IPS: '10.0.0.0/33' },
    'PDS_RATE_LIMIT_BYPASS_IPS: expected an IP address or a block',
  ],
  [{ PDS_RATE_LIMIT_BYPASS_IPS: 'relay' }, 'PDS_RATE_LIMIT_BYPASS_IPS: expected an IP address or a block'],
  [{ PDS_BLOBSTORE_S3_BUCKET: 'blobs' }, 'PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY: both must be set'],
  [
    { ...BUCKET, PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY: '' },
    'PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY: both must be set',
  ],
  [{ ...BUCKET, PDS_BLOBSTORE_S3_ACCESS_KEY_ID: '' }, 'PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY: both must be set'],
  [{ ...BUCKET, PDS_BLOBSTORE_S3_BUCKET: 's3://blobs' }, 'expected the name of a bucket, got "s3://blobs"'],
  [{ ...BUCKET, PDS_BLOBSTORE_S3_BUCKET: '' }, 'it belongs to PDS_BLOBSTORE_S3_BUCKET, which is not set'],
  [
    { ...BUCKET, PDS_BLOBSTORE_DISK_LOCATION: '/b' },
    'PDS_BLOBSTORE_S3_BUCKET: blobs cannot be in a bucket and in',
  ],
  [
    { ...BUCKET, PDS_BLOBSTORE_S3_ENDPOINT: 's3.example.com' },
    'PDS_BLOBSTORE_S3_ENDPOINT: expected an http(s) URL',
  ],
  [
    { ...BUCKET, PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS: '0' },
    'PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS: expected a whole',
  ],
  [{ PDS_BLOBSTORE_S3_BUKET: 'blobs' }, 'did you mean PDS_BLOBSTORE_S3_BUCKET?'],
  [{ PDS_BSKY_APP_VIEW_URL: 'https://view.example.com' }, 'the URL and the DID of a service belong together'],
])('%j is refused', (env, message) => {
  expect(() => readSettings(env)).toThrow(SettingError)
  expect(() => readSettings(env)).toThrow(message)
})

test.each([
  ['https://pds.example.com', 'https://pds.example.com'],
  ['https://PDS.example.com:443/', 'https://pds.example.com'],
  ['https://pds.example.com:8443', 'https://pds.example.com:8443'],
  ['http://localhost:2583', 'http://localhost:2583'],
  ['http://127.0.0.1:2583//', 'http://127.0.0.1:2583'],
  ['http://[::1]:2583', 'http://[::1]:2583'],
])('the public URL %s is taken as %s', (given, taken) => {
  expect(readSettings({ PDS_PUBLIC_URL: given }).publicUrl).toBe(taken)
})

test('a bucket is named as for the reference server, and its keys as for programs of Amazon', () => {
  expect(readSettings(BUCKET).blobBucket).toEqual({
    bucket: 'blobs',
    region: undefined,
    accessKeyId: 'key',
    secretAccessKey: 'secret',
  })
  const all = {
    ...BUCKET,
    PDS_BLOBSTORE_S3_REGION: 'eu-west-1',
    PDS_BLOBSTORE_S3_ENDPOINT: 'https://s3.example.com/',
    PDS_BLOBSTORE_S3_FORCE_PATH_STYLE: 'true',
    PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS: '60000',
    PDS_BLOBSTORE_S3_REQUEST_TIMEOUT_MS: '5000',
    AWS_REGION: 'us-east-2',
    AWS_ACCESS_KEY_ID: 'other',
    AWS_SECRET_ACCESS_KEY: 'other',
    AWS_SESSION_TOKEN: 'other',
  }
  expect(readSettings(all).blobBucket).toEqual({
    bucket: 'blobs',
    region: 'eu-west-1',
    endpoint: 'https://s3.example.com',
    forcePathStyle: true,
    accessKeyId: 'key',
    secretAccessKey: 'secret',
    uploadTimeoutMs: 60_000,
    requestTimeoutMs: 5000,
  })
  const amazon = {
    PDS_BLOBSTORE_S3_BUCKET: 'blobs',
    AWS_REGION: 'us-east-2',
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    AWS_SESSION_TOKEN: 'c',
  }
  expect(readSettings(amazon).blobBucket).toEqual({
    bucket: 'blobs',
    region: 'us-east-2',
    accessKeyId: 'a',
    secretAccessKey: 'b',
    sessionToken: 'c',
  })
})

test('a secret does not show in the message that refuses it', () => {
  expect(() => readSettings({ PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: 'a1b2c3' })).not.toThrow('a1b2c3')
})

test('a flag beats its variable, an empty variable counts as absent', () => {
  const env = { PDS_PORT: '3000', PDS_HOSTNAME: '', PDS_DATA_DIRECTORY: '/data' }
  const options = readSettings(env, new Map([['--port', '4000']]))
  expect(options).toEqual({ port: 4000, dataDirectory: '/data' })
})

test('a pds.env of the reference server is understood', () => {
  const options = readSettings({
    PDS_HOSTNAME: 'pds.example.com',
    PDS_JWT_SECRET: '0123456789abcdef0123456789abcdef',
    PDS_ADMIN_PASSWORD: 'secret',
    PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: 'ab'.repeat(32),
    PDS_DATA_DIRECTORY: '/pds',
    PDS_BLOBSTORE_DISK_LOCATION: '/pds/blocks',
    PDS_BLOB_UPLOAD_LIMIT: '104857600',
    PDS_DID_PLC_URL: 'https://plc.directory/',
    PDS_BSKY_APP_VIEW_URL: 'https://api.bsky.app',
    PDS_BSKY_APP_VIEW_DID: 'did:web:api.bsky.app',
    PDS_CRAWLERS: 'https://bsky.network, https://relay.example.com',
    PDS_INVITE_REQUIRED: 'true',
    LOG_ENABLED: 'true',
  })
  expect(resolveConfig(options)).toMatchObject({
    hostname: 'pds.example.com',
    handleDomains: ['.pds.example.com'],
    plcUrl: 'https://plc.directory',
    appView: { url: 'https://api.bsky.app', did: 'did:web:api.bsky.app' },
    crawlers: ['https://bsky.network', 'https://relay.example.com'],
    inviteRequired: true,
    devMode: false,
    rateLimitsEnabled: true,
  })
})

test.each([
  ['silent', 'silent'],
  ['error', 'error'],
  ['fatal', 'error'],
  ['warn', 'warn'],
  ['info', 'info'],
  ['debug', 'debug'],
  ['trace', 'debug'],
])('the level %s of the log is %s', (text, logLevel) => {
  expect(readSettings({ LOG_LEVEL: text }).logLevel).toBe(logLevel)
  expect(readSettings({}, new Map([['--log-level', text]])).logLevel).toBe(logLevel)
})

test('no other level', () => {
  expect(() => readSettings({ LOG_LEVEL: 'loud' })).toThrow('LOG_LEVEL: expected silent, error, warn')
})

test('secrets that are given are used, and nothing is written when all are', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-secrets-'))
  try {
    const given = { jwtSecret: 'j'.repeat(32), adminPassword: 'p', plcRotationKeyHex: 'ab'.repeat(32) }
    expect(await loadSecrets(resolveConfig({ dataDirectory: join(folder, 'absent'), ...given }))).toEqual(
      given,
    )
    const made = await loadSecrets(resolveConfig({ dataDirectory: folder }))
    expect(made.plcRotationKeyHex).toMatch(/^[0-9a-f]{64}$/)
    expect(await loadSecrets(resolveConfig({ dataDirectory: folder }))).toEqual(made)
    expect(await loadSecrets(resolveConfig({ dataDirectory: folder, adminPassword: 'mine' }))).toEqual({
      ...made,
      adminPassword: 'mine',
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('the README lists every setting with its default', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  for (const { env, flag = '', description, default: value } of SETTINGS) {
    const cells = [`\`${env}\``, flag === '' ? '' : `\`${flag}\``, description, value.replaceAll('<', '&lt;')]
    expect(readme).toContain(`| ${cells.join(' | ')} |`)
  }
})
