import type { Awaitable } from '@avocet/accounts'

/** A sign-in of the operator at a browser. Times here and below are ms since 1970. */
export interface OperatorSession {
  /** SHA-256 of its cookie, base64url. */
  readonly id: string
  /** What let the operator in, in one text: the sign-in counts no more once that is another one. */
  readonly mark: string
  readonly address: string | null
  readonly userAgent: string | null
  readonly createdAt: number
  readonly seenAt: number
  /** 0 for one that was ended. */
  readonly expiresAt: number
}

/** The authenticator app that guards the operator's page. */
export interface OperatorFactorRow {
  readonly id: string
  /** Sealed. */
  readonly secret: Uint8Array
  /** The step that was used last; -1 for none. */
  readonly counter: number
  readonly createdAt: number
  readonly lastUsedAt: number | null
}

/** Changes of what guards the operator's page. Those marked so are refused when there is nothing to change. */
export type OperatorChange =
  /** Keeps a sign-in, and of all but `max` the newest. */
  | { readonly type: 'keepOperatorSession'; readonly session: OperatorSession; readonly max: number }
  | { readonly type: 'sawOperator'; readonly id: string; readonly at: number; readonly expiresAt: number }
  /** One, or all. The rows stay: they tell where the operator was. */
  | { readonly type: 'endOperatorSessions'; readonly id?: string }
  /** Forgets sign-ins that began before a time. */
  | { readonly type: 'forgetOperatorSessions'; readonly before: number }
  /** A factor that guards nothing yet, in the place of another such one. */
  | { readonly type: 'proposeOperatorFactor'; readonly factor: OperatorFactorRow }
  /** From now on the pending one guards the page. Refused when it is another one. */
  | { readonly type: 'adoptOperatorFactor'; readonly id: string; readonly counter: number }
  /** With its recovery codes, and one that is pending. */
  | { readonly type: 'removeOperatorFactor' }
  /** Uses a step up. Refused when another one was used last. */
  | {
      readonly type: 'useOperatorFactor'
      readonly id: string
      readonly from: number
      readonly to: number
      readonly at: number
    }
  | { readonly type: 'setOperatorRecoveryCodes'; readonly hashes: readonly string[] }
  /** Refused when there is none such. */
  | { readonly type: 'spendOperatorRecoveryCode'; readonly hash: string }

/** What guards the operator's page. */
export interface OperatorRows {
  session(id: string): Awaitable<OperatorSession | null>
  /** All, also those that are over; the newest first. */
  sessions(): Awaitable<OperatorSession[]>
  factor(state: 'active' | 'pending'): Awaitable<OperatorFactorRow | null>
  /** How many are left. */
  recoveryCodes(): Awaitable<number>
  /** Applies changes in one transaction: all, or none. Resolves when that is durable. @returns whether they were applied */
  apply(changes: readonly OperatorChange[]): Promise<boolean>
}

type SqlValue = string | number | Uint8Array | null

/** A statement of a transaction, with `$1`, `$2`, … . */
export interface OperatorStep {
  readonly sql: string
  readonly values: readonly SqlValue[]
  /** Whether it is refused when no row comes back. */
  readonly must: boolean
}

/** What undoes the transaction of changes that are refused. */
export class OperatorRefused extends Error {
  override readonly name = 'OperatorRefused'
}

const step = (sql: string, ...values: readonly SqlValue[]): OperatorStep => ({ sql, values, must: false })
const must = (sql: string, ...values: readonly SqlValue[]): OperatorStep => ({
  sql: `${sql} RETURNING 1 AS done`,
  values,
  must: true,
})

type Steps = {
  readonly [T in OperatorChange['type']]: (change: Extract<OperatorChange, { type: T }>) => OperatorStep[]
}

const STEPS: Steps = {
  keepOperatorSession: ({ session: it, max }) => [
    step(
      `INSERT INTO operator_session (id, mark, address, user_agent, created_at, seen_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      it.id,
      it.mark,
      it.address,
      it.userAgent,
      it.createdAt,
      it.seenAt,
      it.expiresAt,
    ),
    step(
      `DELETE FROM operator_session WHERE id IN
         (SELECT id FROM operator_session ORDER BY created_at DESC, id LIMIT 1000000 OFFSET $1)`,
      max,
    ),
  ],
  sawOperator: ({ id, at, expiresAt }) => [
    step(
      'UPDATE operator_session SET seen_at = $2, expires_at = $3 WHERE id = $1 AND expires_at > $2',
      id,
      at,
      expiresAt,
    ),
  ],
  endOperatorSessions: ({ id }) => [
    id === undefined
      ? step('UPDATE operator_session SET expires_at = 0')
      : step('UPDATE operator_session SET expires_at = 0 WHERE id = $1', id),
  ],
  forgetOperatorSessions: ({ before }) => [
    step('DELETE FROM operator_session WHERE created_at < $1', before),
  ],
  proposeOperatorFactor: ({ factor: { id, secret, counter, createdAt } }) => [
    step(`DELETE FROM operator_factor WHERE state = 'pending'`),
    step(
      `INSERT INTO operator_factor (state, id, secret, counter, created_at, last_used_at)
       VALUES ('pending', $1, $2, $3, $4, NULL)`,
      id,
      secret,
      counter,
      createdAt,
    ),
  ],
  adoptOperatorFactor: ({ id, counter }) => [
    step(
      `DELETE FROM operator_factor WHERE state = 'active'
         AND EXISTS (SELECT 1 FROM operator_factor WHERE state = 'pending' AND id = $1)`,
      id,
    ),
    must(
      `UPDATE operator_factor SET state = 'active', counter = $2 WHERE state = 'pending' AND id = $1`,
      id,
      counter,
    ),
  ],
  removeOperatorFactor: () => [
    step('DELETE FROM operator_factor'),
    step('DELETE FROM operator_recovery_code'),
  ],
  useOperatorFactor: ({ id, from, to, at }) => [
    must(
      `UPDATE operator_factor SET counter = $3, last_used_at = $4 WHERE state = 'active' AND id = $1 AND counter = $2`,
      id,
      from,
      to,
      at,
    ),
  ],
  setOperatorRecoveryCodes: ({ hashes }) => [
    step('DELETE FROM operator_recovery_code'),
    ...hashes.map((hash) => step('INSERT INTO operator_recovery_code (hash) VALUES ($1)', hash)),
  ],
  spendOperatorRecoveryCode: ({ hash }) => [must('DELETE FROM operator_recovery_code WHERE hash = $1', hash)],
}

/** The statements of a change, in their order. */
export function operatorSteps(change: OperatorChange): OperatorStep[] {
  return (STEPS[change.type] as (change: OperatorChange) => OperatorStep[])(change)
}

/** Asks either database, by a statement with `$1`, `$2`, … . */
type AskOperatorRows = <T>(
  read: (rows: readonly Readonly<Record<string, unknown>>[]) => T,
  sql: string,
  ...values: readonly SqlValue[]
) => Awaitable<T>

const toSession = (row: Readonly<Record<string, unknown>>): OperatorSession => ({
  id: row['id'] as string,
  mark: row['mark'] as string,
  address: row['address'] as string | null,
  userAgent: row['user_agent'] as string | null,
  createdAt: Number(row['created_at']),
  seenAt: Number(row['seen_at']),
  expiresAt: Number(row['expires_at']),
})

const toFactor = (row: Readonly<Record<string, unknown>>): OperatorFactorRow => ({
  id: row['id'] as string,
  secret: new Uint8Array(row['secret'] as Uint8Array),
  counter: Number(row['counter']),
  createdAt: Number(row['created_at']),
  lastUsedAt: row['last_used_at'] === null ? null : Number(row['last_used_at']),
})

/** The reads of either database. */
export function operatorReads(ask: AskOperatorRows): Omit<OperatorRows, 'apply'> {
  return {
    session: (id) =>
      ask(
        ([row]) => (row === undefined ? null : toSession(row)),
        'SELECT * FROM operator_session WHERE id = $1',
        id,
      ),
    sessions: () =>
      ask((rows) => rows.map(toSession), 'SELECT * FROM operator_session ORDER BY created_at DESC, id'),
    factor: (state) =>
      ask(
        ([row]) => (row === undefined ? null : toFactor(row)),
        'SELECT * FROM operator_factor WHERE state = $1',
        state,
      ),
    recoveryCodes: () =>
      ask(([row]) => Number(row!['n']), 'SELECT count(*) AS n FROM operator_recovery_code'),
  }
}
