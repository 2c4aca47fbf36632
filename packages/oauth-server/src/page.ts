import type { ExpandedSet } from '@avocet/oauth-scopes'
import type { Did } from '@avocet/syntax'

import type { Prompt, ResponseMode } from './rows.ts'
import type { AskedScope } from './scopes.ts'

/** How an app is named to a person. All texts are a stranger's: without control characters, cut, but not escaped. */
export interface ShownClient {
  readonly clientId: string
  /**
   * `device`: an application on the person's own device. `host`: the app is its host, in punycode. `url`: its whole client id has
   * to be shown, as several may live on one host.
   */
  readonly kind: 'device' | 'host' | 'url'
  /** What to show: the host or the URL, empty for `device`. */
  readonly text: string
  /** Whether the operator trusts it. Only then the next two are not null. */
  readonly trusted: boolean
  readonly name: string | null
  readonly logoUri: string | null
  /** https. */
  readonly termsUri: string | null
  /** https. */
  readonly policyUri: string | null
}

/** What a person is asked, for a page to show. */
export interface AuthorizationPage {
  readonly requestId: string
  readonly client: ShownClient
  /** What is asked for, in the order of the client; `include` for permission sets. */
  readonly scopes: readonly AskedScope[]
  /** What the permission sets among them give. */
  readonly sets: readonly ExpandedSet[]
  /** What the client asks of the page; null for what fits. */
  readonly prompt: Prompt | null
  /** A DID or a handle to fill in. */
  readonly loginHint: string | null
  readonly display: 'page' | 'popup' | 'touch' | null
  /** Languages that the client asks for, the best first. */
  readonly languages: readonly string[]
  /** Where the answer goes: for `form-action` of the page's policy. An origin, or a scheme with its colon. */
  readonly redirectSource: string
  /** What this account has to be asked. */
  readonly consentOf: (did: Did) => Promise<ConsentState>
}

/** What is remembered of an account and an app. */
export interface ConsentState {
  /** Whether it has to be asked: always by apps that nobody vouches for, and where anything is new. */
  readonly needed: boolean
  /** The texts of the scopes that it left out last time: they stay unticked. */
  readonly declined: readonly string[]
}

/** Why there is no page: to be shown as one, with status 400, and never sent to the client. */
export interface PageFailure {
  readonly code:
    | 'invalid_request'
    | 'request-gone'
    | 'request-elsewhere'
    | 'invalid_client'
    | 'invalid_redirect_uri'
    | 'invalid_scope'
    | 'temporarily_unavailable'
  readonly message: string
}

/** The way back to the client. */
export interface AuthorizationRedirect {
  readonly redirectUri: string
  readonly mode: ResponseMode
  /** `iss`, `state`, and `code` or `error`. */
  readonly parameters: readonly (readonly [string, string])[]
}

/** Why an account or a page does not agree. */
export type DenialCode =
  | 'access_denied'
  | 'login_required'
  | 'consent_required'
  | 'account_selection_required'
  | 'invalid_request'
  | 'invalid_scope'
  | 'server_error'
  | 'temporarily_unavailable'
