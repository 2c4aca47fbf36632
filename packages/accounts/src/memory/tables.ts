import type { Did } from '@avocet/syntax'

import type { AccountChange, AccountFields, NewAccount, Refusal } from '../change.ts'
import type {
  Challenge,
  Factor,
  HandleChange,
  InviteCode,
  MailedCode,
  ReservedKey,
  Session,
} from '../rows.ts'

/** An account with everything of it. */
export type AccountRow = AccountFields & Pick<NewAccount, 'did' | 'createdAt'>

/** An app password with its hash. */
export interface AppPasswordRow {
  readonly did: Did
  readonly name: string
  readonly passwordHash: string
  readonly privileged: boolean
  readonly createdAt: string
}

/** A recovery code. */
export interface RecoveryRow {
  readonly did: Did
  readonly hash: string
}

/** Rows by their key. Changes are noted until they are kept, so that they can be taken back. */
export interface Table<T> {
  get(key: string): T | undefined
  set(key: string, row: T): void
  delete(key: string): void
  /** In the order of the keys. */
  find(test: (row: T) => boolean): T | undefined
  filter(test: (row: T) => boolean): T[]
  deleteWhere(test: (row: T) => boolean): void
  readonly size: number
}

/** All rows of a store. */
export interface Tables {
  readonly accounts: Table<AccountRow>
  readonly sessions: Table<Session>
  readonly appPasswords: Table<AppPasswordRow>
  readonly invites: Table<InviteCode>
  readonly codes: Table<MailedCode>
  readonly factors: Table<Factor>
  readonly recoveryCodes: Table<RecoveryRow>
  readonly challenges: Table<Challenge>
  readonly reservedKeys: Table<ReservedKey>
  readonly handleChanges: Table<HandleChange>
  /** Takes back all changes since `keep`. */
  undo(): void
  keep(): void
}

/** How each kind of change is made. Returns what keeps it from being made; the tables may be changed in part then. */
export type ChangesBy<C extends AccountChange> = {
  readonly [T in C['type']]: (tables: Tables, change: Extract<C, { type: T }>) => Refusal | 'stale' | null
}

/** Empty tables. */
export function createTables(): Tables {
  let journal: (() => void)[] = []

  const createTable = <T>(): Table<T> => {
    const rows = new Map<string, T>()
    const note = (key: string): void => {
      const before = rows.get(key)
      journal.push(() => {
        if (before === undefined) rows.delete(key)
        else rows.set(key, before)
      })
    }
    const remove = (key: string): void => {
      note(key)
      rows.delete(key)
    }
    const inOrder = (test: (row: T) => boolean): [string, T][] =>
      [...rows].filter(([, row]) => test(row)).toSorted(([a], [b]) => compare(a, b))
    return {
      get: (key) => rows.get(key),
      set: (key, row) => {
        note(key)
        rows.set(key, row)
      },
      delete: remove,
      find: (test) => inOrder(test)[0]?.[1],
      filter: (test) => inOrder(test).map(([, row]) => row),
      deleteWhere: (test) => {
        for (const [key] of inOrder(test)) remove(key)
      },
      get size() {
        return rows.size
      },
    }
  }

  return {
    accounts: createTable(),
    sessions: createTable(),
    appPasswords: createTable(),
    invites: createTable(),
    codes: createTable(),
    factors: createTable(),
    recoveryCodes: createTable(),
    challenges: createTable(),
    reservedKeys: createTable(),
    handleChanges: createTable(),
    undo: () => {
      for (const step of journal.toReversed()) step()
      journal = []
    },
    keep: () => {
      journal = []
    },
  }
}

/** By UTF-16 units, which is by bytes for all that is ASCII. */
export const compare = (a: string, b: string): number => Number(a > b) - Number(a < b)

export const appPasswordKey = (did: Did, name: string): string => `${did} ${name}`

export const recoveryKey = (did: Did, hash: string): string => `${did} ${hash}`
