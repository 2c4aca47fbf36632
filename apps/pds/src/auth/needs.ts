import { neededScope, type Need } from '@avocet/oauth-scopes'
import type { RequestInfo } from '@avocet/xrpc-server'

import { PdsError } from '../errors.ts'
import type { Caller, ServiceCaller } from './callers.ts'

/** A call that somebody has to be known for. */
export type Asked = Pick<RequestInfo, 'nsid' | 'method' | 'request' | 'header' | 'address' | 'signal'>

/**
 * What an app needs to have been granted (OAuth scopes; https://atproto.com/specs/permission) to make a call, told as soon as it is
 * known. Without either: any app that the account let in may make it.
 */
export interface OAuthNeeds {
  /** By the call's parameters and headers, before its body is read. What it throws is the answer. */
  readonly call?: (request: Asked & { readonly params: never }) => readonly Need[]
  /** By its input. */
  readonly input?: (input: never) => readonly Need[]
}

/** What a method asks of its caller beyond a valid access token. */
export interface AccessNeeds {
  /** Of sessions: the account's own password, no app password, which may not manage the account. */
  readonly full?: boolean
  /** Of sessions: an app password must be a privileged one. */
  readonly privileged?: boolean
  /** A deactivated account may call it. */
  readonly deactivated?: boolean
  /** The session of an account that was taken down may call it (to appeal, or to move away). */
  readonly takendown?: boolean
  /** Of apps; absent or `CLOSED`: no app may call it, whatever it was granted. */
  readonly oauth?: OAuthNeeds | null
}

/** The same, where somebody has to have thought of apps. */
export type MethodNeeds = AccessNeeds & { readonly oauth: OAuthNeeds | null }

/** For `oauth`: no app may call it. */
export const CLOSED = null
/** For `oauth`: every app that the account let in may call it. */
export const ANY_APP: OAuthNeeds = {}

/** For `oauth`: an app that was granted all of this may call it. */
export const granted = (...needs: readonly Need[]): OAuthNeeds => ({ call: () => needs })

/** Refuses an app that was not granted all of this. @throws PdsError `scope-missing` */
export function requirePermissions(caller: Caller | ServiceCaller, needs: readonly Need[]): void {
  if (caller.kind !== 'oauth') return
  const missing = needs.find((need) => !caller.scopes.allows(need))
  if (missing === undefined) return
  throw new PdsError('scope-missing', `Missing required scope "${neededScope(missing).slice(0, 512)}"`)
}

/** The refusal of an app by a method that is not for apps. */
export const closedToApps = (): PdsError =>
  new PdsError('closed-to-apps', 'OAuth credentials are not supported for this method')
