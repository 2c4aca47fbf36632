import type { ResolveAccount } from '../account.ts'
import type { AuthorizeOptions } from '../authorize.ts'
import { createClient, type OAuthClient } from '../client.ts'
import { createCore, type OAuthClientEvent, type OAuthClientOptions } from '../core.ts'
import { OAuthClientError, settle, valueOf, type OAuthResult } from '../error.ts'
import type { OAuthSession } from '../session.ts'
import { within } from '../within.ts'
import { createIndexedDbStores } from './indexed-db.ts'
import { createTabs, isAwaited, tabLock, waitForPopup, type Tabs } from './tabs.ts'

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

/** A client in a page, and in all tabs of its origin. */
export interface BrowserOAuthClient extends OAuthClient {
  /**
   * To be called once by every page, at the redirect URI above all: where the URL holds the answer of a sign-in, takes it out and
   * finishes it; null where there is none. In a window of `signInPopup` it hands the answer on and closes the window.
   */
  init(): Promise<OAuthResult<SignedIn | null>>
  /** Leaves this page for the authorization page. Settles only with a failure. */
  signInRedirect(input: string, options?: BrowserSignInOptions): Promise<OAuthResult<never>>
  /** Opens the authorization page in a window. To be called where somebody clicked, or browsers open none. */
  signInPopup(input: string, options?: BrowserSignInOptions): Promise<OAuthResult<SignedIn>>
}

/** Width and height. */
const WINDOW = 'popup,width=600,height=700'
const POPUP_MS = 600_000

/**
 * Makes a client in a page. Keys are made so that no script can write them out; tabs renew one at a time, and hear of each
 * other's events. An account that signs in anew replaces its session.
 * @throws {TypeError} for settings that do not fit to each other
 */
export function createBrowserOAuthClient(options: BrowserClientOptions): BrowserOAuthClient {
  const { name = 'avocet-oauth', onEvent, ...rest } = options
  const tabs = createTabs(name)
  tabs.listen((message) => {
    if (message.type === 'event') onEvent?.(message.event)
  })
  const core = createCore({
    replaceSessions: true,
    ...rest,
    stores: createIndexedDbStores(name),
    lock: tabLock,
    extractableKeys: false,
    onEvent: (event: OAuthClientEvent) => {
      onEvent?.(event)
      // What went wrong may not be a thing that can be sent.
      if (event.type !== 'store-failed') tabs.tell({ type: 'event', event })
    },
  })
  const client = createClient(core)
  return {
    ...client,
    init: () => settle(() => init(client, tabs)),
    signInRedirect: (input, given = {}) =>
      settle(async () => {
        const begun = await client.authorize(input, { ...given, responseMode: 'fragment' })
        location.assign(valueOf(begun).url)
        return await new Promise<never>(() => undefined)
      }),
    signInPopup: (input, given = {}) => settle(() => signInPopup(client, tabs, input, given)),
  }
}

async function init(client: OAuthClient, tabs: Tabs): Promise<SignedIn | null> {
  const params = new URLSearchParams(location.hash.slice(1))
  const state = params.get('state')
  if (state === null || !(params.has('code') || params.has('error'))) return null
  // The code must not stay where people copy it, or go into it a second time.
  history.replaceState(history.state, '', location.pathname + location.search)
  if (await isAwaited(state)) {
    tabs.tell({ type: 'callback', state, params: params.toString() })
    window.close()
    return null
  }
  return valueOf(await client.callback(params))
}

async function signInPopup(
  client: OAuthClient,
  tabs: Tabs,
  input: string,
  options: BrowserSignInOptions,
): Promise<SignedIn> {
  // Before anything is waited for: browsers open windows for clicks alone.
  const popup = window.open('about:blank', '_blank', WINDOW)
  if (popup === null) throw new OAuthClientError('invalid-input', 'the browser opened no window')
  try {
    const begun = await client.authorize(input, { ...options, responseMode: 'fragment', display: 'popup' })
    const { state, url } = valueOf(begun)
    const patience = { timeoutMs: POPUP_MS, signal: options.signal }
    const waiting = within(patience, 'answer of the page', (signal) => waitForPopup(tabs, state, signal))
    // It is waited for below; before, it is nobody's.
    waiting.catch(() => undefined)
    popup.location.href = url.href
    return valueOf(await client.callback(await waiting))
  } finally {
    popup.close()
  }
}
