import type { Fetch, LookupTxt } from '@avocet/did'
import type { Catalog } from '@avocet/lexicon'
import type { RepoHost } from '@avocet/repo-server'
import type { Router } from '@avocet/xrpc-server'

import type { Accounts } from './accounts/accounts.ts'
import type { Lifecycle } from './accounts/lifecycle.ts'
import type { Registration } from './accounts/registration.ts'
import type { SignIns } from './accounts/sign-in.ts'
import type { Account } from './account.ts'
import type { Auth } from './auth/auth.ts'
import { accountMethod, type AccountMethod } from './auth/account-method.ts'
import type { Caller, Operator } from './auth/callers.ts'
import { CLOSED, type AccessNeeds, type Asked, type OAuthNeeds } from './auth/needs.ts'
import { findAccount } from './auth/lookup.ts'
import type { ReplacedAuth } from './auth/replaced.ts'
import type { EventListener } from './events/listener.ts'
import type { Factors } from './factors/factors.ts'
import type { Logger } from './logger.ts'
import type { Repos } from './repos/repos.ts'
import type { Stores } from './stores/stores.ts'

/** What an embedder adds to a PDS, or puts in the place of a part of it. All of it may be absent. */
export interface PdsEmbedding {
  /** Where lines of the log go. Default: nowhere. */
  readonly log?: Logger
  /** Asks the DNS, for handles and published lexicons. Default: as this machine does. */
  readonly lookupTxt?: LookupTxt
  /**
   * Reaches what strangers name: documents of apps, other servers. Default: the guarded fetch, which connects to public addresses
   * alone, within bounds of time and size. What comes in its place has to guard as well; identities are not asked for by it.
   */
  readonly fetch?: Fetch
  /**
   * Stores that the embedder opened (`openPdsStores`), and closes after the server. Default: those of the data directory,
   * closed with the server.
   */
  readonly stores?: Stores
  /** Lexicons of methods that are added by their NSID; those with generated bindings need none. */
  readonly catalog?: Catalog
  /** Authorization in the place of this server's. */
  readonly auth?: ReplacedAuth
  /**
   * Adds methods of the embedder's own, before the server listens. They have the server's limits, errors, log and metrics.
   * What it throws ends the start, as adding a method that is there already does.
   */
  readonly methods?: (router: Router, pds: PdsParts) => void
  /** Told of every event of this server once it is durable. */
  readonly onEvent?: EventListener
}

/** Parts of a server for its embedder: for methods of its own, and to be used without HTTP. */
export interface PdsParts {
  readonly auth: MethodAuth
  readonly accounts: PdsAccounts
  /**
   * Records of the accounts here. A write is what `applyWrites` is by HTTP: checked, bounded by quotas, one commit, announced.
   * Whether the caller may make it is the embedder's to know; rate limits do not count it.
   */
  readonly repos: Pick<RepoHost, 'write' | 'getRecord'>
  /** Second factors and passkeys of the accounts, for pages of one's own. Who asks is the embedder's to know. */
  readonly factors: Factors
  /** Signing in by a password and what guards it, or by a passkey, for such pages. */
  readonly signIns: SignIns
}

/** Functions for `auth` of a method that is added to the router. What they throw is the answer. */
export interface MethodAuth {
  /**
   * The signed-in account: `context.auth.did`. Apps that signed in by OAuth are refused unless `needs.oauth` says what they need.
   * @throws TypeError for needs that depend on the input, which are looked at later: `method` has those
   */
  account(needs?: AccessNeeds): (request: Asked) => Promise<Caller>
  /** The same as settings to spread into an entry, with what its input needs: `{ ...auth.method(needs), handler }`. */
  method(needs: AccessNeeds): AccountMethod
  /**
   * The same, or null for a request without credentials. Apps are refused unless `oauth` says what they need.
   * @throws TypeError for needs that depend on the input
   */
  optional(oauth?: OAuthNeeds): (request: Asked) => Promise<Caller | null>
  /** The operator, by password. */
  operator(): (request: Asked) => Operator | Promise<Operator>
}

/** The accounts of a server. */
export interface PdsAccounts extends Lifecycle {
  /** The account that a DID or handle names; null if there is none. */
  find(identifier: string): Promise<Account | null>
  /** Makes an account with a new did:plc, signed in. @throws PdsError for what `createAccount` refuses */
  create: Registration['create']
}

/** Refuses needs that nobody would look at. @throws TypeError */
function requireNoInput(oauth: OAuthNeeds | null | undefined): void {
  if (oauth?.input !== undefined) throw new TypeError('needs of the input are for `auth.method`')
}

/** The parts that an embedder gets. */
export function embedderParts(stores: Stores, auth: Auth, repos: Repos, accounts: Accounts): PdsParts {
  const { authorizer } = auth
  const { host } = repos
  return {
    auth: {
      account: (needs) => {
        requireNoInput(needs?.oauth)
        return (request) => authorizer.access(request, needs)
      },
      method: (needs) => accountMethod(authorizer, { oauth: CLOSED, ...needs }),
      optional: (oauth) => {
        requireNoInput(oauth)
        return (request) => authorizer.optional(request, oauth)
      },
      operator: () => (request) => authorizer.admin(request),
    },
    accounts: {
      ...accounts.lifecycle,
      find: (identifier) => findAccount(stores.accounts, identifier),
      create: (application) => accounts.registration.create(application),
    },
    repos: {
      write: (did, writes, swapCommit) => host.write(did, writes, swapCommit),
      getRecord: (did, collection, rkey) => host.getRecord(did, collection, rkey),
    },
    factors: accounts.factors,
    signIns: accounts.signIns,
  }
}
