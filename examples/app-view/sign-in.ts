// Signing in by OAuth: the page never sees a password, and may write records of this app alone.
import { agent, type Agent } from '@avocet/atproto'
import { createBrowserOAuthClient, createBrowserResolver } from '@avocet/oauth-client/browser'

import { allowLoopback, handleResolver, plcUrl } from './config.ts'
import { metadata } from './metadata.ts'

const client = createBrowserOAuthClient({
  metadata,
  resolve: createBrowserResolver({ handleResolver, plcUrl, allowLoopback }),
  allowLoopback,
  onEvent: ({ type }) => type === 'session-ended' && location.reload(),
})

/** Who is signed in: who comes back from signing in, else who did so in this browser before. */
export async function whoIsHere(): Promise<{ me: Agent; signOut: () => Promise<unknown> } | null> {
  const back = await client.init()
  if (!back.ok) throw back.error
  const kept = await client.list()
  const restored = kept.ok && kept.value[0] ? await client.restore(kept.value[0].id) : null
  const session = back.value?.session ?? (restored?.ok ? restored.value : null)
  return session && { me: agent(session), signOut: () => session.signOut() }
}

/** Leaves for the page of the account's own server. Settles only when that fails. */
export async function signIn(handle: string): Promise<void> {
  const left = await client.signInRedirect(handle)
  if (!left.ok) throw left.error
}
