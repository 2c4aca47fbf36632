import type { PublicKey } from '@avocet/crypto'
import { resolveAccount, type Account, type IdentityResolvers } from './account.ts'
import type { ResolveOptions } from './did-resolver.ts'
import { signingKey } from './document-fields.ts'
import type { DidResult } from './error.ts'

/** An account's identity. */
export interface Identity extends Account {
  /** The key that signs commits; null when the document has none. */
  readonly key: PublicKey | null
}

/** {@link resolveAccount}, and the key of the account. Fails as that does. @param actor a handle or a DID, as somebody typed it */
export async function resolveIdentity(
  actor: string,
  resolvers: IdentityResolvers,
  options: ResolveOptions = {},
): Promise<DidResult<Identity>> {
  const account = await resolveAccount(actor, resolvers, options)
  if (!account.ok) return account
  return { ok: true, value: { ...account.value, key: signingKey(account.value.document) } }
}
