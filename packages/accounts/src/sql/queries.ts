import type { Did } from '@avocet/syntax'

import type { AccountReads, Awaitable } from '../store.ts'
import {
  toAccount,
  toAppPassword,
  toChallenge,
  toCode,
  toFactor,
  toHandleChange,
  toInvites,
  toPlannedDeletion,
  toReservedKey,
  toSession,
} from './read-rows.ts'
import { statement, type SqlRow, type SqlValue, type Statement } from './statement.ts'

/** Runs a query and makes something of its rows: at once, or when the database has answered. */
export type Ask = <T>(
  read: (rows: readonly SqlRow[]) => T,
  sql: Statement,
  ...values: SqlValue[]
) => Awaitable<T>

const ACCOUNT = `did, handle, email, email_confirmed_at, email_auth_factor, created_at, deactivated_at, delete_after, takedown_ref,
  invites_disabled, invite_note`
const INVITE = 'c.code, c.available_uses, c.disabled, c.for_account, c.created_by, c.created_at'
const USES = 'LEFT JOIN invite_use u ON u.code = c.code'
const CODE = `SELECT t.* FROM email_token t JOIN account a ON a.did = t.did AND a.email = t.address`

const accountWhere = (condition: string): Statement =>
  statement(`SELECT ${ACCOUNT} FROM account WHERE ${condition}`)
const invitesWhere = (condition: string, order: string): Statement =>
  statement(
    `SELECT ${INVITE}, u.used_by, u.used_at FROM invite_code c ${USES} WHERE ${condition}
     ORDER BY ${order}c.code, u.used_at, u.used_by`,
  )

const BY_DID = accountWhere('did = $1')
const BY_HANDLE = accountWhere('handle = $1')
const BY_EMAIL = accountWhere('email = $1')
const LIST = accountWhere('did > $1 ORDER BY did LIMIT $2')
const SEARCH: Statement = {
  sqlite: accountWhere('did > $1 AND instr(email, $3) > 0 ORDER BY did LIMIT $2').sqlite,
  postgres: accountWhere('did > $1 AND strpos(email, $3) > 0 ORDER BY did LIMIT $2').postgres,
}
/** What begins with a text lies from it to it with the last character of all behind. */
const beginning = (column: string, above: '>' | '>='): Statement =>
  accountWhere(`${column} ${above} $1 AND ${column} < $2 ORDER BY ${column} LIMIT $3`)
const BEGINNING = {
  did: { first: beginning('did', '>='), next: beginning('did', '>') },
  handle: { first: beginning('handle', '>='), next: beginning('handle', '>') },
  email: { first: beginning('email', '>='), next: beginning('email', '>') },
}
const LAST = '\u{10FFFF}'
const DIDS = statement('SELECT did FROM account ORDER BY did')
const COUNT = statement('SELECT count(*) AS n FROM account')
const PLANNED = statement(
  `SELECT did, delete_after, delete_warned_at FROM account
   WHERE deactivated_at IS NOT NULL AND delete_after <= $1 ORDER BY delete_after, did`,
)
const secret = (column: string): Statement =>
  statement(`SELECT ${column} AS value FROM account WHERE did = $1`)
const PASSWORD_HASH = secret('password_hash')
const SIGNING_KEY = secret('signing_key')
const PREFERENCES = secret('preferences')
const SESSION = statement('SELECT * FROM refresh_token WHERE id = $1')
const SESSIONS = statement('SELECT * FROM refresh_token WHERE did = $1 ORDER BY id')
const APP_PASSWORD = statement('SELECT * FROM app_password WHERE did = $1 AND name = $2')
const APP_PASSWORD_BY_HASH = statement('SELECT * FROM app_password WHERE did = $1 AND password_hash = $2')
const APP_PASSWORDS = statement('SELECT * FROM app_password WHERE did = $1 ORDER BY created_at, name')
const INVITE_BY_CODE = invitesWhere('c.code = $1', '')
const INVITES_FOR = invitesWhere('c.for_account = $1', 'c.created_at, ')
const INVITE_USED_BY = invitesWhere(
  `c.code = (SELECT code FROM invite_use WHERE used_by = $1 ORDER BY used_at, code LIMIT 1)`,
  '',
)
const FIND_CODE = statement(`${CODE} WHERE t.purpose = $1 AND t.token = $2`)
const CODES = statement(`${CODE} WHERE t.did = $1 AND t.purpose = $2 ORDER BY t.made_at DESC, t.token`)
const FACTOR = statement('SELECT * FROM factor WHERE id = $1')
const FACTORS = statement('SELECT * FROM factor WHERE did = $1 ORDER BY created_at, id')
const RECOVERY_CODES = statement('SELECT count(*) AS n FROM recovery_code WHERE did = $1')
const CHALLENGE = statement('SELECT * FROM challenge WHERE id = $1')
const RESERVED_KEY = statement('SELECT * FROM reserved_key WHERE did = $1')
const HANDLE_CHANGE = statement('SELECT did, handle FROM handle_change WHERE did = $1')
const HANDLE_CHANGES = statement('SELECT did, handle FROM handle_change ORDER BY did')

/** A page of invites; the cursor is the code of the last entry before, which is looked up again for its place. */
const page = (key: string, after: boolean): Statement => {
  const from = after
    ? `WHERE (${key}, c.code) < ((SELECT ${key} FROM invite_code c WHERE c.code = $2), $2)`
    : ''
  return statement(
    `SELECT ${INVITE}, u.used_by, u.used_at
     FROM (SELECT ${INVITE}, ${key} AS place FROM invite_code c ${from} ORDER BY place DESC, c.code DESC LIMIT $1) c
     ${USES} ORDER BY c.place DESC, c.code DESC, u.used_at, u.used_by`,
  )
}
const PLACES = { recent: 'c.created_at', usage: '(SELECT count(*) FROM invite_use n WHERE n.code = c.code)' }
const PAGES = {
  recent: { first: page(PLACES.recent, false), next: page(PLACES.recent, true) },
  usage: { first: page(PLACES.usage, false), next: page(PLACES.usage, true) },
}

const toText = (row: SqlRow): string => row['value'] as string
const toBytes = (row: SqlRow): Uint8Array => new Uint8Array(row['value'] as Uint8Array)
const toCount = (rows: readonly SqlRow[]): number => Number(rows[0]!['n'])
const first =
  <T>(read: (row: SqlRow) => T) =>
  (rows: readonly SqlRow[]): T | null =>
    rows[0] === undefined ? null : read(rows[0])
const each =
  <T>(read: (row: SqlRow) => T) =>
  (rows: readonly SqlRow[]): T[] =>
    rows.map((row) => read(row))
const firstInvite = (rows: readonly SqlRow[]): ReturnType<typeof toInvites>[number] | null =>
  toInvites(rows)[0] ?? null

/** What can be read, by a way to ask. */
export function createReads(ask: Ask): AccountReads {
  return {
    accounts: {
      get: (did) => ask(first(toAccount), BY_DID, did),
      byHandle: (handle) => ask(first(toAccount), BY_HANDLE, handle.toLowerCase()),
      byEmail: (email) => ask(first(toAccount), BY_EMAIL, email.toLowerCase()),
      list: ({ after, limit, email }) => {
        if (email === undefined) return ask(each(toAccount), LIST, after, limit)
        return ask(each(toAccount), SEARCH, after, limit, email.toLowerCase())
      },
      search: ({ by, prefix, after, limit }) => {
        const { first: begin, next } = BEGINNING[by]
        return after < prefix
          ? ask(each(toAccount), begin, prefix, prefix + LAST, limit)
          : ask(each(toAccount), next, after, prefix + LAST, limit)
      },
      dids: () =>
        ask(
          each((row) => row['did'] as Did),
          DIDS,
        ),
      count: () => ask(toCount, COUNT),
      plannedDeletions: (until) => ask(each(toPlannedDeletion), PLANNED, until),
    },
    secrets: {
      passwordHash: (did) => ask(first(toText), PASSWORD_HASH, did),
      signingKey: (did) => ask(first(toBytes), SIGNING_KEY, did),
      preferences: (did) => ask(first(toText), PREFERENCES, did),
    },
    sessions: {
      get: (id) => ask(first(toSession), SESSION, id),
      list: (did) => ask(each(toSession), SESSIONS, did),
    },
    appPasswords: {
      get: (did, name) => ask(first(toAppPassword), APP_PASSWORD, did, name),
      list: (did) => ask(each(toAppPassword), APP_PASSWORDS, did),
      byHash: (did, hash) => ask(first(toAppPassword), APP_PASSWORD_BY_HASH, did, hash),
      hashes: (did) =>
        ask(
          each((row) => row['password_hash'] as string),
          APP_PASSWORDS,
          did,
        ),
    },
    invites: {
      get: (code) => ask(firstInvite, INVITE_BY_CODE, code),
      madeFor: (account) => ask(toInvites, INVITES_FOR, account),
      usedBy: (did) => ask(firstInvite, INVITE_USED_BY, did),
      list: ({ sort, limit, after }) =>
        after === null
          ? ask(toInvites, PAGES[sort].first, limit)
          : ask(toInvites, PAGES[sort].next, limit, after),
    },
    codes: {
      find: (purpose, token) => ask(first(toCode), FIND_CODE, purpose, token),
      list: (did, purpose) => ask(each(toCode), CODES, did, purpose),
    },
    factors: {
      get: (id) => ask(first(toFactor), FACTOR, id),
      list: (did) => ask(each(toFactor), FACTORS, did),
      recoveryCodes: (did) => ask(toCount, RECOVERY_CODES, did),
      challenge: (id) => ask(first(toChallenge), CHALLENGE, id),
    },
    reservedKeys: { get: (did) => ask(first(toReservedKey), RESERVED_KEY, did) },
    handleChanges: {
      get: (did) => ask(first(toHandleChange), HANDLE_CHANGE, did),
      list: () => ask(each(toHandleChange), HANDLE_CHANGES),
    },
  }
}
