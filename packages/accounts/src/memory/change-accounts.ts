import type { AccountFields, AccountRowChange, Refusal } from '../change.ts'
import type { AccountRow, ChangesBy, Tables } from './tables.ts'

/** Changes of the account itself. */
export const ACCOUNT_CHANGES: ChangesBy<AccountRowChange> = {
  createAccount: (tables, { account }) =>
    tables.accounts.get(account.did) === undefined
      ? put(tables, inLowerCase({ ...NEW, ...account }))
      : 'account-exists',
  updateAccount: (tables, { did, set, expect = {} }) => {
    const row = tables.accounts.get(did)
    if (row === undefined) return 'account-not-found'
    const same = Object.entries(inLowerCase(expect)).every(([field, value]) =>
      isSame(row[field as keyof AccountFields], value),
    )
    return same ? put(tables, { ...row, ...inLowerCase(set) }) : 'stale'
  },
  removeAccount: (tables, { did }) => {
    const { accounts, sessions, appPasswords, codes, factors, recoveryCodes, challenges, handleChanges } =
      tables
    if (accounts.get(did) === undefined) return 'account-not-found'
    accounts.delete(did)
    for (const table of [sessions, appPasswords, codes, factors, recoveryCodes, challenges, handleChanges]) {
      table.deleteWhere((row) => row.did === did)
    }
    return null
  },
}

const NEW = {
  email: null,
  passwordHash: '',
  deactivatedAt: null,
  emailConfirmedAt: null,
  emailAuthFactor: false,
  deleteAfter: null,
  deleteWarnedAt: null,
  takedownRef: null,
  invitesDisabled: false,
  inviteNote: null,
  preferences: '[]',
} as const

function put({ accounts }: Tables, row: AccountRow): Refusal | null {
  const isTaken = (field: 'handle' | 'email'): boolean =>
    row[field] !== null &&
    accounts.find((other) => other[field] === row[field] && other.did !== row.did) !== undefined
  if (isTaken('handle')) return 'handle-taken'
  if (isTaken('email')) return 'email-taken'
  accounts.set(row.did, { ...row, signingKey: new Uint8Array(row.signingKey) })
  return null
}

/** Names in lower case; fields that are `undefined` are left out. */
function inLowerCase<T extends Partial<AccountFields>>(fields: T): T {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
  return {
    ...given,
    ...(typeof given.handle === 'string' ? { handle: given.handle.toLowerCase() } : {}),
    ...(typeof given.email === 'string' ? { email: given.email.toLowerCase() } : {}),
  }
}

const isSame = (a: unknown, b: unknown): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array
    ? a.length === b.length && a.every((byte, at) => byte === b[at])
    : a === b
