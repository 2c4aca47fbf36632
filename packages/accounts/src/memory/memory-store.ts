import type { AccountChange, Outcome } from '../change.ts'
import type { Account, AppPassword, Factor, InviteCode, MailedCode } from '../rows.ts'
import type { AccountReads, AccountStore, AtOnce } from '../store.ts'
import { changeTables } from './change-tables.ts'
import {
  appPasswordKey,
  compare,
  createTables,
  type AccountRow,
  type AppPasswordRow,
  type Tables,
} from './tables.ts'

/** Accounts in memory: every read answers at once, and so does `applyNow`. */
export interface MemoryAccountStore extends AtOnce<AccountReads>, Pick<AccountStore, 'apply'> {
  applyNow(changes: readonly AccountChange[]): Outcome
}

/** An empty store that keeps nothing. A read that is not by a key looks through all rows. */
export function createMemoryAccountStore(): MemoryAccountStore {
  const tables = createTables()
  const applyNow = (changes: readonly AccountChange[]): Outcome => {
    for (const change of changes) {
      const reason = changeTables(tables, change)
      if (reason === null) continue
      tables.undo()
      return reason === 'stale' ? { status: 'stale' } : { status: 'refused', reason }
    }
    tables.keep()
    return { status: 'applied' }
  }
  return { ...reads(tables), applyNow, apply: async (changes) => applyNow(changes) }
}

function reads(tables: Tables): AtOnce<AccountReads> {
  const { accounts, sessions, appPasswords, invites, codes, factors, reservedKeys, handleChanges } = tables
  const readOne = <T, U>(row: T | undefined, read: (row: T) => U): U | null =>
    row === undefined ? null : read(row)
  const hasAddress = (code: MailedCode): boolean => accounts.get(code.did)?.email === code.address
  return {
    accounts: {
      get: (did) => readOne(accounts.get(did), toAccount),
      byHandle: (handle) => {
        const name = handle.toLowerCase()
        return readOne(
          accounts.find((row) => row.handle === name),
          toAccount,
        )
      },
      byEmail: (email) => {
        const name = email.toLowerCase()
        return readOne(
          accounts.find((row) => row.email === name),
          toAccount,
        )
      },
      list: ({ after, limit, email }) => {
        const part = email?.toLowerCase()
        return accounts
          .filter((row) => row.did > after && (part === undefined || (row.email?.includes(part) ?? false)))
          .slice(0, limit)
          .map(toAccount)
      },
      search: ({ by, prefix, after, limit }) =>
        accounts
          .filter((row) => (row[by]?.startsWith(prefix) ?? false) && row[by]! > after)
          .toSorted((a, b) => compare(a[by]!, b[by]!))
          .slice(0, limit)
          .map(toAccount),
      dids: () => accounts.filter(() => true).map(({ did }) => did),
      count: () => accounts.size,
      plannedDeletions: (until) =>
        accounts
          .filter(
            ({ deactivatedAt, deleteAfter }) =>
              deactivatedAt !== null && deleteAfter !== null && deleteAfter <= until,
          )
          .map(({ did, deleteAfter, deleteWarnedAt }) => ({
            did,
            deleteAfter: deleteAfter!,
            warnedAt: deleteWarnedAt,
          }))
          .toSorted((a, b) => compare(a.deleteAfter, b.deleteAfter)),
    },
    secrets: {
      passwordHash: (did) => accounts.get(did)?.passwordHash ?? null,
      signingKey: (did) => readOne(accounts.get(did), ({ signingKey }) => new Uint8Array(signingKey)),
      preferences: (did) => accounts.get(did)?.preferences ?? null,
    },
    sessions: {
      get: (id) => readOne(sessions.get(id), (row) => ({ ...row })),
      list: (did) => sessions.filter((row) => row.did === did),
    },
    appPasswords: {
      get: (did, name) => readOne(appPasswords.get(appPasswordKey(did, name)), toAppPassword),
      list: (did) =>
        appPasswords
          .filter((row) => row.did === did)
          .toSorted((a, b) => compare(a.createdAt, b.createdAt))
          .map(toAppPassword),
      byHash: (did, hash) =>
        readOne(
          appPasswords.find((row) => row.did === did && row.passwordHash === hash),
          toAppPassword,
        ),
      hashes: (did) => appPasswords.filter((row) => row.did === did).map(({ passwordHash }) => passwordHash),
    },
    invites: {
      get: (code) => readOne(invites.get(code), toInvite),
      madeFor: (account) =>
        invites
          .filter((row) => row.forAccount === account)
          .toSorted((a, b) => compare(a.createdAt, b.createdAt))
          .map(toInvite),
      usedBy: (did) => {
        const used = invites.filter((row) => row.uses.some(({ usedBy }) => usedBy === did))
        const time = (row: InviteCode): string => row.uses.find(({ usedBy }) => usedBy === did)!.usedAt
        return readOne(used.toSorted((a, b) => compare(time(a), time(b)))[0], toInvite)
      },
      list: ({ sort, limit, after }) => {
        const ordered = invites.filter(() => true).toSorted(sort === 'recent' ? byAge : byUses)
        if (after === null) return ordered.slice(0, limit).map(toInvite)
        const place = ordered.findIndex((row) => row.code === after)
        return place === -1 ? [] : ordered.slice(place + 1, place + 1 + limit).map(toInvite)
      },
    },
    codes: {
      find: (purpose, token) => {
        const row = codes.get(token)
        return row?.purpose === purpose && hasAddress(row) ? { ...row } : null
      },
      list: (did, purpose) =>
        codes
          .filter((row) => row.did === did && row.purpose === purpose && hasAddress(row))
          .toSorted((a, b) => b.madeAt - a.madeAt),
    },
    factors: {
      get: (id) => readOne(factors.get(id), toFactor),
      list: (did) =>
        factors
          .filter((row) => row.did === did)
          .toSorted((a, b) => compare(a.createdAt, b.createdAt))
          .map(toFactor),
      recoveryCodes: (did) => tables.recoveryCodes.filter((row) => row.did === did).length,
      challenge: (id) =>
        readOne(tables.challenges.get(id), (row) => ({ ...row, secret: new Uint8Array(row.secret) })),
    },
    reservedKeys: {
      get: (did) =>
        readOne(
          reservedKeys.find((row) => row.did === did),
          (row) => ({
            ...row,
            privateKey: new Uint8Array(row.privateKey),
          }),
        ),
    },
    handleChanges: {
      get: (did) => readOne(handleChanges.get(did), (row) => ({ ...row })),
      list: () => handleChanges.filter(() => true),
    },
  }
}

const byAge = (a: InviteCode, b: InviteCode): number =>
  compare(b.createdAt, a.createdAt) || compare(b.code, a.code)
const byUses = (a: InviteCode, b: InviteCode): number =>
  b.uses.length - a.uses.length || compare(b.code, a.code)

const toInvite = (row: InviteCode): InviteCode => ({
  ...row,
  uses: row.uses.toSorted((a, b) => compare(a.usedAt, b.usedAt) || compare(a.usedBy, b.usedBy)),
})

const toAppPassword = ({ name, privileged, createdAt }: AppPasswordRow): AppPassword => ({
  name,
  privileged,
  createdAt,
})

const toFactor = (row: Factor): Factor => ({
  ...row,
  secret: new Uint8Array(row.secret),
  transports: [...row.transports],
})

function toAccount(row: AccountRow): Account {
  const { did, handle, email, emailConfirmedAt, emailAuthFactor, createdAt, deactivatedAt } = row
  const { deleteAfter, takedownRef, invitesDisabled, inviteNote } = row
  return {
    did,
    handle,
    email,
    emailConfirmedAt,
    emailAuthFactor,
    createdAt,
    deactivatedAt,
    deleteAfter,
    takedownRef,
    invitesDisabled,
    inviteNote,
  }
}
