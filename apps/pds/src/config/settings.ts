import type { PdsOptions, ServiceEndpoint } from './config.ts'
import { BUCKET_SETTINGS, bucketOf } from './bucket-settings.ts'
import { DATABASE_SETTINGS, postgresOf } from './database-settings.ts'
import { MAIL_SETTINGS } from './mail-settings.ts'
import { OPERATOR_SETTINGS } from './operator-settings.ts'
import { PAGE_SETTINGS } from './page-settings.ts'
import { REDIS_SETTINGS, redisOf } from './redis-settings.ts'
import type { Draft, Setting } from './setting.ts'
import { checkEnvironment } from './environment.ts'
import {
  addressBlock,
  bad,
  boolean,
  did,
  handleDomain,
  hostname,
  httpUrl,
  imagePattern,
  integer,
  list,
  logLevel,
  privateKeyHex,
  publicOrigin,
  SettingError,
} from './values.ts'

const service = (key: 'appView' | 'reportService' | 'modService', part: 'url' | 'did') => {
  return (text: string, draft: Draft): void => {
    const entry = draft.services.get(key) ?? {}
    entry[part] = part === 'url' ? httpUrl(text) : did(text)
    draft.services.set(key, entry)
  }
}

/** Every setting, in the order `--help` shows them. */
export const SETTINGS: readonly Setting[] = [
  {
    env: 'PDS_PORT',
    flag: '--port',
    placeholder: 'number',
    description: 'TCP port',
    default: '2583',
    apply: (text, { options }) => (options.port = integer(text, 0, 65_535)),
  },
  {
    env: 'PDS_HOST',
    flag: '--host',
    placeholder: 'address',
    description: 'address to bind',
    default: '127.0.0.1 on localhost, else all addresses',
    apply: (text, { options }) => (options.host = text),
  },
  {
    env: 'PDS_HOSTNAME',
    flag: '--hostname',
    placeholder: 'name',
    description: 'public host name',
    default: 'localhost',
    apply: (text, { options }) => (options.hostname = hostname(text)),
  },
  {
    env: 'PDS_PUBLIC_URL',
    flag: '--public-url',
    placeholder: 'url',
    description: 'public origin, without a path; https, but on this machine',
    default: 'https://<hostname>; http://localhost:<port> on localhost',
    apply: (text, { options }) => (options.publicUrl = publicOrigin(text)),
  },
  {
    env: 'PDS_DATA_DIRECTORY',
    flag: '--data',
    placeholder: 'folder',
    description: 'database, blobs and generated secrets',
    default: './data/pds',
    apply: (text, { options }) => (options.dataDirectory = text),
  },
  {
    env: 'PDS_BLOBSTORE_DISK_LOCATION',
    flag: '--blobs',
    placeholder: 'folder',
    description: 'blobs',
    default: '<data>/blobs',
    apply: (text, { options }) => (options.blobDirectory = text),
  },
  ...BUCKET_SETTINGS,
  ...DATABASE_SETTINGS,
  {
    env: 'PDS_UPGRADE_BACKUPS',
    description: 'copies of the database to keep, one is made before each upgrade; 0 for none',
    default: '3',
    apply: (text, { options }) => (options.upgradeBackups = integer(text, 0, 1000)),
  },
  {
    env: 'PDS_DID_PLC_URL',
    flag: '--plc-url',
    placeholder: 'url',
    description: 'did:plc directory',
    default: 'https://plc.directory',
    apply: (text, { options }) => (options.plcUrl = httpUrl(text)),
  },
  {
    env: 'PDS_SERVICE_HANDLE_DOMAINS',
    flag: '--handle-domains',
    placeholder: 'list',
    description: 'suffixes of the handles given out here, comma-separated',
    default: '.<hostname>; .test on localhost',
    apply: (text, { options }) => (options.handleDomains = list(text).map(handleDomain)),
  },
  {
    env: 'PDS_INVITE_REQUIRED',
    flag: '--invite-required',
    placeholder: 'true|false',
    description: 'accounts need an invite code',
    default: 'true, false in dev mode',
    apply: (text, { options }) => (options.inviteRequired = boolean(text)),
  },
  {
    env: 'PDS_DEV_MODE',
    flag: '--dev',
    placeholder: 'true|false',
    description: 'allow loopback addresses, no rate limits',
    default: 'true on localhost, else false',
    apply: (text, { options }) => (options.devMode = boolean(text)),
  },
  {
    env: 'PDS_BLOB_UPLOAD_LIMIT',
    description: 'largest blob in bytes',
    default: '100000000',
    apply: (text, { options }) => (options.blobUploadLimit = integer(text, 1, 10_000_000_000)),
  },
  {
    env: 'PDS_MAX_REPO_IMPORT_SIZE',
    description: 'largest repository import in bytes',
    default: '500000000',
    apply: (text, { options }) => (options.maxRepoImportSize = integer(text, 1, 10_000_000_000)),
  },
  {
    env: 'PDS_ACCEPTING_REPO_IMPORTS',
    description: 'take in repositories of accounts that move here',
    default: 'true',
    apply: (text, { options }) => (options.acceptingImports = boolean(text)),
  },
  {
    env: 'PDS_SERVICE_DID',
    description: 'DID of this server',
    default: 'did:web:<hostname>',
    apply: (text, { options }) => (options.serviceDid = did(text)),
  },
  {
    env: 'PDS_JWT_SECRET',
    description: 'key of the session tokens',
    default: 'created in <data>/secrets.json',
    apply: (text, { options }) =>
      (options.jwtSecret = text.length >= 16 ? text : bad('16 characters or more', '…')),
  },
  {
    env: 'PDS_ADMIN_PASSWORD',
    description: 'password of the admin methods',
    default: 'created in <data>/secrets.json',
    apply: (text, { options }) => (options.adminPassword = text),
  },
  {
    env: 'PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX',
    description: 'key that signs PLC operations',
    default: 'created in <data>/secrets.json',
    apply: (text, { options }) => (options.plcRotationKeyHex = privateKeyHex(text)),
  },
  {
    env: 'PDS_RECOVERY_DID_KEY',
    description: 'a did:key of the operator put first among the rotation keys',
    default: 'none',
    apply: (text, { options }) => (options.recoveryDidKey = did(text)),
  },
  {
    env: 'PDS_MAX_SUBSCRIBERS',
    description: 'open subscriptions of the firehose',
    default: '1000',
    apply: (text, { options }) => (options.subscribers = integer(text, 1, 100_000)),
  },
  {
    env: 'PDS_MAX_SUBSCRIBERS_PER_ADDRESS',
    description: 'those from one address, an IPv6 address by its /64; no limit in dev mode',
    default: '5',
    apply: (text, { options }) => (options.subscribersPerAddress = integer(text, 1, 100_000)),
  },
  {
    env: 'PDS_CRAWLERS',
    description: 'relays asked to crawl this server, comma-separated',
    default: 'none',
    apply: (text, { options }) => (options.crawlers = list(text).map(httpUrl)),
  },
  {
    env: 'PDS_REPO_BACKFILL_LIMIT_MS',
    description: 'how long events stay on the firehose, in milliseconds',
    default: '259200000 (72 h)',
    apply: (text, { options }) => (options.repoBackfillLimitMs = integer(text, 1, 1e12)),
  },
  {
    env: 'PDS_BSKY_APP_VIEW_URL',
    description: 'AppView that unknown methods are forwarded to',
    default: 'none',
    apply: service('appView', 'url'),
  },
  { env: 'PDS_BSKY_APP_VIEW_DID', description: 'its DID', default: 'none', apply: service('appView', 'did') },
  {
    env: 'PDS_BSKY_APP_VIEW_CDN_URL_PATTERN',
    description: 'URL of its pictures, with %s for preset, DID and CID',
    default: 'none: pictures are linked to here',
    apply: (text, { options }) => (options.appViewImages = imagePattern(text)),
  },
  {
    env: 'PDS_REPORT_SERVICE_URL',
    description: 'service that takes reports',
    default: 'none',
    apply: service('reportService', 'url'),
  },
  {
    env: 'PDS_REPORT_SERVICE_DID',
    description: 'its DID',
    default: 'none',
    apply: service('reportService', 'did'),
  },
  {
    env: 'PDS_MOD_SERVICE_URL',
    description: 'moderation service',
    default: 'none',
    apply: service('modService', 'url'),
  },
  {
    env: 'PDS_MOD_SERVICE_DID',
    description: 'its DID',
    default: 'none',
    apply: service('modService', 'did'),
  },
  ...MAIL_SETTINGS,
  {
    env: 'PDS_PRIVACY_POLICY_URL',
    description: 'link shown by describeServer and on the pages; whoever signs up there has to agree to it',
    default: 'none',
    apply: (text, { options }) => (options.privacyPolicyUrl = httpUrl(text)),
  },
  {
    env: 'PDS_TERMS_OF_SERVICE_URL',
    description: 'link shown by describeServer and on the pages; whoever signs up there has to agree to it',
    default: 'none',
    apply: (text, { options }) => (options.termsOfServiceUrl = httpUrl(text)),
  },
  ...PAGE_SETTINGS,
  {
    env: 'PDS_RATE_LIMITS_ENABLED',
    description: 'limit requests per address and account',
    default: 'true, false in dev mode',
    apply: (text, { options }) => (options.rateLimitsEnabled = boolean(text)),
  },
  {
    env: 'PDS_RATE_LIMIT_BYPASS_KEY',
    description: 'value of x-ratelimit-bypass that lifts the limits',
    default: 'none',
    apply: (text, { options }) => (options.rateLimitBypassKey = text),
  },
  {
    env: 'PDS_RATE_LIMIT_BYPASS_IPS',
    description: 'addresses or blocks (192.0.2.0/24) that are not limited, comma-separated',
    default: 'none',
    apply: (text, { options }) => (options.rateLimitBypassIps = list(text).map(addressBlock)),
  },
  ...REDIS_SETTINGS,
  {
    env: 'PDS_DISABLE_SSRF_PROTECTION',
    description: 'allow requests to private addresses',
    default: 'false',
    apply: (text, { options }) => (options.disableSsrfProtection = boolean(text)),
  },
  {
    env: 'PDS_RESOLVE_LEXICONS',
    description: 'look for lexicons of unknown record types on the network',
    default: 'true, false in dev mode',
    apply: (text, { options }) => (options.resolveLexicons = boolean(text)),
  },
  {
    env: 'LOG_LEVEL',
    flag: '--log-level',
    placeholder: 'level',
    description: 'silent, error, warn, info or debug',
    default: 'info',
    apply: (text, { options }) => (options.logLevel = logLevel(text)),
  },
  ...OPERATOR_SETTINGS,
]

/**
 * Reads the settings: a flag beats its environment variable, an empty variable counts as absent.
 * @throws SettingError naming the flag or variable whose value cannot be used, or that is not known and bears data or keys
 */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  flags: ReadonlyMap<string, string> = new Map(),
): PdsOptions {
  const draft: Draft = { options: {}, postgres: {}, redis: {}, bucket: {}, services: new Map() }
  readWarnings(env)
  for (const setting of SETTINGS) {
    const flag = setting.flag === undefined ? undefined : flags.get(setting.flag)
    const text = flag ?? env[setting.env]
    if (text === undefined || (flag === undefined && text === '')) continue
    try {
      setting.apply(text, draft)
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      const name = flag === undefined ? setting.env : setting.flag!
      throw new SettingError(name, `${name}: ${error.message}`)
    }
  }
  for (const [key, { url, did: serviceDid }] of draft.services) {
    if (url === undefined || serviceDid === undefined) {
      throw new SettingError(key, `the URL and the DID of a service belong together; service=${key}`)
    }
    draft.options[key] = { url, did: serviceDid } satisfies ServiceEndpoint
  }
  const blobBucket = bucketOf(draft, env)
  if (blobBucket !== null) draft.options.blobBucket = blobBucket
  const postgres = postgresOf(draft, env)
  if (postgres !== null) draft.options.postgres = postgres
  const redisUrl = redisOf(draft)
  if (redisUrl !== null) draft.options.redisUrl = redisUrl
  return { dataDirectory: './data/pds', ...draft.options }
}

/** What to tell the operator about variables without effect, a line each. @throws SettingError for one with data or keys */
export function readWarnings(env: Readonly<Record<string, string | undefined>>): string[] {
  return checkEnvironment(
    env,
    SETTINGS.map(({ env: name }) => name),
  )
}
