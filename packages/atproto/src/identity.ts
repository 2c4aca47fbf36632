import {
  createDidResolver,
  createHandleResolver,
  resolveAccount,
  withCache,
  withHandleCache,
  type Account,
  type IdentityResolvers,
} from '@avocet/did'

import { AtprotoError, valueOf } from './error.ts'

/** Where identities are found. */
export interface IdentityOptions {
  /** The did:plc directory; default `https://plc.directory`. */
  readonly plcUrl?: string
  /**
   * Servers on this machine, over plain http, and handles under `.test`; for development. No DNS knows those: in place of `handles` take
   * `createXrpcHandleResolver` of `@avocet/did`, which asks a PDS, or sign in with its address as `service`.
   */
  readonly allowLoopback?: boolean
  /** The well-known URL of a handle; default `https://<handle>/.well-known/atproto-did`. */
  readonly wellKnownUrl?: (handle: string) => string
}

/** What every reader of this package may be told. */
export interface ReadOptions {
  /** Default: the public did:plc directory, DNS and https (DNS over https in pages), remembered by this process. */
  readonly identity?: IdentityResolvers
  readonly signal?: AbortSignal
}

/** Resolvers that remember, for `identity` of other calls: for a directory of one's own, or a development network. */
export function createIdentity(options: IdentityOptions = {}): IdentityResolvers {
  const { plcUrl, allowLoopback = false, wellKnownUrl } = options
  return {
    dids: withCache(createDidResolver({ allowLoopback, ...(plcUrl === undefined ? {} : { plcUrl }) })),
    handles: withHandleCache(
      createHandleResolver({
        allowLoopback,
        allowTestTld: allowLoopback,
        ...(wellKnownUrl === undefined ? {} : { wellKnownUrl }),
      }),
    ),
  }
}

const shared = new Map<'default', IdentityResolvers>()

/** Those of the process, made when they are first asked. */
export function identityOf({ identity }: ReadOptions): IdentityResolvers {
  if (identity !== undefined) return identity
  const made = shared.get('default') ?? createIdentity()
  shared.set('default', made)
  return made
}

/** An account that has a PDS. */
export interface LocatedAccount extends Account {
  readonly pds: string
}

/**
 * The account behind what somebody typed: a handle (with or without `@`) or a DID.
 * @param options `fresh`: ask the sources, whatever is remembered
 * @throws {AtprotoError} of `@avocet/did`, and `no-pds`
 */
export async function resolve(
  actor: string,
  options: ReadOptions & { readonly fresh?: boolean } = {},
): Promise<LocatedAccount> {
  const { fresh = false, signal } = options
  const asked = { forceRefresh: fresh, ...(signal === undefined ? {} : { signal }) }
  const found = await resolveAccount(actor.trim().replace(/^@/, ''), identityOf(options), asked)
  const account = valueOf('@avocet/did', found)
  const { did, pds } = account
  if (pds === null) throw new AtprotoError('@avocet/atproto', 'no-pds', `the account has no PDS; did=${did}`)
  return { ...account, pds }
}
