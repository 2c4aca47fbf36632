import type { CodeChange, InviteChange, ReservationChange } from '../change.ts'
import { lockAccount } from './account-steps.ts'
import { statement } from './statement.ts'
import { change, locking, need, type StepsBy } from './step.ts'

const CREATE_INVITE = statement(
  'INSERT INTO invite_code (code, available_uses, for_account, created_by, created_at) VALUES ($1, $2, $3, $4, $5)',
)
const FIND_INVITE = locking('SELECT code FROM invite_code WHERE code = $1 AND NOT disabled')
const USE_INVITE = statement(
  `INSERT INTO invite_use (code, used_by, used_at)
   SELECT code, $2, $3 FROM invite_code
   WHERE code = $1 AND (SELECT count(*) FROM invite_use WHERE invite_use.code = $1) < available_uses
   ON CONFLICT DO NOTHING RETURNING code`,
)
const DISABLE = statement('UPDATE invite_code SET disabled = $2 WHERE code = $1')
const DISABLE_OF = statement('UPDATE invite_code SET disabled = $2 WHERE for_account = $1')

/** Steps of a change of invites. */
export const INVITE_STEPS: StepsBy<InviteChange> = {
  createInvite: ({ code, available, forAccount, createdBy, createdAt }) => [
    change(CREATE_INVITE, code, available, forAccount, createdBy, createdAt),
  ],
  useInvite: ({ code, did, at }) => [
    need('invite-unavailable', FIND_INVITE, code),
    need('invite-unavailable', USE_INVITE, code, did, at),
  ],
  // In one order, so that two such changes do not wait for each other.
  disableInvites: ({ codes, accounts }) => [
    ...codes.toSorted().map((code) => change(DISABLE, code, true)),
    ...accounts.toSorted().map((account) => change(DISABLE_OF, account, true)),
  ],
}

const CLEAR_CODES = statement(
  'DELETE FROM email_token WHERE did = $1 AND purpose = $2 AND (requested_at < $3 OR address <> $4)',
)
const KEEP_CODE = statement(
  `INSERT INTO email_token (did, purpose, token, address, made_at, requested_at)
   SELECT did, $2, $3, $4, $5, $6 FROM account
   WHERE did = $1 AND (SELECT count(*) FROM email_token WHERE email_token.did = $1 AND purpose = $2) < $7 RETURNING did`,
)
const RENEW_CODE = statement(
  'UPDATE email_token SET requested_at = $4 WHERE did = $1 AND purpose = $2 AND token = $3 RETURNING did',
)
const FIND_CODE = statement(
  `SELECT t.did FROM email_token t JOIN account a ON a.did = t.did AND a.email = t.address
   WHERE t.did = $1 AND t.purpose = $2 AND t.token = $3`,
)
const IS_FRESH = statement(
  'SELECT did FROM email_token WHERE did = $1 AND purpose = $2 AND token = $3 AND requested_at >= $4',
)
const DROP_OF_PURPOSE = statement('DELETE FROM email_token WHERE did = $1 AND purpose = $2')
const DROP_CODES = statement('DELETE FROM email_token WHERE did = $1')

/** Steps of a change of mailed codes. */
export const CODE_STEPS: StepsBy<CodeChange> = {
  keepCode: ({ code, expiredBefore, max }) => {
    const { did, purpose, token, madeAt, requestedAt } = code
    const address = code.address.toLowerCase()
    return [
      lockAccount(did),
      change(CLEAR_CODES, did, purpose, expiredBefore, address),
      need('too-many-codes', KEEP_CODE, did, purpose, token, address, madeAt, requestedAt, max),
    ]
  },
  renewCode: ({ did, purpose, token, at }) => [need('code-invalid', RENEW_CODE, did, purpose, token, at)],
  spendCode: ({ did, purpose, token, expiredBefore }) => [
    // Two who spend one code come one after the other, and the second finds it gone.
    { ...lockAccount(did), otherwise: 'code-invalid' },
    need('code-invalid', FIND_CODE, did, purpose, token),
    need('code-expired', IS_FRESH, did, purpose, token, expiredBefore),
    change(DROP_OF_PURPOSE, did, purpose),
  ],
  dropCodes: ({ did, purpose }) =>
    purpose === undefined ? [change(DROP_CODES, did)] : [change(DROP_OF_PURPOSE, did, purpose)],
}

const RESERVE = statement(
  `INSERT INTO reserved_key (did_key, did, private_key, created_at)
   SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM reserved_key) < $5 RETURNING did_key`,
)
const RELEASE = statement('DELETE FROM reserved_key WHERE did = $1')
const FORGET_KEYS = statement('DELETE FROM reserved_key WHERE created_at < $1')
const NOTE_HANDLE = statement(
  `INSERT INTO handle_change (did, handle) VALUES ($1, $2)
   ON CONFLICT (did) DO UPDATE SET handle = excluded.handle`,
)
const FORGET_HANDLE = statement('DELETE FROM handle_change WHERE did = $1')

/** Steps of a change of reserved keys and of handles under way. */
export const RESERVATION_STEPS: StepsBy<ReservationChange> = {
  reserveKey: ({ key: { didKey, did, privateKey, createdAt }, max }) => [
    need('too-many-keys', RESERVE, didKey, did, privateKey, createdAt, max),
  ],
  releaseKey: ({ did }) => [change(RELEASE, did)],
  forgetKeys: ({ before }) => [change(FORGET_KEYS, before)],
  noteHandleChange: ({ change: { did, handle } }) => [change(NOTE_HANDLE, did, handle)],
  forgetHandleChange: ({ did }) => [change(FORGET_HANDLE, did)],
}
