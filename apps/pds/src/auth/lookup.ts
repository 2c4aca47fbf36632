import type { AccountRows } from '@avocet/accounts'
import type { Did } from '@avocet/syntax'

import type { Account } from '../account.ts'

/** The account behind a DID or handle, or null. */
export async function findAccount(
  accounts: Pick<AccountRows, 'get' | 'byHandle'>,
  identifier: string,
): Promise<Account | null> {
  return identifier.startsWith('did:') ? accounts.get(identifier as Did) : accounts.byHandle(identifier)
}

/** The account that somebody who signs in means, by DID, handle (with `@` or without) or email address; null if there is none. */
export async function findByLogin(accounts: AccountRows, identifier: string): Promise<Account | null> {
  const name = identifier.trim()
  if (name.startsWith('did:')) return accounts.get(name as Did)
  if (name.includes('@') && !name.startsWith('@')) return accounts.byEmail(name)
  return accounts.byHandle(name.replace(/^@/, ''))
}

/** What attempts on an account are counted by, however it is named: its DID, or else the text in a normal form. */
export async function loginKey(accounts: AccountRows, identifier: string): Promise<string> {
  return loginKeyOf(await findByLogin(accounts, identifier), identifier)
}

/** The same where it is known already whom `findByLogin` gives. */
export const loginKeyOf = (account: Account | null, identifier: string): string =>
  account?.did ?? identifier.trim().slice(0, 512).toLowerCase().replace(/^@/, '')
