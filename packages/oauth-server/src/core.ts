import type { TokenParties } from './access-token.ts'
import type { Authenticator } from './client/authenticate.ts'
import type { Clients } from './client/clients.ts'
import type { DpopVerifier } from './dpop.ts'
import type { OAuthEvent } from './events.ts'
import { tooMany, type Refused } from './failure.ts'
import type { OAuthKeys } from './keys.ts'
import type { Lifetimes, OAuthLimits } from './limits.ts'
import type { AccountLookup, Admission, Attempt, PermissionSets } from './options.ts'
import type { ReplayGuard } from './replay.ts'
import type { Awaitable, OAuthStore } from './store.ts'

/** What the endpoints are made of. Each takes what it uses. */
export interface Core extends TokenParties {
  readonly keys: OAuthKeys
  readonly store: OAuthStore
  readonly accounts: AccountLookup
  readonly permissionSets: PermissionSets
  readonly clients: Clients
  readonly authenticator: Authenticator
  readonly dpop: DpopVerifier
  /** Challenges that were used. */
  readonly challenges: ReplayGuard
  readonly isTrusted: (clientId: string) => boolean
  readonly admit: (attempt: Attempt) => Awaitable<Admission>
  readonly lifetimes: Lifetimes
  readonly limits: OAuthLimits
  /** In ms since 1970. */
  readonly now: () => number
  readonly onEvent: (event: OAuthEvent) => void
}

/** The time in seconds since 1970, as rows and tokens have it. */
export function secondsOf({ now }: Pick<Core, 'now'>): number {
  return Math.floor(now() / 1000)
}

/** Whether an attempt may not go on. */
export async function notAdmitted({ admit }: Pick<Core, 'admit'>, attempt: Attempt): Promise<Refused | null> {
  const admission = await admit(attempt)
  return admission.ok ? null : tooMany('too many requests', admission.retryAfter)
}
