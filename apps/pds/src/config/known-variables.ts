/**
 * Variables of the reference PDS (0.5.35) that this server does not read. A test keeps them apart from `SETTINGS`: who
 * makes one a setting takes it out of here.
 */

const ENTRYWAY =
  'an entryway would keep the accounts, here the server does: remove it, or keep such a server where it is'
const ADOPT =
  'everything but blobs is kept in <data>/pds.sqlite: to take over the data of a reference server, run "avocet-pds adopt <its data directory>" and remove the variable'

/** Those that say where data or keys are. To go on without them would start a server that lacks them. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ['PDS_ACTOR_STORE_DIRECTORY', ADOPT],
  ['PDS_ACCOUNT_DB_LOCATION', ADOPT],
  ['PDS_SEQUENCER_DB_LOCATION', ADOPT],
  [
    'PDS_PLC_ROTATION_KEY_KMS_KEY_ID',
    'a key in a key management service cannot be used: set PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX to a key that the identities of the accounts already list, and remove the variable',
  ],
  ['PDS_ENTRYWAY_URL', ENTRYWAY],
  ['PDS_ENTRYWAY_DID', ENTRYWAY],
  ['PDS_ENTRYWAY_JWT_VERIFY_KEY_K256_PUBLIC_KEY_HEX', ENTRYWAY],
  ['PDS_ENTRYWAY_PLC_ROTATION_KEY', ENTRYWAY],
  ['PDS_ENTRYWAY_ADMIN_TOKEN', ENTRYWAY],
])

const PAGES = 'the pages of this server have no place for it'
const FIXED = 'the bound is fixed here'
const CACHE = 'documents of identities are remembered in memory, for as long as is built in'

/** Those that have no effect here, and why. */
export const IGNORED: ReadonlyMap<string, string> = new Map([
  ['PDS_VERSION', 'the version is that of the program'],
  ['PDS_INFO_COLOR', PAGES],
  ['PDS_SUCCESS_COLOR', PAGES],
  ['PDS_BACKGROUND_LIGHT_URL', PAGES],
  ['PDS_BACKGROUND_DARK_URL', PAGES],
  ['PDS_HCAPTCHA_SITE_KEY', `${PAGES}; ask for invite codes instead`],
  ['PDS_HCAPTCHA_SECRET_KEY', PAGES],
  ['PDS_HCAPTCHA_TOKEN_SALT', PAGES],
  ['PDS_DPOP_SECRET', 'nonces are made with a key derived from PDS_JWT_SECRET'],
  ['PDS_SQLITE_DISABLE_WAL_AUTO_CHECKPOINT', 'the server checkpoints its database itself'],
  ['PDS_DID_CACHE_DB_LOCATION', CACHE],
  ['PDS_DID_CACHE_STALE_TTL', CACHE],
  ['PDS_DID_CACHE_MAX_TTL', CACHE],
  ['PDS_ACTOR_STORE_CACHE_SIZE', 'there is one database, not one an account'],
  ['PDS_BLOBSTORE_DISK_TMP_LOCATION', 'uploads under way are kept in <blobs>/temporary'],
  ['PDS_ID_RESOLVER_TIMEOUT', FIXED],
  ['PDS_HANDLE_BACKUP_NAMESERVERS', 'the name servers of the system are asked'],
  ['PDS_ENABLE_DID_DOC_WITH_SESSION', 'sessions come with the DID document where that leads here'],
  ['PDS_INVITE_INTERVAL', 'accounts earn no invite codes; make some with "avocet-pds invite create"'],
  ['PDS_INVITE_EPOCH', 'accounts earn no invite codes; make some with "avocet-pds invite create"'],
  ['PDS_EMAIL_DISABLE_CONFIRMATION_LINK', 'mail carries codes, no links'],
  ['PDS_MAX_SUBSCRIPTION_BUFFER', 'a slow subscriber is bounded in bytes and time'],
  ['PDS_FETCH_MAX_RESPONSE_SIZE', FIXED],
  ['PDS_PROXY_ALLOW_HTTP2', 'services are asked by HTTP/1.1'],
  ['PDS_PROXY_HEADERS_TIMEOUT', FIXED],
  ['PDS_PROXY_BODY_TIMEOUT', FIXED],
  ['PDS_PROXY_MAX_RESPONSE_SIZE', FIXED],
  ['PDS_PROXY_MAX_RETRIES', 'a request to a service is sent once'],
  ['PDS_PROXY_PREFER_COMPRESSED', 'services are always asked for compressed answers'],
  ['PDS_LEXICON_AUTHORITY_DID', 'lexicons are found by DNS'],
  ['LOG_DESTINATION', 'the log goes to standard error'],
  ['LOG_SYSTEMS', 'the whole server has one log'],
])
