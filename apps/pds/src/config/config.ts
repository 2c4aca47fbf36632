import type { S3Options } from '@avocet/blobs/s3'

/** The resolved settings of a PDS. Every field has a value; `resolveConfig` fills in the defaults. */
export interface PdsConfig {
  /** TCP port; 0 picks a free one. */
  readonly port: number
  /** Address to bind; loopback on localhost, else all (`::`, which takes IPv4 too). */
  readonly host: string
  /** Public host name, `localhost` for a development network. */
  readonly hostname: string
  /** Public origin, https but on loopback; null derives it from `hostname` (and, for localhost, the port that was bound). */
  readonly publicUrl: string | null
  /** DID of this service; null means `did:web:<public host>`. */
  readonly serviceDid: string | null
  /** Folder of the database (unless it is `postgres`), the blobs and the generated secrets. */
  readonly dataDirectory: string
  /** Folder of the blobs; null means `<dataDirectory>/blobs`. */
  readonly blobDirectory: string | null
  /**
   * `'full'`: a write is answered when it is on the disk. `'normal'`: when the operating system has it; a crash of the
   * process loses nothing, the last writes may be lost when the machine loses power.
   */
  readonly sqliteSynchronous: 'full' | 'normal'
  /** Database of everything but blobs; null: SQLite in the data directory. Several processes may share it. */
  readonly postgres: PostgresPlace | null
  /** Bucket of the blobs, when they are not on disk. */
  readonly blobBucket: BlobBucket | null
  /** Base URL of the did:plc directory. */
  readonly plcUrl: string
  /** Suffixes under which this host hands out handles, each with its leading dot. */
  readonly handleDomains: readonly string[]
  /** Whether an account needs an invite code; true unless `devMode`. */
  readonly inviteRequired: boolean
  /** Whether accounts that move here may bring their repository. */
  readonly acceptingImports: boolean
  /** Largest blob accepted, in bytes. */
  readonly blobUploadLimit: number
  /** Largest repository CAR accepted by importRepo, in bytes. */
  readonly maxRepoImportSize: number
  /** Relaxes what only makes sense in public: loopback addresses may be fetched, no rate limits. */
  readonly devMode: boolean
  /** Whether lexicons that do not come with the server are looked for on the network. */
  readonly resolveLexicons: boolean
  /** Whether private addresses, and loopback ones, may be fetched by plain http, as in a network of containers. */
  readonly disableSsrfProtection: boolean
  readonly rateLimitsEnabled: boolean
  /** A request with this value in `x-ratelimit-bypass` is not limited. */
  readonly rateLimitBypassKey: string | null
  readonly rateLimitBypassIps: readonly string[]
  /** `redis://` or `rediss://` URL of what all processes count rate limits and used proofs of apps in, unless limits are off; null: each counts for itself. */
  readonly redisUrl: string | null
  /** How long events stay readable on the firehose, in milliseconds. */
  readonly repoBackfillLimitMs: number
  /** Open firehose subscriptions from everywhere, and from one address (an IPv6 /64). */
  readonly subscribers: number
  readonly subscribersPerAddress: number
  /** Hosts asked to crawl this server, as base URLs. */
  readonly crawlers: readonly string[]
  readonly appView: ServiceEndpoint | null
  /** URL of the AppView's pictures with `%s` for preset, DID and CID, in this order; null: they are linked to here. */
  readonly appViewImages: string | null
  /** Who takes reports; the moderation service unless another is named. */
  readonly reportService: ServiceEndpoint | null
  readonly modService: ServiceEndpoint | null
  readonly contactEmail: string | null
  readonly privacyPolicyUrl: string | null
  readonly termsOfServiceUrl: string | null
  /** Name of this service on its pages; null: the host name. */
  readonly serviceName: string | null
  /** https. */
  readonly logoUrl: string | null
  readonly homeUrl: string | null
  readonly supportUrl: string | null
  /** Colours of the pages as `#rrggbb`; null: those built in. */
  readonly primaryColor: string | null
  readonly errorColor: string | null
  readonly warningColor: string | null
  /** Client ids of apps that the operator vouches for. */
  readonly trustedClients: readonly string[]
  readonly emailSmtpUrl: string | null
  readonly emailFromAddress: string | null
  /** For the operator's mail to owners of accounts; null: as other mail. */
  readonly moderationEmailSmtpUrl: string | null
  readonly moderationEmailAddress: string | null
  /** HS256 key of the session tokens; null: created on first start and kept in the data directory. */
  readonly jwtSecret: string | null
  readonly adminPassword: string | null
  /** Hex of the 32-byte K-256 key that signs PLC operations; null: created on first start. */
  readonly plcRotationKeyHex: string | null
  /** The key before that one, while identities still list it. */
  readonly previousPlcRotationKeyHex: string | null
  /** A further did:key that may rotate this server's identities, put first in their PLC operations. */
  readonly recoveryDidKey: string | null
  /** Shortest duration of a sign-in attempt in milliseconds, so that its length tells nothing. */
  readonly loginFloorMs: number
  /** Copies of the database made before upgrades that are kept; 0 makes none. */
  readonly upgradeBackups: number
  readonly logLevel: LogLevel
  /** Whether each request gets a line in the log. */
  readonly requestLog: boolean
  /** From this many milliseconds on a request is logged as slow; 0: none is. */
  readonly slowRequestMs: number
  /** How long entries of the audit log are kept, in milliseconds. */
  readonly auditRetentionMs: number
  /** Bytes of blobs one account may have, unreferenced ones included; 0: no bound. */
  readonly accountBlobQuota: number
  /** Records one account may have; 0: no bound. */
  readonly accountRecordQuota: number
}

/** A Postgres database, and how this process uses it. */
export interface PostgresPlace {
  /** A connection string, `postgres://user:password@host:port/database`. */
  readonly url: string
  /** Where the tables are; null: where the server says (`public`). */
  readonly schema: string | null
  /** Connections of this process, at most. */
  readonly poolSize: number
}

/** A bucket in S3, or in another service that speaks its language, and the keys to it. */
export type BlobBucket = Pick<
  S3Options,
  | 'bucket'
  | 'region'
  | 'endpoint'
  | 'forcePathStyle'
  | 'accessKeyId'
  | 'secretAccessKey'
  | 'sessionToken'
  | 'uploadTimeoutMs'
  | 'requestTimeoutMs'
>

/** A service that requests are forwarded to. */
export interface ServiceEndpoint {
  readonly url: string
  readonly did: string
}

/** Verbosity of the log on standard error. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug'

/** What `createPds` needs to be told: the data directory; everything else has a default. */
export type PdsOptions = Pick<PdsConfig, 'dataDirectory'> & Partial<PdsConfig>

/** What the operator of a server that does not wait for the disk is told. */
export const POWER_LOSS_WARNING: string =
  'PDS_SQLITE_SYNCHRONOUS is normal: the last writes may be lost if the machine loses power'

/** What the operator of such a server is told when it was cut off. */
export const CUT_OFF_WARNING: string =
  'the server was cut off, and did not wait for the disk: if the machine lost power, run avocet-pds announce --all'

/** What the operator of a server is told that anybody may fill up; null where accounts are asked for an invite, or bounded. */
export function quotaWarning(config: PdsConfig): string | null {
  const { inviteRequired, devMode, accountBlobQuota } = config
  if (inviteRequired || devMode || accountBlobQuota > 0) return null
  return 'accounts need no invite, and nothing bounds what one may store: PDS_ACCOUNT_BLOB_QUOTA is 0'
}

const DAY_MS = 24 * 60 * 60 * 1000

/** The settings of a PDS for which nothing but its data directory was given. */
const DEFAULTS: Omit<PdsConfig, 'dataDirectory' | 'handleDomains'> = {
  port: 2583,
  host: '127.0.0.1',
  hostname: 'localhost',
  publicUrl: null,
  serviceDid: null,
  blobDirectory: null,
  sqliteSynchronous: 'full',
  postgres: null,
  blobBucket: null,
  plcUrl: 'https://plc.directory',
  inviteRequired: true,
  acceptingImports: true,
  blobUploadLimit: 100_000_000,
  maxRepoImportSize: 500_000_000,
  devMode: false,
  disableSsrfProtection: false,
  resolveLexicons: true,
  rateLimitsEnabled: true,
  rateLimitBypassKey: null,
  rateLimitBypassIps: [],
  redisUrl: null,
  repoBackfillLimitMs: 3 * DAY_MS,
  subscribers: 1000,
  subscribersPerAddress: 5,
  crawlers: [],
  appView: null,
  appViewImages: null,
  reportService: null,
  modService: null,
  contactEmail: null,
  privacyPolicyUrl: null,
  termsOfServiceUrl: null,
  serviceName: null,
  logoUrl: null,
  homeUrl: null,
  supportUrl: null,
  primaryColor: null,
  errorColor: null,
  warningColor: null,
  trustedClients: [],
  emailSmtpUrl: null,
  emailFromAddress: null,
  moderationEmailSmtpUrl: null,
  moderationEmailAddress: null,
  jwtSecret: null,
  adminPassword: null,
  plcRotationKeyHex: null,
  previousPlcRotationKeyHex: null,
  recoveryDidKey: null,
  loginFloorMs: 350,
  upgradeBackups: 3,
  logLevel: 'info',
  requestLog: true,
  slowRequestMs: 2000,
  auditRetentionMs: 365 * DAY_MS,
  accountBlobQuota: 0,
  accountRecordQuota: 0,
}

/**
 * Fills in the defaults: handles live under `.test` on localhost, under the host name elsewhere. They are those of the
 * reference server where a `pds.env` that moves over would change its meaning (`docs/pds-settings.md`).
 */
export function resolveConfig(options: PdsOptions): PdsConfig {
  const hostname = options.hostname ?? DEFAULTS.hostname
  const devMode = options.devMode ?? hostname === 'localhost'
  return {
    ...DEFAULTS,
    handleDomains: hostname === 'localhost' ? ['.test'] : [`.${hostname}`],
    host: hostname === 'localhost' ? '127.0.0.1' : '::',
    inviteRequired: !devMode,
    rateLimitsEnabled: !devMode,
    reportService: options.modService ?? null,
    resolveLexicons: !devMode,
    ...options,
    devMode,
  }
}

/** Which addresses beside public ones requests may go to: loopback in development, private ones where the operator says so. */
export function reachOf({ devMode, disableSsrfProtection }: PdsConfig): {
  readonly allowLoopback: boolean
  readonly allowPrivate: boolean
} {
  return { allowLoopback: devMode || disableSsrfProtection, allowPrivate: disableSsrfProtection }
}
