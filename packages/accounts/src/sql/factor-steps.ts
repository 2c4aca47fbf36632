import type { FactorChange } from '../change.ts'
import { lockAccount } from './account-steps.ts'
import { statement } from './statement.ts'
import { change, locking, need, type StepsBy } from './step.ts'

const ADD = statement(
  `INSERT INTO factor (did, id, kind, name, secret, counter, transports, created_at)
   SELECT did, $2, $3, $4, $5, $6, $7, $8 FROM account
   WHERE did = $1 AND (SELECT count(*) FROM factor WHERE factor.did = $1 AND kind = $3) < $9 RETURNING did`,
)
const IS_NEW = statement(
  'SELECT did FROM account WHERE did = $1 AND NOT EXISTS (SELECT 1 FROM factor WHERE id = $2)',
)
const RENAME = statement('UPDATE factor SET name = $3 WHERE did = $1 AND id = $2 RETURNING id')
const REMOVE = statement('DELETE FROM factor WHERE did = $1 AND id = $2 RETURNING id')
const FIND = locking('SELECT id FROM factor WHERE did = $1 AND id = $2')
const USE = statement(
  'UPDATE factor SET counter = $4, last_used_at = $5 WHERE did = $1 AND id = $2 AND counter = $3 RETURNING id',
)
const HAS_NONE = statement(
  `SELECT did FROM account
   WHERE did = $1 AND NOT email_auth_factor AND NOT EXISTS (SELECT 1 FROM factor WHERE factor.did = $1)`,
)
const CLEAR_RECOVERY = statement('DELETE FROM recovery_code WHERE did = $1')
const ADD_RECOVERY = statement('INSERT INTO recovery_code (did, hash) VALUES ($1, $2)')
const SPEND_RECOVERY = statement('DELETE FROM recovery_code WHERE did = $1 AND hash = $2 RETURNING hash')

const KEEP_CHALLENGE = statement(
  `INSERT INTO challenge (id, did, purpose, binding, secret, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
)
/** Those beyond the bound: a few at a time, since each one that is kept asks for it. */
const beyond = (condition: string): string =>
  `DELETE FROM challenge WHERE id IN
     (SELECT id FROM challenge WHERE purpose = $1 AND ${condition} ORDER BY expires_at DESC, id LIMIT 100 OFFSET $2)`
const BOUND_OF_NOBODY = statement(beyond('did IS NULL'))
const BOUND_OF_ACCOUNT = statement(beyond('did = $3'))
const TRY = statement(
  'UPDATE challenge SET tries = tries + 1 WHERE id = $1 AND tries < $2 AND expires_at > $3 RETURNING id',
)
const SPEND = statement('DELETE FROM challenge WHERE id = $1 AND expires_at > $2 RETURNING id')
const DROP = statement('DELETE FROM challenge WHERE did = $1')
const FORGET = statement('DELETE FROM challenge WHERE expires_at <= $1')

/** Steps of a change of factors, of recovery codes, and of what waits for an answer. */
export const FACTOR_STEPS: StepsBy<FactorChange> = {
  addFactor: ({ factor, max }) => {
    const { did, id, kind, name, secret, counter, transports, createdAt } = factor
    return [
      lockAccount(did),
      need('id-taken', IS_NEW, did, id),
      need(
        'too-many-factors',
        ADD,
        did,
        id,
        kind,
        name,
        secret,
        counter,
        transports.join(','),
        createdAt,
        max,
      ),
    ]
  },
  renameFactor: ({ did, id, name }) => [need('factor-not-found', RENAME, did, id, name)],
  removeFactor: ({ did, id }) => [need('factor-not-found', REMOVE, did, id)],
  useFactor: ({ did, id, from, to, at }) => [
    need('factor-not-found', FIND, did, id),
    need('stale', USE, did, id, from, to, at),
  ],
  // Held, so that none is added before what depends on it is there.
  requireNoFactors: ({ did }) => [lockAccount(did), need('stale', HAS_NONE, did)],
  setRecoveryCodes: ({ did, hashes }) => [
    lockAccount(did),
    change(CLEAR_RECOVERY, did),
    ...hashes.map((hash) => change(ADD_RECOVERY, did, hash)),
  ],
  spendRecoveryCode: ({ did, hash }) => [need('code-invalid', SPEND_RECOVERY, did, hash)],
  keepChallenge: ({ challenge: { id, did, purpose, binding, secret, expiresAt }, max }) => {
    // The others first: of those that end at the same time the new one must not be the one that goes.
    const keep = change(KEEP_CHALLENGE, id, did, purpose, binding, secret, expiresAt)
    if (did === null) return [change(BOUND_OF_NOBODY, purpose, max - 1), keep]
    return [lockAccount(did), change(BOUND_OF_ACCOUNT, purpose, max - 1, did), keep]
  },
  tryChallenge: ({ id, max, now }) => [need('challenge-ended', TRY, id, max, now)],
  spendChallenge: ({ id, now }) => [need('challenge-ended', SPEND, id, now)],
  dropChallenges: ({ did }) => [change(DROP, did)],
  forgetChallenges: ({ now }) => [change(FORGET, now)],
}
