// What a change of sign-ins by apps is in SQL. Both databases know these words; parameters are `$1`, `$2`, … .
import type {
  AuthorizationRequest,
  ClientKey,
  Granted,
  OAuthChange,
  OAuthSession,
} from '@avocet/oauth-server'

/** A value of a parameter. */
export type SqlValue = string | number | null

/** A statement of a transaction. */
export interface OAuthStep {
  readonly sql: string
  readonly values: readonly SqlValue[]
  /** What it means that no row comes back; null where that means nothing. */
  readonly otherwise: OAuthMiss | null
  /** Whether its rows must stay as they are until the end of the transaction. */
  readonly locks?: boolean
  /** What nobody else may count meanwhile, until the end of the transaction: what it counts is right then. */
  readonly counts?: string
}

/** Why a change cannot be made, as statements tell it. */
export type OAuthMiss =
  | 'id-taken'
  | 'too-many-requests'
  | 'request-gone'
  | 'request-elsewhere'
  | 'code-gone'
  | 'stale'

type Steps = {
  readonly [T in OAuthChange['type']]: (change: Extract<OAuthChange, { type: T }>) => OAuthStep[]
}

const step = (sql: string, ...values: readonly SqlValue[]): OAuthStep => ({ sql, values, otherwise: null })
const must = (otherwise: OAuthMiss, sql: string, ...values: readonly SqlValue[]): OAuthStep => ({
  sql: `${sql} RETURNING 1 AS done`,
  values,
  otherwise,
})

/** In a list of rows that are to go: leaves out those that another transaction is about to change, where there can be one. */
export const SKIP_LOCKED = '/* skip locked */'

/** That no row has these values yet. */
const free = (table: string, which: string, ...values: readonly SqlValue[]): OAuthStep => ({
  sql: `SELECT 1 AS done WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE ${which})`,
  values,
  otherwise: 'id-taken',
})

/** A request that nobody answered yet: what follows is about it as it is. */
const pending = (id: string, now: number): OAuthStep => ({
  sql: 'SELECT 1 AS done FROM oauth_request WHERE id = $1 AND granted IS NULL AND expires_at > $2',
  values: [id, now],
  otherwise: 'request-gone',
  locks: true,
})

/** The account stays as it is meanwhile, so that what is counted for it stays so. */
const holdAccount = (did: string): OAuthStep => ({
  sql: 'SELECT 1 AS done FROM account WHERE did = $1',
  values: [did],
  otherwise: null,
  locks: true,
})

/** All but the `max` sessions that were renewed last. */
const dropOldest = (which: string, max: number, ...values: readonly SqlValue[]): OAuthStep =>
  step(
    `DELETE FROM oauth_session WHERE id IN (SELECT id FROM oauth_session WHERE ${which}
       ORDER BY refreshed_at DESC, id LIMIT 1000000 OFFSET $${values.length + 1})`,
    ...values,
    max,
  )

const json = (value: object | null): string | null => (value === null ? null : JSON.stringify(value))

const STEPS: Steps = {
  addRequest: ({ request, max, maxTotal, now }) => {
    const { id, clientId, clientKey, dpopThumbprint, parameters, from, createdAt, expiresAt, device } =
      request
    const same =
      clientKey === null
        ? 'client_key IS NULL AND counted_for IS NOT DISTINCT FROM $6'
        : 'client_key IS NOT NULL AND client_id = $2'
    // Counted as far as it matters.
    const count = (which: string, limit: string): string =>
      `(SELECT count(*) FROM (SELECT 1 FROM oauth_request WHERE expires_at > $10 ${which} LIMIT ${limit}) AS living)`
    // Those of all together are not counted so, or every push would wait for every other: as many as come at once may pass that bound.
    const counts = clientKey === null ? `network ${from ?? ''}` : `client ${clientId}`
    return [
      { ...free('oauth_request', 'id = $1', id), counts },
      must(
        'too-many-requests',
        `INSERT INTO oauth_request
           (id, client_id, client_key, dpop_thumbprint, parameters, counted_for, created_at, expires_at, device)
         SELECT CAST($1 AS text), CAST($2 AS text), CAST($3 AS text), CAST($4 AS text), CAST($5 AS text),
           CAST($6 AS text), CAST($7 AS bigint), CAST($8 AS bigint), CAST($9 AS text)
         WHERE ${count('', '$11')} < $11 AND ${count(`AND ${same}`, '$12')} < $12`,
        id,
        clientId,
        json(clientKey),
        dpopThumbprint,
        JSON.stringify(parameters),
        from,
        createdAt,
        expiresAt,
        device,
        now,
        maxTotal,
        max,
      ),
    ]
  },
  openRequest: ({ id, device, expiresAt, now }) => [
    pending(id, now),
    must(
      'request-elsewhere',
      `UPDATE oauth_request SET device = $2, expires_at = $3
       WHERE id = $1 AND granted IS NULL AND (device IS NULL OR device = $2)`,
      id,
      device,
      expiresAt,
    ),
  ],
  grantRequest: ({ id, device, granted, expiresAt, now }) => [
    pending(id, now),
    must(
      'request-elsewhere',
      `UPDATE oauth_request SET granted = $3, granted_did = $4, code_hash = $5, expires_at = $6
       WHERE id = $1 AND granted IS NULL AND device = $2`,
      id,
      device,
      JSON.stringify(granted),
      granted.did,
      granted.codeHash,
      expiresAt,
    ),
  ],
  dropRequest: ({ id }) => [step('DELETE FROM oauth_request WHERE id = $1', id)],
  takeCode: ({ codeHash, now }) => [
    must('code-gone', 'DELETE FROM oauth_request WHERE code_hash = $1 AND expires_at > $2', codeHash, now),
  ],
  addSession: ({ session, maxPerAccount, maxPerClient }) => {
    const { id, did, clientId, clientKey, dpopThumbprint, scope, permissions, codeHash, device } = session
    const { createdAt, generation, refreshHash, refreshedAt, expiresAt } = session
    return [
      holdAccount(did),
      free('oauth_session', 'id = $1 OR code_hash = $2', id, codeHash),
      dropOldest('did = $1 AND client_id = $2', Math.max(0, maxPerClient - 1), did, clientId),
      dropOldest('did = $1', Math.max(0, maxPerAccount - 1), did),
      step(
        `INSERT INTO oauth_session (id, did, client_id, client_key, dpop_thumbprint, scope, permissions, code_hash, device,
           created_at, generation, refresh_hash, refreshed_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
        id,
        did,
        clientId,
        json(clientKey),
        dpopThumbprint,
        scope,
        permissions,
        codeHash,
        device,
        createdAt,
        generation,
        refreshHash,
        refreshedAt,
        expiresAt,
      ),
    ]
  },
  rotateSession: ({ id, generation, set }) => [
    must(
      'stale',
      `UPDATE oauth_session SET generation = generation + 1, refresh_hash = $3, refreshed_at = $4, expires_at = $5,
         permissions = $6 WHERE id = $1 AND generation = $2`,
      id,
      generation,
      set.refreshHash,
      set.refreshedAt,
      set.expiresAt,
      set.permissions,
    ),
  ],
  endSession: ({ id }) => [step('DELETE FROM oauth_session WHERE id = $1', id)],
  endSessions: ({ did, clientId, except }) => {
    const values = [
      did,
      ...(clientId === undefined ? [] : [clientId]),
      ...(except === undefined ? [] : [except]),
    ]
    const ofClient = clientId === undefined ? '' : ' AND client_id = $2'
    const others = except === undefined ? '' : ` AND id <> $${values.length}`
    return [step(`DELETE FROM oauth_session WHERE did = $1${ofClient}${others}`, ...values)]
  },
  keepConsent: ({ consent }) => [
    step(
      `INSERT INTO oauth_consent (did, client_id, scope, declined, updated_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (did, client_id) DO UPDATE SET scope = excluded.scope, declined = excluded.declined,
         updated_at = excluded.updated_at`,
      consent.did,
      consent.clientId,
      consent.scope,
      consent.declined,
      consent.updatedAt,
    ),
  ],
  forgetConsents: ({ did, clientId }) => [
    clientId === undefined
      ? step('DELETE FROM oauth_consent WHERE did = $1', did)
      : step('DELETE FROM oauth_consent WHERE did = $1 AND client_id = $2', did, clientId),
  ],
  forgetAccount: ({ did, clientId }) => {
    const values = clientId === undefined ? [did] : [did, clientId]
    const ofClient = clientId === undefined ? '' : ' AND client_id = $2'
    return [
      step(`DELETE FROM oauth_session WHERE did = $1${ofClient}`, ...values),
      step(`DELETE FROM oauth_consent WHERE did = $1${ofClient}`, ...values),
      step(`DELETE FROM oauth_request WHERE granted_did = $1${ofClient}`, ...values),
    ]
  },
  forgetExpired: ({ now, limit }) =>
    ['oauth_request', 'oauth_session'].map((table) =>
      step(
        `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2 ${SKIP_LOCKED})`,
        now,
        limit,
      ),
    ),
}

/** The statements of a change, in their order. */
export function stepsOf(change: OAuthChange): OAuthStep[] {
  // The entry of its type takes it; TypeScript does not follow that through the union.
  const steps = STEPS[change.type] as (given: OAuthChange) => OAuthStep[]
  return steps(change)
}

type Row = Readonly<Record<string, unknown>>

const parsed = (value: unknown): unknown => (value === null ? null : JSON.parse(value as string))

/** A row of either database as a request. */
export function toRequest(row: Row): AuthorizationRequest {
  return {
    id: row['id'] as string,
    clientId: row['client_id'] as string,
    clientKey: parsed(row['client_key']) as ClientKey | null,
    dpopThumbprint: row['dpop_thumbprint'] as string,
    parameters: JSON.parse(row['parameters'] as string) as AuthorizationRequest['parameters'],
    from: row['counted_for'] as string | null,
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
    device: row['device'] as string | null,
    granted: parsed(row['granted']) as Granted | null,
  }
}

/** A row of either database as a session. */
export function toSession(row: Row): OAuthSession {
  return {
    id: row['id'] as string,
    did: row['did'] as OAuthSession['did'],
    clientId: row['client_id'] as string,
    clientKey: parsed(row['client_key']) as ClientKey | null,
    dpopThumbprint: row['dpop_thumbprint'] as string,
    scope: row['scope'] as string,
    permissions: row['permissions'] as string,
    codeHash: row['code_hash'] as string,
    device: row['device'] as string | null,
    createdAt: Number(row['created_at']),
    generation: Number(row['generation']),
    refreshHash: row['refresh_hash'] as string | null,
    refreshedAt: Number(row['refreshed_at']),
    expiresAt: Number(row['expires_at']),
  }
}
