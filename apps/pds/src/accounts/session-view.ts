import type { DataObject } from '@avocet/data'
import { pdsEndpoint, type DidResolver } from '@avocet/did'
import type { Did, Handle } from '@avocet/syntax'

import type { PublicAddress } from '../identity/address.ts'
import { accountStatus, shownHandle, type Account } from '../account.ts'

/** What a client is told of its account along with its tokens. */
export interface SessionInfo {
  readonly did: Did
  readonly handle: Handle
  readonly email?: string
  readonly emailConfirmed: boolean
  readonly emailAuthFactor: boolean
  readonly active: boolean
  readonly status?: 'deactivated' | 'takendown'
  readonly didDoc?: DataObject
}

/** Describes an account to its owner. */
export type SessionView = (account: Account, withEmail?: boolean) => Promise<SessionInfo>

/**
 * A view that adds the DID document as the resolver knows it; a directory that fails must not stop a sign-in. Clients go
 * on where the document leads, with the tokens of this server: one that leads elsewhere, while an account moves, is left out.
 */
export function createSessionView(dids: DidResolver, address: PublicAddress): SessionView {
  return async (account, withEmail = true) => {
    const resolved = await dids.resolve(account.did)
    const isHere = resolved.ok && pdsEndpoint(resolved.value) === address.url()
    return {
      did: account.did,
      handle: shownHandle(account),
      ...(withEmail && account.email !== null ? { email: account.email } : {}),
      emailConfirmed: account.emailConfirmedAt !== null,
      emailAuthFactor: withEmail && account.emailAuthFactor,
      ...accountStatus(account),
      ...(isHere ? { didDoc: resolved.value as unknown as DataObject } : {}),
    }
  }
}
