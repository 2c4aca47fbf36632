import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer, Headed } from '../accounts/authorizer.ts'
import { servedRepo } from '../accounts/lookup.ts'

/**
 * The account whose repository this caller may read: an active one by anybody, any by its owner and by the operator
 * (who need it to move away, or to look into a report).
 * @throws PdsError `repo-not-found`, `repo-takendown`, `repo-deactivated`
 */
export async function readableRepo(
  accounts: AccountStore,
  authorizer: Authorizer,
  request: Headed,
  did: string,
): Promise<Account> {
  if (request.header('authorization') === null) return servedRepo(accounts, did)
  if (authorizer.isAdmin(request)) return servedRepo(accounts, did, true)
  const caller = await authorizer.optional(request).catch(() => null)
  return servedRepo(accounts, did, caller?.did === did)
}
