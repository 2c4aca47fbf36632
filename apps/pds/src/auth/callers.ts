import type { ScopeSet } from '@avocet/oauth-scopes'
import type { Did } from '@avocet/syntax'

import type { AccessScope } from './tokens.ts'

/** The account behind a request, signed in with a password of its own or an app password. */
export interface SessionCaller {
  readonly kind: 'session'
  readonly did: Did
  /** What its access token says: which password it was, or that the account was taken down. */
  readonly scope: AccessScope
}

/** An app that the account let in by OAuth. */
export interface OAuthCaller {
  readonly kind: 'oauth'
  readonly did: Did
  readonly clientId: string
  /** Names the app's session: the same for all tokens that came of one sign-in. */
  readonly sessionId: string
  /** What it was granted, permission sets expanded. */
  readonly scopes: ScopeSet
}

/**
 * Who acts for an account. What they may do goes by the kind, never by the text of a scope: an app may be granted whatever text looks
 * like that of a session.
 */
export type Caller = SessionCaller | OAuthCaller

/** A service that proved itself by a token signed with the key of its DID, or an account that did. */
export interface ServiceCaller {
  readonly kind: 'service'
  readonly did: Did
}

/** The operator behind a request. */
export interface Operator {
  readonly operator: true
}

/** Whether a caller has the account's own password: what an app password and an app do not get to see. */
export function hasOwnPassword(caller: Caller): boolean {
  return caller.kind === 'session' && caller.scope === 'com.atproto.access'
}
