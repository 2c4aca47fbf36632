import type { Database } from '@avocet/sqlite'
import type { Did, Handle } from '@avocet/syntax'
import type { SQLOutputValue } from 'node:sqlite'

import { PdsError } from '../errors.ts'
import type { Account } from './account.ts'
import { createAccountCache } from './account-cache.ts'

/** What a new account is stored with. */
export interface NewAccount {
  readonly did: Did
  readonly handle: Handle | null
  readonly email: string | null
  readonly passwordHash: string
  /** The 32-byte K-256 private key that signs its commits. */
  readonly signingKey: Uint8Array
  readonly createdAt: string
  readonly deactivatedAt: string | null
}

/** A deactivated account that is to be removed. */
export interface PlannedDeletion {
  readonly did: Did
  readonly deleteAfter: string
  /** When its owner was told that the time is near. */
  readonly warnedAt: string | null
}

/** Fields of an account that change, by the name of their column. */
export interface AccountChange {
  readonly handle?: Handle | null
  readonly email?: string | null
  readonly email_confirmed_at?: string | null
  readonly password_hash?: string
  readonly signing_key?: Uint8Array
  readonly deactivated_at?: string | null
  readonly delete_after?: string | null
  readonly delete_warned_at?: string | null
  readonly takedown_ref?: string | null
  readonly invites_disabled?: number
  readonly invite_note?: string | null
  readonly preferences?: string
}

/** The rows of accounts. Methods that write run in the transaction of their caller, or in one of their own. */
export interface AccountStore {
  get(did: Did): Account | null
  byHandle(handle: string): Account | null
  byEmail(email: string): Account | null
  /** Accounts with a DID above `after`, in order of DID. */
  list(after: string, limit: number): Account[]
  search(options: { email: string | null; after: string; limit: number }): Account[]
  count(): number
  /** Every DID, in order. */
  dids(): Did[]
  passwordHash(did: Did): string | null
  signingKey(did: Did): Uint8Array | null
  preferences(did: Did): string
  /** @throws PdsError `handle-taken` or `email-taken` */
  insert(account: NewAccount): void
  /** @throws PdsError `handle-taken` or `email-taken` */
  update(did: Did, change: AccountChange): void
  remove(did: Did): void
  /** Accounts to be removed before a time. */
  plannedDeletions(before: string): PlannedDeletion[]
}

const COLUMNS = `did, handle, email, email_confirmed_at, created_at, deactivated_at, delete_after, takedown_ref,
  invites_disabled, invite_note`

/** The account rows in `db`, which must carry `ACCOUNT_MIGRATIONS`. */
export function openAccountStore(db: Database): AccountStore {
  const one = (where: string, value: string): Account | null => {
    const row = db.prepare(`SELECT ${COLUMNS} FROM account WHERE ${where} = ?`).get(value)
    return row === undefined ? null : toAccount(row)
  }
  const cell = (column: string, did: Did): SQLOutputValue | undefined =>
    db.prepare(`SELECT ${column} AS value FROM account WHERE did = ?`).get(did)?.['value']

  const cached = createAccountCache(db, (did) => one('did', did))

  return {
    get: (did) => cached.get(did),
    byHandle: (handle) => one('handle', handle.toLowerCase()),
    byEmail: (email) => one('email', email.toLowerCase()),
    list: (after, limit) =>
      db
        .prepare(`SELECT ${COLUMNS} FROM account WHERE did > ? ORDER BY did LIMIT ?`)
        .all(after, limit)
        .map(toAccount),
    search: ({ email, after, limit }) =>
      db
        .prepare(
          `SELECT ${COLUMNS} FROM account WHERE did > ? AND (? IS NULL OR instr(email, ?) > 0) ORDER BY did LIMIT ?`,
        )
        .all(after, email, email?.toLowerCase() ?? null, limit)
        .map(toAccount),
    count: () => Number(db.prepare('SELECT count(*) AS n FROM account').get()!['n']),
    dids: () =>
      db
        .prepare('SELECT did FROM account ORDER BY did')
        .all()
        .map((row) => row['did'] as Did),
    passwordHash: (did) => (cell('password_hash', did) as string | undefined) ?? null,
    signingKey: (did) => (cell('signing_key', did) as Uint8Array | undefined) ?? null,
    preferences: (did) => (cell('preferences', did) as string | undefined) ?? '[]',
    insert: (account) => {
      cached.drop(account.did)
      unique(() =>
        db
          .prepare(
            `INSERT INTO account (did, handle, email, password_hash, signing_key, created_at, deactivated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)`,
          )
          .run(
            account.did,
            account.handle?.toLowerCase() ?? null,
            account.email?.toLowerCase() ?? null,
            account.passwordHash,
            account.signingKey,
            account.createdAt,
            account.deactivatedAt,
          ),
      )
    },
    update: (did, change) => {
      const columns = Object.keys(change)
      if (columns.length === 0) return
      cached.drop(did)
      const values = Object.entries(change).map(([key, value]) =>
        (key === 'email' || key === 'handle') && typeof value === 'string' ? value.toLowerCase() : value,
      )
      unique(() =>
        db
          .prepare(`UPDATE account SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE did = ?`)
          .run(...(values as (string | number | null | Uint8Array)[]), did),
      )
    },
    remove: (did) => {
      cached.drop(did)
      db.prepare('DELETE FROM account WHERE did = ?').run(did)
    },
    plannedDeletions: (before) =>
      db
        .prepare(
          `SELECT did, delete_after, delete_warned_at FROM account
           WHERE deactivated_at IS NOT NULL AND delete_after <= ? ORDER BY delete_after, did`,
        )
        .all(before)
        .map((row) => ({
          did: row['did'] as Did,
          deleteAfter: row['delete_after'] as string,
          warnedAt: row['delete_warned_at'] as string | null,
        })),
  }
}

function toAccount(row: Record<string, SQLOutputValue>): Account {
  return {
    did: row['did'] as Did,
    handle: row['handle'] as Handle | null,
    email: row['email'] as string | null,
    emailConfirmedAt: row['email_confirmed_at'] as string | null,
    createdAt: row['created_at'] as string,
    deactivatedAt: row['deactivated_at'] as string | null,
    deleteAfter: row['delete_after'] as string | null,
    takedownRef: row['takedown_ref'] as string | null,
    invitesDisabled: row['invites_disabled'] !== 0,
    inviteNote: row['invite_note'] as string | null,
  }
}

/** Runs a write; a broken UNIQUE constraint becomes the domain's error. */
function unique(write: () => void): void {
  try {
    write()
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : ''
    if (message.includes('account.handle')) {
      throw new PdsError('handle-taken', 'Handle already taken', { cause })
    }
    if (message.includes('account.email')) throw new PdsError('email-taken', 'Email already taken', { cause })
    if (message.includes('account.did'))
      throw new PdsError('invalid-request', 'Account already exists', { cause })
    throw cause
  }
}
