import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { accountStatus, type Account } from './account.ts'
import type { AccountStore } from './account-store.ts'

/** The account behind a DID or handle, or null. */
export function findAccount(
  accounts: Pick<AccountStore, 'get' | 'byHandle'>,
  identifier: string,
): Account | null {
  return identifier.startsWith('did:') ? accounts.get(identifier as Did) : accounts.byHandle(identifier)
}

/** The account that somebody who signs in means, by DID, handle (with `@` or without) or email address; null if there is none. */
export function findByLogin(accounts: AccountStore, identifier: string): Account | null {
  const name = identifier.trim()
  if (name.startsWith('did:')) return accounts.get(name as Did)
  if (name.includes('@') && !name.startsWith('@')) return accounts.byEmail(name)
  return accounts.byHandle(name.replace(/^@/, ''))
}

/** What attempts on an account are counted by, however it is named: its DID, or else the text in a normal form. */
export function loginKey(accounts: AccountStore, identifier: string): string {
  return (
    findByLogin(accounts, identifier)?.did ?? identifier.trim().slice(0, 512).toLowerCase().replace(/^@/, '')
  )
}

/** The account whose repository anybody may read. @throws PdsError `repo-not-found`, `repo-takendown`, `repo-deactivated` */
export function servedRepo(accounts: AccountStore, identifier: string, everything = false): Account {
  const account = findAccount(accounts, identifier)
  if (account === null) throw new PdsError('repo-not-found', `Could not find repo for DID: ${identifier}`)
  const status = accountStatus(account)
  if (status.active || everything) return account
  if (status.status === 'takendown') {
    throw new PdsError('repo-takendown', `Repo has been takendown: ${account.did}`)
  }
  throw new PdsError('repo-deactivated', `Repo has been deactivated: ${account.did}`)
}

/** The caller's DID, if `repo` names the caller. @throws PdsError `not-your-repo` */
export function ownRepo(accounts: AccountStore, repo: string, caller: Did): Did {
  if (findAccount(accounts, repo)?.did !== caller) throw new PdsError('not-your-repo', 'Account not found')
  return caller
}
