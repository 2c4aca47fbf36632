import type { AppPasswordChange, SessionChange } from '../change.ts'
import { lockAccount } from './account-steps.ts'
import { statement } from './statement.ts'
import { change, locking, need, type StepsBy } from './step.ts'

const KEEP = statement(
  'INSERT INTO refresh_token (id, did, expires_at, next_id, app_password) VALUES ($1, $2, $3, $4, $5)',
)
const FIND = locking('SELECT id FROM refresh_token WHERE id = $1 AND did = $2 AND expires_at > $3')
const REPLACE = statement(
  `UPDATE refresh_token SET next_id = $2, expires_at = CASE WHEN expires_at < $3 THEN expires_at ELSE $3 END
   WHERE id = $1 AND next_id IS NULL RETURNING id`,
)
const SUCCEED = statement(
  `INSERT INTO refresh_token (id, did, expires_at, app_password)
   SELECT $2, did, $3, app_password FROM refresh_token WHERE id = $1`,
)
const END = statement('DELETE FROM refresh_token WHERE id = $1')
const END_ALL = statement('DELETE FROM refresh_token WHERE did = $1')
const END_OF_APP = statement('DELETE FROM refresh_token WHERE did = $1 AND app_password = $2')
const END_OF_PASSWORD = statement('DELETE FROM refresh_token WHERE did = $1 AND app_password IS NULL')
const FORGET = statement('DELETE FROM refresh_token WHERE did = $1 AND expires_at <= $2')

/** Steps of a change of sessions. */
export const SESSION_STEPS: StepsBy<SessionChange> = {
  keepSession: ({ session: { id, did, expiresAt, nextId, appPassword } }) => [
    change(KEEP, id, did, expiresAt, nextId, appPassword),
  ],
  rotateSession: ({ did, id, next, graceUntil, now }) => [
    need('session-ended', FIND, id, did, now),
    need('session-rotated', REPLACE, id, next.id, graceUntil),
    change(SUCCEED, id, next.id, next.expiresAt),
  ],
  endSession: ({ id }) => [change(END, id)],
  endSessions: ({ did, appPassword }) => {
    if (appPassword === undefined) return [change(END_ALL, did)]
    return [appPassword === null ? change(END_OF_PASSWORD, did) : change(END_OF_APP, did, appPassword)]
  },
  forgetSessions: ({ did, now }) => [change(FORGET, did, now)],
}

const IS_NEW = statement(
  `SELECT did FROM account WHERE did = $1
   AND NOT EXISTS (SELECT 1 FROM app_password WHERE app_password.did = $1 AND name = $2)`,
)
const ADD = statement(
  `INSERT INTO app_password (did, name, password_hash, privileged, created_at)
   SELECT did, $2, $3, $4, $5 FROM account
   WHERE did = $1 AND (SELECT count(*) FROM app_password WHERE app_password.did = $1) < $6 RETURNING did`,
)
const REHASH = statement('UPDATE app_password SET password_hash = $3 WHERE did = $1 AND password_hash = $2')
const REMOVE = statement('DELETE FROM app_password WHERE did = $1 AND name = $2')

/** Steps of a change of app passwords. */
export const APP_PASSWORD_STEPS: StepsBy<AppPasswordChange> = {
  createAppPassword: ({ did, name, passwordHash, privileged, createdAt, max }) => [
    lockAccount(did),
    need('app-password-exists', IS_NEW, did, name),
    need('too-many-app-passwords', ADD, did, name, passwordHash, privileged, createdAt, max),
  ],
  rehashAppPassword: ({ did, from, to }) => [change(REHASH, did, from, to)],
  removeAppPassword: ({ did, name }) => [change(REMOVE, did, name)],
}
