import type { AccountChange, AccountStore } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { Account } from '../account.ts'
import { findByLogin } from '../auth/lookup.ts'
import { PdsError } from '../errors.ts'
import { verifyPassword } from './passwords.ts'

/** What became of a password that somebody typed. */
export interface PasswordCheck {
  /** Whoever they named; null if there is none. */
  readonly account: Account | null
  /** What the password was checked against. */
  readonly hash: string
  /** Whether it is the account's own. */
  readonly main: boolean
}

/** Verified against when there is no account, so that both cases cost the same. */
const DUMMY_HASH = `$argon2id$v=19$m=9216,t=4,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** Checks the password of an account that is named by DID, handle or address. */
export async function checkPassword(
  store: Pick<AccountStore, 'accounts' | 'secrets'>,
  identifier: string,
  password: string,
): Promise<PasswordCheck> {
  const account = await findByLogin(store.accounts, identifier)
  const hash = (account === null ? null : await store.secrets.passwordHash(account.did)) ?? DUMMY_HASH
  const main = await verifyPassword(password, hash)
  return { account, hash, main: main && account !== null }
}

/** A password that was changed while it was checked lets nobody in: whoever changed it has ended all sessions. */
export const samePassword = (did: Did, passwordHash: string): AccountChange => ({
  type: 'updateAccount',
  did,
  set: {},
  expect: { passwordHash },
})

/** The same for a wrong password and for an account that is not there. */
export const wrongPassword = (): PdsError => new PdsError('auth-required', 'Invalid identifier or password')

/** Runs an attempt, and answers after `floorMs` at the soonest, whatever became of it. */
export async function noSooner<T>(floorMs: number, attempt: () => Promise<T>): Promise<T> {
  const floor = floorMs <= 0 ? undefined : new Promise((resolve) => setTimeout(resolve, floorMs))
  try {
    return await attempt()
  } finally {
    await floor
  }
}
