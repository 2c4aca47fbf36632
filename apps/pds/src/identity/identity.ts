import type { Authorizer } from '../auth/authorizer.ts'
import type { PdsConfig } from '../config/config.ts'
import { NO_CHORES, type Capability } from '../operations/capability.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Stores } from '../stores/stores.ts'
import { createResolveActor } from './actors.ts'
import type { PublicAddress } from './address.ts'
import { createDocumentChecks, type DocumentChecks } from './document-checks.ts'
import { createHandlePolicy, type HandlePolicy } from './handles.ts'
import { createIdentities, type Identities } from './identities.ts'
import { addIdentityMethods } from './methods.ts'
import { createSigners, type Signers } from './signers.ts'

/** Who the accounts of this server are to the network: keys, handles, documents. */
export interface Identity extends Capability {
  readonly signers: Signers
  readonly handles: HandlePolicy
  readonly identities: Identities
  readonly documents: DocumentChecks
}

/** What identities compose. */
export interface IdentityParts {
  readonly config: PdsConfig
  readonly rotationKeyHex: string
  readonly stores: Pick<Stores, 'accounts' | 'accountStore' | 'isShared'>
  readonly address: PublicAddress
  readonly authorizer: Authorizer
  readonly outbound: Pick<Outbound, 'dids' | 'plc' | 'resolveHandle'>
}

/** Identities in the directory that the settings name. */
export function createIdentity(parts: IdentityParts): Identity {
  const { config, rotationKeyHex, stores, address, authorizer, outbound } = parts
  const { dids, plc, resolveHandle } = outbound
  const { accounts } = stores
  const { previousPlcRotationKeyHex, recoveryDidKey } = config
  const signers = createSigners(stores.accountStore.secrets, stores)
  const handles = createHandlePolicy(config.handleDomains, resolveHandle)
  const resolveActor = createResolveActor(
    dids,
    async (handle) => (await accounts.byHandle(handle))?.did ?? resolveHandle(handle),
  )
  return {
    signers,
    handles,
    identities: createIdentities(plc, rotationKeyHex, previousPlcRotationKeyHex, recoveryDidKey, address),
    documents: createDocumentChecks(dids, signers, address),
    methods: (router) =>
      addIdentityMethods(router, { authorizer, accounts, dids, handles, resolveHandle, resolveActor }),
    chores: NO_CHORES,
  }
}
