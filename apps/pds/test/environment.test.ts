import { readFile } from 'node:fs/promises'

import { expect, test } from 'vitest'

import { reachOf, resolveConfig } from '../src/config/config.ts'
import { nearest } from '../src/config/environment.ts'
import { IGNORED, REFUSED } from '../src/config/known-variables.ts'
import { readSettings, readWarnings, SETTINGS } from '../src/config/settings.ts'
import { SettingError } from '../src/config/values.ts'

/** What the installer of the reference distribution writes. */
const DISTRIBUTION = {
  PDS_HOSTNAME: 'pds.example.com',
  PDS_JWT_SECRET: '0123456789abcdef0123456789abcdef',
  PDS_ADMIN_PASSWORD: 'secret',
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: 'ab'.repeat(32),
  PDS_DATA_DIRECTORY: '/pds',
  PDS_BLOBSTORE_DISK_LOCATION: '/pds/blocks',
  PDS_BLOB_UPLOAD_LIMIT: '104857600',
  PDS_DID_PLC_URL: 'https://plc.directory',
  PDS_BSKY_APP_VIEW_URL: 'https://api.bsky.app',
  PDS_BSKY_APP_VIEW_DID: 'did:web:api.bsky.app',
  PDS_REPORT_SERVICE_URL: 'https://mod.bsky.app',
  PDS_REPORT_SERVICE_DID: 'did:plc:ar7c4by46qjdydhdevvrndac',
  PDS_CRAWLERS: 'https://bsky.network',
  LOG_ENABLED: 'true',
}

test('a pds.env of the reference distribution keeps its meaning: invites are required (B1)', () => {
  expect(readWarnings(DISTRIBUTION)).toEqual([])
  expect(resolveConfig(readSettings(DISTRIBUTION))).toMatchObject({
    inviteRequired: true,
    acceptingImports: true,
    host: '::',
    devMode: false,
  })
  const open = { ...DISTRIBUTION, PDS_INVITE_REQUIRED: 'false' }
  expect(resolveConfig(readSettings(open)).inviteRequired).toBe(false)
})

test('on localhost registration is open and only this machine is answered', () => {
  expect(resolveConfig({ dataDirectory: '/data' })).toMatchObject({
    inviteRequired: false,
    host: '127.0.0.1',
  })
  expect(resolveConfig({ dataDirectory: '/data', devMode: false }).inviteRequired).toBe(true)
})

test('the moderation service takes reports where no other is named (B7)', () => {
  const mod = { url: 'https://mod.example.com', did: 'did:web:mod.example.com' }
  const env = { PDS_MOD_SERVICE_URL: mod.url, PDS_MOD_SERVICE_DID: mod.did }
  expect(resolveConfig(readSettings(env)).reportService).toEqual(mod)
  const other = { url: 'https://other.example.com', did: 'did:web:other.example.com' }
  const both = { ...env, PDS_REPORT_SERVICE_URL: other.url, PDS_REPORT_SERVICE_DID: other.did }
  expect(resolveConfig(readSettings(both)).reportService).toEqual(other)
})

test('private addresses are reached where the operator says so, loopback ones in development too (B7)', () => {
  const reach = (env: Record<string, string>) => reachOf(resolveConfig(readSettings(env)))
  const name = { PDS_HOSTNAME: 'pds.example.com' }
  expect(reach(name)).toEqual({ allowLoopback: false, allowPrivate: false })
  expect(reach({})).toEqual({ allowLoopback: true, allowPrivate: false })
  expect(reach({ ...name, PDS_DISABLE_SSRF_PROTECTION: 'true' })).toEqual({
    allowLoopback: true,
    allowPrivate: true,
  })
})

test.each([...REFUSED.keys()])('%s stops the start and says what to do (B7)', (name) => {
  expect(() => readSettings({ [name]: 'x' })).toThrow(SettingError)
  expect(() => readSettings({ [name]: 'x' })).toThrow(`${name}: not supported, `)
  expect(readSettings({ [name]: '' })).toEqual({ dataDirectory: './data/pds' })
})

test('what has no effect is named, with the nearest name that has one (B7)', () => {
  const env = {
    HOME: '/root',
    PDS_INVITE_REQUIRD: 'true',
    PDS_LEXICON_AUTHORITY_DID: 'did:web:example.com',
    PDS_WHATEVER_IT_IS: '1',
    PDS_EMPTY: '',
  }
  expect(readWarnings(env)).toEqual([
    'PDS_INVITE_REQUIRD is no setting and has no effect; did you mean PDS_INVITE_REQUIRED?',
    'PDS_LEXICON_AUTHORITY_DID has no effect: lexicons are found by DNS',
    'PDS_WHATEVER_IT_IS is no setting and has no effect',
  ])
})

test.each([
  ['PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY', 'PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX'],
  ['PDS_DATA_DIRECTRY', 'PDS_DATA_DIRECTORY'],
  ['PDS_JWT_SECRETS', 'PDS_JWT_SECRET'],
  ['PDS_ACTORSTORE_DIRECTORY', 'PDS_ACTOR_STORE_DIRECTORY'],
])('a slip in the name of a setting with data or keys stops the start: %s', (name, meant) => {
  const message = `${name}: no such setting, did you mean ${meant}? Rename or remove it`
  expect(() => readSettings({ [name]: 'ab'.repeat(32) })).toThrow(message)
})

test('four slips are one of a name, five are another name', () => {
  expect(nearest('PDS_PORTxxxx', ['PDS_PORT'])).toBe('PDS_PORT')
  expect(nearest('PDS_PORTxxxxx', ['PDS_PORT'])).toBeNull()
  expect(nearest('PDS_HOTS', ['PDS_HOSTNAME', 'PDS_HOST'])).toBe('PDS_HOST')
})

test('each name is known once', () => {
  const settings = SETTINGS.map(({ env }) => env)
  const all = [...settings, ...REFUSED.keys(), ...IGNORED.keys()]
  expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([])
})

test('every variable of the reference server is read, refused or named', () => {
  const known = new Set([...SETTINGS.map(({ env }) => env), ...REFUSED.keys(), ...IGNORED.keys()])
  expect(REFERENCE.filter((name) => !known.has(name))).toEqual([])
})

test('the page of settings compared names every variable of the reference server, with the default here', async () => {
  const page = await readFile(new URL('../../../docs/pds-settings.md', import.meta.url), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  const row = (name: string): string =>
    rows.find((line) => line.startsWith(`| \`${name}\` |`)) ?? `no row: ${name}`
  const shown = (text: string): string => text.replaceAll('<', '&lt;')
  const settings = new Map(SETTINGS.map(({ env, default: value }) => [env, value]))
  for (const name of REFERENCE) {
    const said = settings.get(name) ?? REFUSED.get(name) ?? IGNORED.get(name) ?? ''
    expect(row(name)).toContain(`| ${shown(said)} |`)
  }
})

/** The variables that @atproto/pds 0.5.35 reads. */
const REFERENCE: readonly string[] = `
  PDS_PORT
  PDS_HOSTNAME
  PDS_SERVICE_DID
  PDS_SERVICE_NAME
  PDS_VERSION
  PDS_HOME_URL
  PDS_LOGO_URL
  PDS_PRIVACY_POLICY_URL
  PDS_SUPPORT_URL
  PDS_TERMS_OF_SERVICE_URL
  PDS_CONTACT_EMAIL_ADDRESS
  PDS_ACCEPTING_REPO_IMPORTS
  PDS_MAX_REPO_IMPORT_SIZE
  PDS_BLOB_UPLOAD_LIMIT
  PDS_DEV_MODE
  PDS_HCAPTCHA_SITE_KEY
  PDS_HCAPTCHA_SECRET_KEY
  PDS_HCAPTCHA_TOKEN_SALT
  PDS_OAUTH_TRUSTED_CLIENTS
  PDS_PRIMARY_COLOR
  PDS_ERROR_COLOR
  PDS_WARNING_COLOR
  PDS_INFO_COLOR
  PDS_SUCCESS_COLOR
  PDS_BACKGROUND_LIGHT_URL
  PDS_BACKGROUND_DARK_URL
  PDS_DATA_DIRECTORY
  PDS_SQLITE_DISABLE_WAL_AUTO_CHECKPOINT
  PDS_ACCOUNT_DB_LOCATION
  PDS_SEQUENCER_DB_LOCATION
  PDS_DID_CACHE_DB_LOCATION
  PDS_ACTOR_STORE_DIRECTORY
  PDS_ACTOR_STORE_CACHE_SIZE
  PDS_BLOBSTORE_S3_BUCKET
  PDS_BLOBSTORE_S3_REGION
  PDS_BLOBSTORE_S3_ENDPOINT
  PDS_BLOBSTORE_S3_FORCE_PATH_STYLE
  PDS_BLOBSTORE_S3_ACCESS_KEY_ID
  PDS_BLOBSTORE_S3_SECRET_ACCESS_KEY
  PDS_BLOBSTORE_S3_UPLOAD_TIMEOUT_MS
  PDS_BLOBSTORE_S3_REQUEST_TIMEOUT_MS
  PDS_BLOBSTORE_DISK_LOCATION
  PDS_BLOBSTORE_DISK_TMP_LOCATION
  PDS_DID_PLC_URL
  PDS_DID_CACHE_STALE_TTL
  PDS_DID_CACHE_MAX_TTL
  PDS_ID_RESOLVER_TIMEOUT
  PDS_RECOVERY_DID_KEY
  PDS_SERVICE_HANDLE_DOMAINS
  PDS_HANDLE_BACKUP_NAMESERVERS
  PDS_ENABLE_DID_DOC_WITH_SESSION
  PDS_ENTRYWAY_URL
  PDS_ENTRYWAY_DID
  PDS_ENTRYWAY_JWT_VERIFY_KEY_K256_PUBLIC_KEY_HEX
  PDS_ENTRYWAY_PLC_ROTATION_KEY
  PDS_INVITE_REQUIRED
  PDS_INVITE_INTERVAL
  PDS_INVITE_EPOCH
  PDS_EMAIL_SMTP_URL
  PDS_EMAIL_FROM_ADDRESS
  PDS_EMAIL_DISABLE_CONFIRMATION_LINK
  PDS_MODERATION_EMAIL_SMTP_URL
  PDS_MODERATION_EMAIL_ADDRESS
  PDS_MAX_SUBSCRIPTION_BUFFER
  PDS_REPO_BACKFILL_LIMIT_MS
  PDS_BSKY_APP_VIEW_URL
  PDS_BSKY_APP_VIEW_DID
  PDS_BSKY_APP_VIEW_CDN_URL_PATTERN
  PDS_MOD_SERVICE_URL
  PDS_MOD_SERVICE_DID
  PDS_REPORT_SERVICE_URL
  PDS_REPORT_SERVICE_DID
  PDS_RATE_LIMITS_ENABLED
  PDS_RATE_LIMIT_BYPASS_KEY
  PDS_RATE_LIMIT_BYPASS_IPS
  PDS_REDIS_SCRATCH_ADDRESS
  PDS_REDIS_SCRATCH_PASSWORD
  PDS_CRAWLERS
  PDS_DPOP_SECRET
  PDS_JWT_SECRET
  PDS_ADMIN_PASSWORD
  PDS_ENTRYWAY_ADMIN_TOKEN
  PDS_PLC_ROTATION_KEY_KMS_KEY_ID
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX
  PDS_DISABLE_SSRF_PROTECTION
  PDS_FETCH_MAX_RESPONSE_SIZE
  PDS_PROXY_ALLOW_HTTP2
  PDS_PROXY_HEADERS_TIMEOUT
  PDS_PROXY_BODY_TIMEOUT
  PDS_PROXY_MAX_RESPONSE_SIZE
  PDS_PROXY_MAX_RETRIES
  PDS_PROXY_PREFER_COMPRESSED
  PDS_LEXICON_AUTHORITY_DID
`
  .trim()
  .split(/\s+/)
