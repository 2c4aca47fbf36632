import type { Core } from './core.ts'
import type { OAuthEvent } from './events.ts'
import type { OAuthSession } from './rows.ts'

/** Ends a session, and with it its tokens. */
export async function endSession(
  { store, onEvent }: Core,
  { id, did, clientId }: OAuthSession,
  why: Extract<OAuthEvent, { type: 'session-ended' }>['why'],
): Promise<void> {
  await store.apply([{ type: 'endSession', id }])
  onEvent({ type: 'session-ended', did, clientId, sessionId: id, why })
}
