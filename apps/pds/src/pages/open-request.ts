import type { AuthorizationPage, PageVisit } from '@avocet/oauth-server'

import type { SignedIn } from './browsers.ts'
import type { SignInPlace } from './sign-in-place.ts'

/** A request of an app that is open in a browser. */
export interface OpenRequest extends SignInPlace {
  /** As the server of OAuth knows the visit. */
  readonly pageVisit: PageVisit
  readonly page: AuthorizationPage
  /** The accounts that count for it. */
  readonly accounts: readonly SignedIn[]
}

/** Takes a form of a request. */
export type Form = (request: OpenRequest) => Promise<Response>
