import type { Did, Result } from '@avocet/syntax'

import type { VerifyAccess } from './access.ts'
import type { AuthorizationPage, AuthorizationRedirect, DenialCode, PageFailure } from './page.ts'

/** The pushed request that a browser came with, and the browser. */
export interface PageVisit {
  /** The parameters of the URL, `?client_id=…&request_uri=…`, or of a form that repeats them. */
  readonly parameters: URLSearchParams
  /** The browser: an id that its cookie stands for, and no other browser can show. It is kept as it is given. */
  readonly device: string
}

/** An authorization server. */
export interface OAuthServer {
  /**
   * Answers the endpoints that machines call: both documents under `/.well-known/`, `/oauth/par`, `/oauth/token`, `/oauth/revoke` and
   * `/oauth/jwks`; 404 for other paths. Never rejects.
   * @param info `from`: whom the request is counted for, such as the network that it came from; `unlimited`: `admit` is asked for
   *   documents of clients alone
   */
  fetch(
    request: Request,
    info?: { readonly from?: string | null; readonly unlimited?: boolean },
  ): Promise<Response>
  /** What to show at `/oauth/authorize`. Ties the request to the device, and lets it live on. */
  open(visit: PageVisit): Promise<Result<AuthorizationPage, PageFailure>>
  /**
   * An account that is signed in on the device agreed. The way back carries a code; or `access_denied`, where the account may not
   * sign in, or agreed to nothing.
   * @param answer `scope`: what it agreed to just now, of what was asked for, always with `atproto`. Without `scope` nobody was asked:
   *   what the account agreed to before is granted, or the way back says `consent_required`.
   */
  consent(
    visit: PageVisit,
    answer: { readonly did: Did; readonly scope?: string },
  ): Promise<Result<AuthorizationRedirect, PageFailure>>
  /** The person declined, or the page cannot do without one. The request is over. */
  deny(visit: PageVisit, code?: DenialCode): Promise<Result<AuthorizationRedirect, PageFailure>>
  /** Who calls a resource of this server. */
  readonly verifyAccess: VerifyAccess
}
