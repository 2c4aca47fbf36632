import type { AccountChange, Refusal } from '../change.ts'
import { statement, type SqlValue, type Statement } from './statement.ts'

/** One statement of a change. The steps of a change run in order; where one says so, the whole ends there. */
export interface Step {
  readonly statement: Statement
  readonly values: readonly SqlValue[]
  /** What it means that no row was found or changed; null where that is all right. Others return a row for each. */
  readonly otherwise: Refusal | 'stale' | null
}

/** A statement that may change nothing. */
export function change(sql: Statement, ...values: SqlValue[]): Step {
  return { statement: sql, values, otherwise: null }
}

/** A statement that must return a row. */
export function need(otherwise: Refusal | 'stale', sql: Statement, ...values: SqlValue[]): Step {
  return { statement: sql, values, otherwise }
}

/**
 * A query whose rows no other transaction changes until this one ends. SQLite has one writer at a time; Postgres is told, with
 * the weakest lock that keeps two such transactions apart, so that rows which refer to them may be added meanwhile.
 */
export function locking(text: string): Statement {
  const plain = statement(text)
  return { ...plain, postgres: `${plain.postgres} FOR NO KEY UPDATE` }
}

/** The steps of each kind of change. */
export type StepsBy<C extends AccountChange> = {
  readonly [T in C['type']]: (change: Extract<C, { type: T }>) => Step[]
}
