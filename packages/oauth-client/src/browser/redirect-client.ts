import type { ResolveAccount } from '../account.ts'
import type { AuthorizeOptions } from '../authorize.ts'
import { createClient, type OAuthClient } from '../client.ts'
import { createCore, type Core, type OAuthClientOptions } from '../core.ts'
import { settle, valueOf, type OAuthResult } from '../error.ts'
import { LOCK_MS, type Lock } from '../lock.ts'
import { timeOf } from '../nonces.ts'
import type { OAuthSession } from '../session.ts'
import { createIndexedDbStores } from './indexed-db.ts'

/** Settings of a client in a page: those of any client; what is kept, and the lock, are the browser's. */
export interface BrowserClientOptions extends Omit<
  OAuthClientOptions,
  'stores' | 'lock' | 'extractableKeys'
> {
  /** `createBrowserResolver` makes one. */
  readonly resolve: ResolveAccount
  /** Of the database. Default `avocet-oauth`; apps of one origin that must not see each other's sessions have one each. */
  readonly name?: string
}

/** Options of a sign-in in a page. */
export type BrowserSignInOptions = Omit<AuthorizeOptions, 'responseMode' | 'display'>

/** A sign-in that is finished. */
export interface SignedIn {
  readonly session: OAuthSession
  readonly appState: string | null
}

/** A client in a page whose sign-ins leave the page and come back to it. */
export interface RedirectOAuthClient extends OAuthClient {
  /**
   * To be called once by every page, at the redirect URI above all: where the URL holds the answer of a sign-in, takes it out and
   * finishes it; null where there is none.
   */
  init(): Promise<OAuthResult<SignedIn | null>>
  /** Leaves this page for the authorization page. Settles only with a failure. */
  signInRedirect(input: string, options?: BrowserSignInOptions): Promise<OAuthResult<never>>
}

const TIME_MS = 5000

/** Makes the tabs of an origin wait for each other; a tab that is closed lets go. Who waits too long fails. */
const tabLock: Lock = async (name, run) => {
  const signal = AbortSignal.timeout(2 * LOCK_MS)
  return await navigator.locks.request(name, { signal }, () => run())
}

/**
 * Makes a client in a page that signs in by redirects alone: smaller than `createBrowserOAuthClient`, without windows, and
 * `onEvent` tells of this tab only. Sessions, keys and renewals are the same: those of one are found by the other.
 * @throws {TypeError} for settings that do not fit to each other
 */
export function createRedirectOAuthClient(options: BrowserClientOptions): RedirectOAuthClient {
  const client = createClient(browserCore(options))
  return {
    ...client,
    init: () =>
      settle(async () => {
        const params = takeAnswer()
        return params && valueOf(await client.callback(params))
      }),
    signInRedirect: (input, given) => redirect(client, input, given),
  }
}

/** What a client in a page shares: IndexedDB, and a lock that all tabs have. */
export function browserCore({ name, ...rest }: BrowserClientOptions): Core {
  return createCore(
    {
      replaceSessions: true,
      ...rest,
      stores: createIndexedDbStores(name),
      lock: tabLock,
      extractableKeys: false,
    },
    askTime,
  )
}

/** Pages may not read the `Date` of other servers' answers, but that of their own. */
function askTime(): Promise<number> {
  const signal = AbortSignal.timeout(TIME_MS)
  const asked = fetch(`/?${Date.now()}`, { method: 'HEAD', cache: 'no-store', signal })
  return asked.then(
    ({ headers }) => timeOf(headers),
    () => NaN,
  )
}

/** The answer of a sign-in in the URL of this page, taken out of it; null where there is none. */
export function takeAnswer(): URLSearchParams | null {
  const params = new URLSearchParams(location.hash.slice(1))
  if (!params.has('state') || !(params.has('code') || params.has('error'))) return null
  // The code must not stay where people copy it, or go into it a second time.
  history.replaceState(history.state, '', location.pathname + location.search)
  return params
}

/** Leaves this page for the authorization page. */
export function redirect(
  client: OAuthClient,
  input: string,
  options?: BrowserSignInOptions,
): Promise<OAuthResult<never>> {
  return settle(async () => {
    const begun = await client.authorize(input, { ...options, responseMode: 'fragment' })
    location.assign(valueOf(begun).url)
    return await new Promise<never>(() => undefined)
  })
}
