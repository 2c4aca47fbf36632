import type { AccountChange, Outcome } from '@avocet/accounts'
import type { Consent, OAuthChange, OAuthOutcome, OAuthReads } from '@avocet/oauth-server'
import type { Did } from '@avocet/syntax'

import { lostRace } from './lost-race.ts'
import type { OAuthMiss, SqlValue } from './oauth-steps.ts'
import { toRequest, toSession } from './oauth-steps.ts'

/** What undoes the transaction of changes that are not applied. */
export class OAuthNotApplied extends Error {
  override readonly name = 'OAuthNotApplied'
  readonly reason: OAuthMiss

  constructor(reason: OAuthMiss) {
    super(`change not applied; reason=${reason}`)
    this.reason = reason
  }
}

/** What an error of a transaction means; null when it has nothing to do with the changes. */
export function oauthOutcome(error: unknown): OAuthOutcome | null {
  if (error instanceof OAuthNotApplied) {
    return error.reason === 'stale' ? { status: 'stale' } : { status: 'refused', reason: error.reason }
  }
  const { code, errcode } = error as { code?: string; errcode?: number }
  // Unique columns: on Postgres, and on SQLite those of keys and of others.
  if (code === '23505' || errcode === 1555 || errcode === 2067) {
    return { status: 'refused', reason: 'id-taken' }
  }
  return lostRace(error) ? { status: 'stale' } : null
}

/** Asks either database, by a statement with `$1`, `$2`, … . */
export type AskRows = <T>(
  read: (rows: readonly Readonly<Record<string, unknown>>[]) => T,
  sql: string,
  ...values: readonly SqlValue[]
) => T | Promise<T>

const toConsent = (row: Readonly<Record<string, unknown>>): Consent => ({
  did: row['did'] as Did,
  clientId: row['client_id'] as string,
  scope: row['scope'] as string,
  declined: row['declined'] as string,
  updatedAt: Number(row['updated_at']),
})

/** The reads of either database. */
export function createOAuthReads(ask: AskRows): OAuthReads {
  const one =
    <T>(to: (row: Readonly<Record<string, unknown>>) => T) =>
    ([row]: readonly Readonly<Record<string, unknown>>[]): T | null =>
      row === undefined ? null : to(row)
  return {
    requests: {
      get: (id) => ask(one(toRequest), 'SELECT * FROM oauth_request WHERE id = $1', id),
      byCode: (hash) => ask(one(toRequest), 'SELECT * FROM oauth_request WHERE code_hash = $1', hash),
    },
    sessions: {
      get: (id) => ask(one(toSession), 'SELECT * FROM oauth_session WHERE id = $1', id),
      byCode: (hash) => ask(one(toSession), 'SELECT * FROM oauth_session WHERE code_hash = $1', hash),
      list: (did) =>
        ask(
          (rows) => rows.map(toSession),
          'SELECT * FROM oauth_session WHERE did = $1 ORDER BY refreshed_at DESC, id',
          did,
        ),
    },
    consents: {
      get: (did, clientId) =>
        ask(one(toConsent), 'SELECT * FROM oauth_consent WHERE did = $1 AND client_id = $2', did, clientId),
      list: (did) =>
        ask(
          (rows) => rows.map(toConsent),
          'SELECT * FROM oauth_consent WHERE did = $1 ORDER BY client_id',
          did,
        ),
    },
  }
}

/**
 * What changes of accounts end of apps. Whoever ends all sessions of an account means those of apps, too. A factor that is removed may have
 * let somebody in who has it now: everything that was granted ends, also what they agreed to. One that is added ends nothing of apps: each
 * session is bound to a key of the app, and the owner sees it and can end it alone.
 */
export function endedForApps(changes: readonly AccountChange[]): OAuthChange[] {
  return changes.flatMap((change): OAuthChange[] => {
    const isAll = change.type === 'endSessions' && change.appPassword === undefined
    return isAll || change.type === 'removeFactor' ? [{ type: 'forgetAccount', did: change.did }] : []
  })
}

/** Undoes the transaction of changes of accounts that are not applied. */
export class AccountsNotApplied extends Error {
  override readonly name = 'AccountsNotApplied'
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super(`change not applied; status=${outcome.status}`)
    this.outcome = outcome
  }
}
