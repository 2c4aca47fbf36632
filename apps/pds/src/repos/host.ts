import type { AccountRows } from '@avocet/accounts'
import type { DataObject } from '@avocet/data'
import { handleOf, type DidResolver } from '@avocet/did'
import {
  createRepoHost,
  RepoServerError,
  type KeyedLock,
  type RecordLexicons,
  type RemoteName,
  type RepoAccess,
  type RepoAccounts,
  type RepoHost,
} from '@avocet/repo-server'
import type { Sequencer } from '@avocet/sequencer'
import type { Did, TidClock } from '@avocet/syntax'

import { hostingStatus, shownHandle } from '../account.ts'
import type { Authorizer } from '../auth/authorizer.ts'
import type { Caller, ServiceCaller } from '../auth/callers.ts'
import { findAccount } from '../auth/lookup.ts'
import { ANY_APP, requirePermissions, type MethodNeeds } from '../auth/needs.ts'
import type { Quotas } from './quotas.ts'
import type { ServiceCallers } from '../auth/service-callers.ts'
import type { PdsConfig } from '../config/config.ts'
import { PdsError } from '../errors.ts'
import { EXPORT_LIMIT, UPLOAD_LIMIT, writeLimits } from '../limits/rate-limits.ts'
import { hasSlur } from '../identity/slurs.ts'
import type { Stores } from '../stores/stores.ts'
import type { Signers } from '../identity/signers.ts'

/** What the host of repositories composes. */
export interface HostParts {
  readonly config: PdsConfig
  readonly stores: Pick<Stores, 'server' | 'files' | 'accounts'>
  readonly authorizer: Authorizer
  readonly services: ServiceCallers
  readonly dids: DidResolver
  readonly signers: Signers
  readonly quotas: Quotas
  readonly lexicons: RecordLexicons
  readonly locks: KeyedLock
  readonly tids: TidClock
  readonly sequencer: Sequencer
  readonly findRemote: (name: RemoteName, address: string | null) => Promise<object | null>
  readonly onError: (error: unknown) => void
}

/** The repositories of this server: its accounts, quotas and rate limits given to `@avocet/repo-server`. */
export function createHost(parts: HostParts): RepoHost {
  const { config, stores, authorizer, services, dids, signers, quotas } = parts
  return createRepoHost({
    store: stores.server,
    files: stores.files,
    access: accessOf(authorizer, services),
    accounts: accountsOf(stores.accounts, dids, signers),
    lexicons: parts.lexicons,
    isUnacceptable: hasSlur,
    limits: {
      blobBytes: config.blobUploadLimit,
      importBytes: config.maxRepoImportSize,
      acceptsImports: config.acceptingImports,
      subscribers: config.subscribers,
      subscribersPerAddress: config.subscribersPerAddress,
    },
    rateLimits: { write: writeLimits, upload: UPLOAD_LIMIT, export: EXPORT_LIMIT },
    bound: quotas,
    maxBlobBytes: (did) => quotas.maxBlobBytes(did),
    findRemote: parts.findRemote,
    onError: parts.onError,
    locks: parts.locks,
    tids: parts.tids,
    sequencer: parts.sequencer,
    // A chore of the server.
    upkeepMs: 0,
  })
}

/** What methods ask of who calls them. What an app has to have been granted is said beside each of them, and goes to `permit`. */
const NEEDS: ReadonlyMap<string, MethodNeeds> = new Map([
  ['com.atproto.repo.applyWrites', { oauth: ANY_APP }],
  ['com.atproto.repo.createRecord', { oauth: ANY_APP }],
  ['com.atproto.repo.deleteRecord', { oauth: ANY_APP }],
  ['com.atproto.repo.importRepo', { full: true, deactivated: true, oauth: ANY_APP }],
  ['com.atproto.repo.listMissingBlobs', { deactivated: true, oauth: ANY_APP }],
  ['com.atproto.repo.putRecord', { oauth: ANY_APP }],
])

const accessOf = (authorizer: Authorizer, services: ServiceCallers): RepoAccess => ({
  authorize: (request, { method }) =>
    method === 'com.atproto.repo.uploadBlob'
      ? services.accessOrService(request, authorizer, method)
      : authorizer.access(request, NEEDS.get(method)),
  permit: (caller, needs) => requirePermissions(caller as Caller | ServiceCaller, needs),
  reader: async (request, did) => {
    if (authorizer.isAdmin(request)) return 'operator'
    try {
      return (await authorizer.optional(request, ANY_APP))?.did === did ? 'owner' : 'public'
    } catch (error) {
      // An app whose proof lacks the nonce of today asks again, and may be the owner then.
      if (error instanceof PdsError && error.code === 'nonce-required') throw error
      return 'public'
    }
  },
})

const accountsOf = (accounts: AccountRows, dids: DidResolver, signers: Signers): RepoAccounts => ({
  find: async (identifier) => (await findAccount(accounts, identifier))?.did ?? null,
  statusOf: async (did) => {
    const account = await accounts.get(did)
    return account === null ? null : hostingStatus(account)
  },
  describe: async (did: Did) => {
    const resolved = await dids.resolve(did)
    if (!resolved.ok) {
      const { error: cause } = resolved
      throw new RepoServerError('unresolvable-did', `Could not resolve DID: ${did}`, { cause })
    }
    const account = (await accounts.get(did))!
    return {
      handle: shownHandle(account),
      didDoc: resolved.value as unknown as DataObject,
      handleIsCorrect: account.handle !== null && handleOf(resolved.value) === account.handle,
    }
  },
  keyOf: (did) => signers.get(did),
})
