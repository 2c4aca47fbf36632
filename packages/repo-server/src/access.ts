import type { Need } from '@avocet/oauth-scopes'
import type { Did } from '@avocet/syntax'
import type { RequestInfo } from '@avocet/xrpc-server'

import type { Awaitable } from './store.ts'

/** The account behind a request. */
export interface RepoCaller {
  readonly did: Did
}

/** What a method of an owner is about to do, as `allows` of `@avocet/oauth-scopes` takes it. */
export type RepoNeed = Extract<Need, { readonly resource: 'repo' | 'blob' | 'account' }>

/** A call of a method that only an owner may call. */
export interface OwnerCall {
  /** The method's NSID. */
  readonly method: string
}

/** Who may do what: the embedder's to say. What it throws goes to `mapError` of the router. */
export interface RepoAccess {
  /** The account that calls a method which only an owner may call. Throws to refuse. */
  authorize(request: RequestInfo, call: OwnerCall): Awaitable<RepoCaller>
  /**
   * Whether that caller may do all of this. Asked once a call, before anything is looked up, and without needs where the account
   * alone counts; once more for a blob whose bytes are of another type than its sender said. Throws to refuse; absent: they may.
   */
  permit?(caller: RepoCaller, needs: readonly RepoNeed[], call: OwnerCall): Awaitable<void>
  /** Who reads: owner and operator see repositories that nobody else sees. Absent: everybody is the public. */
  reader?(request: RequestInfo, did: Did): Awaitable<'public' | 'owner' | 'operator'>
}
