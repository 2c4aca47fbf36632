// https://w3c.github.io/web-locks, https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts
import type { OAuthClientEvent } from '../core.ts'
import { unlessAborted } from '../within.ts'
import { DATABASE } from './indexed-db.ts'

/** What tabs tell each other. */
type Message =
  | { readonly type: 'event'; readonly event: OAuthClientEvent }
  | { readonly type: 'callback'; readonly state: string; readonly params: string }

/** What other tabs say, and a way to tell them. */
export interface Tabs {
  tell(message: Message): void
  /** @returns ends it */
  listen(hear: (message: Message) => void): () => void
}

/** @param name of the database that the tabs share */
export function createTabs(name: string = DATABASE): Tabs {
  const channel = new BroadcastChannel(name)
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
    tell: (message) => channel.postMessage(message),
    listen: (hear) => {
      const take = ({ data }: MessageEvent<Message>): void => hear(data)
      channel.addEventListener('message', take)
      return () => channel.removeEventListener('message', take)
    },
  }
}

/** The name of the lock that a tab holds while it waits for a window of this sign-in. */
function popupLock(state: string): string {
  return `avocet-oauth-popup:${state}`
}

/** Waits for the answer of a window, which finds out by the lock that somebody waits. @throws the reason of the signal */
export async function waitForPopup(tabs: Tabs, state: string, signal: AbortSignal): Promise<URLSearchParams> {
  return await navigator.locks.request(popupLock(state), () => {
    const { promise, resolve } = Promise.withResolvers<URLSearchParams>()
    const done = tabs.listen((message) => {
      if (message.type === 'callback' && message.state === state) resolve(new URLSearchParams(message.params))
    })
    return unlessAborted(promise, signal).finally(done)
  })
}

/** Whether another tab waits for the answer of this sign-in. */
export async function isAwaited(state: string): Promise<boolean> {
  const { held = [] } = await navigator.locks.query()
  return held.some(({ name }) => name === popupLock(state))
}
