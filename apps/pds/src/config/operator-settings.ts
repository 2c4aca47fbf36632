import type { Setting } from './setting.ts'
import { boolean, integer, privateKeyHex, synchronous } from './values.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Settings of keys and durability, of what the operator watches, and of what one account may take. */
export const OPERATOR_SETTINGS: readonly Setting[] = [
  {
    env: 'PDS_PLC_PREVIOUS_ROTATION_KEY_K256_PRIVATE_KEY_HEX',
    description: 'the rotation key before this one, until rotate-keys --rotation-key is done',
    default: 'none',
    apply: (text, { options }) => (options.previousPlcRotationKeyHex = privateKeyHex(text)),
  },
  {
    env: 'PDS_SQLITE_SYNCHRONOUS',
    description:
      'full: a write is answered when it is on the disk; normal: before, the last may be lost if the machine loses power',
    default: 'full',
    apply: (text, { options }) => (options.sqliteSynchronous = synchronous(text)),
  },
  {
    env: 'PDS_REQUEST_LOG',
    description: 'a line of the log for each request, at level info',
    default: 'true',
    apply: (text, { options }) => (options.requestLog = boolean(text)),
  },
  {
    env: 'PDS_SLOW_REQUEST_MS',
    description: 'requests that take so many milliseconds are logged at level warn; 0: none',
    default: '2000',
    apply: (text, { options }) => (options.slowRequestMs = integer(text, 0, 3_600_000)),
  },
  {
    env: 'PDS_AUDIT_RETENTION_DAYS',
    description: 'how long the audit log is kept, in days',
    default: '365',
    apply: (text, { options }) => (options.auditRetentionMs = integer(text, 1, 36_500) * DAY_MS),
  },
  {
    env: 'PDS_ACCOUNT_BLOB_QUOTA',
    description: 'bytes of blobs one account may have, unreferenced ones included; 0: no bound',
    default: '0',
    apply: (text, { options }) => (options.accountBlobQuota = integer(text, 0, 1e15 - 1)),
  },
  {
    env: 'PDS_ACCOUNT_RECORD_QUOTA',
    description: 'records one account may have; 0: no bound',
    default: '0',
    apply: (text, { options }) => (options.accountRecordQuota = integer(text, 0, 1e15 - 1)),
  },
]
