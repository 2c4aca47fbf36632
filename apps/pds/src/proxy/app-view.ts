import type { ServiceEndpoint } from '../config/config.ts'
import type { Forward, Forwarded } from './forward.ts'

/** Asks the AppView for what is not here; null when no AppView is configured. */
export type AppViewFallback = (forwarded: Forwarded) => Promise<Response | null>

/** A fallback to `appView`, without credentials: what it answers is public. */
export function createAppViewFallback(appView: ServiceEndpoint | null, forward: Forward): AppViewFallback {
  return (forwarded) => (appView === null ? Promise.resolve(null) : forward(forwarded, appView.url, null))
}
