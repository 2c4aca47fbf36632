import type { AccountRows } from '@avocet/accounts'
import type { DidResolver } from '@avocet/did'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../auth/authorizer.ts'
import type { ResolveHandle } from '../outbound/outbound.ts'
import type { ResolveActor } from './actors.ts'
import type { HandlePolicy } from './handles.ts'
import { refreshIdentity } from './methods/com.atproto.identity.refreshIdentity.ts'
import { resolveDid } from './methods/com.atproto.identity.resolveDid.ts'
import { resolveHandle } from './methods/com.atproto.identity.resolveHandle.ts'
import { resolveIdentity } from './methods/com.atproto.identity.resolveIdentity.ts'

/** What the methods of this folder are made of. */
export interface IdentityMethodParts {
  readonly authorizer: Authorizer
  readonly accounts: AccountRows
  readonly dids: DidResolver
  readonly handles: HandlePolicy
  readonly resolveHandle: ResolveHandle
  readonly resolveActor: ResolveActor
}

/** Adds the methods that look up who somebody is. */
export function addIdentityMethods(router: Router, parts: IdentityMethodParts): void {
  const { authorizer, accounts, dids, handles, resolveActor } = parts
  refreshIdentity(router, authorizer, resolveActor)
  resolveDid(router, dids)
  resolveHandle(router, authorizer, accounts, handles, parts.resolveHandle)
  resolveIdentity(router, resolveActor)
}
