import { createClient, type OAuthClient } from '../client.ts'
import type { OAuthClientEvent } from '../core.ts'
import { OAuthClientError, settle, valueOf, type OAuthResult } from '../error.ts'
import { within } from '../within.ts'
import {
  browserCore,
  redirect,
  takeAnswer,
  type BrowserClientOptions,
  type BrowserSignInOptions,
  type RedirectOAuthClient,
  type SignedIn,
} from './redirect-client.ts'
import { createTabs, isAwaited, waitForPopup, type Tabs } from './tabs.ts'

/** A client in a page, and in all tabs of its origin. In a window of `signInPopup` its `init` hands the answer on and closes the window. */
export interface BrowserOAuthClient extends RedirectOAuthClient {
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
  const { onEvent } = options
  const tabs = createTabs(options.name)
  tabs.listen((message) => {
    if (message.type === 'event') onEvent?.(message.event)
  })
  const core = browserCore({
    ...options,
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
    signInRedirect: (input, given) => redirect(client, input, given),
    signInPopup: (input, given = {}) => settle(() => signInPopup(client, tabs, input, given)),
  }
}

async function init(client: OAuthClient, tabs: Tabs): Promise<SignedIn | null> {
  const params = takeAnswer()
  if (!params) return null
  const state = params.get('state')!
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
  if (!popup) throw new OAuthClientError('invalid-input', 'no window was opened')
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
