import type { RequestInfo, Router } from '@avocet/xrpc-server'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { AppTokens } from './app-tokens.ts'
import type { Authorizer, Headed } from './authorizer.ts'
import type { Caller, OAuthCaller, Operator, ServiceCaller } from './callers.ts'
import { ANY_APP, CLOSED, type AccessNeeds, type Asked } from './needs.ts'
import type { ServiceCallers } from './service-callers.ts'
import type { AccessScope } from './tokens.ts'

/** A call of a method, as far as it matters for who may make it. */
export interface AuthCall {
  /** The method's NSID. */
  readonly method: string
  /** Who may call it. `moderator`: the operator, or the moderation service. */
  readonly by: 'anybody' | 'account' | 'moderator' | 'operator'
  /** What the method asks of an account. */
  readonly needs: AccessNeeds
}

/**
 * Who calls. An account of which nothing else is said counts as signed in with its own password; but an app that the server found, and
 * that comes back as its account alone, is still that app.
 */
export type Credentials =
  | { readonly kind?: 'session' | 'service'; readonly did: Did; readonly scope?: AccessScope }
  | OAuthCaller
  | Operator

/** Authorization in the place of this server's. */
export interface ReplacedAuth {
  /**
   * Says who makes a call, for every method: the server's, those added, and those answered by other services. What it throws
   * is the answer: an `XrpcError` with its status and name. An account that it names has to be one of this server, and its
   * status has to fit `call.needs`; that is checked afterwards.
   * @param own what this server says itself, by its tokens and passwords; null for nobody in particular
   * @returns null for nobody in particular, which only a call by `anybody` may be
   */
  authorize?(
    request: Asked,
    call: AuthCall,
    own: () => Promise<Credentials | null>,
  ): Credentials | null | Promise<Credentials | null>
  /**
   * Verifies the tokens of apps that signed in by OAuth, in requests with `authorization: DPoP …`, in the place of this server's own.
   */
  readonly appTokens?: AppTokens
  /** Whether the operator asks, at pages outside `/xrpc` and where methods tell the operator more. @param own by the password */
  isOperator?(request: Headed, own: () => boolean): boolean
}

type Ask = NonNullable<ReplacedAuth['authorize']>

const DENIED = (): PdsError => new PdsError('auth-required', 'Authentication Required')

/** An authorizer that asks `authorize`; what accounts may do with their status stays. */
export function replaceAuthorizer(own: Authorizer, authorize: Ask): Authorizer {
  const account = async (
    request: Asked,
    by: AuthCall['by'],
    needs: AccessNeeds,
    ask: () => Promise<Credentials | null>,
  ): Promise<Caller | null> => {
    const { found, app } = await asked(authorize, request, { method: request.nsid, by, needs }, ask)
    // A service that may act for an account in one method has no part in the others.
    if (found === null || !('did' in found) || found.kind === 'service') return null
    return own.standing(callerOf(found, app), needs, request)
  }
  return {
    ...own,
    access: async (request, needs = {}) => {
      const caller = await account(request, 'account', needs, () => own.access(request, needs))
      if (caller === null) throw DENIED()
      return caller
    },
    optional: (request, oauth = CLOSED) =>
      account(request, 'anybody', { deactivated: true, takendown: true, oauth }, () =>
        own.optional(request, oauth),
      ),
    admin: async (request) => {
      const call = { method: request.nsid, by: 'operator', needs: {} } as const
      const found = await authorize(request, call, async () => own.admin(request))
      if (found === null || !('operator' in found)) throw DENIED()
      return found
    },
  }
}

/** What `authorize` says, and which app the server itself has found, if it was asked. */
async function asked(
  authorize: Ask,
  request: Asked,
  call: AuthCall,
  own: () => Promise<Credentials | null>,
): Promise<{ found: Credentials | null; app: OAuthCaller | null }> {
  let app: OAuthCaller | null = null
  const found = await authorize(request, call, async () => {
    const credentials = await own()
    if (credentials !== null && 'kind' in credentials && credentials.kind === 'oauth') app = credentials
    return credentials
  })
  return { found, app }
}

function callerOf(found: Exclude<Credentials, Operator>, app: OAuthCaller | null): Caller {
  if (found.kind === 'oauth') return found
  const { did, scope } = found
  if (app?.did === did && scope === undefined) return app
  return { kind: 'session', did, scope: scope ?? 'com.atproto.access' }
}

/** The same for callers who may be services. */
export function replaceServices(own: ServiceCallers, before: Authorizer, authorize: Ask): ServiceCallers {
  return {
    ...own,
    moderator: async (request, _, lxm) => {
      const call = { method: lxm, by: 'moderator', needs: {} } as const
      const found = await authorize(request, call, () => own.moderator(request, before, lxm))
      if (found === null || ('kind' in found && found.kind === 'oauth')) throw DENIED()
      return 'operator' in found ? found : { kind: 'service', did: found.did }
    },
    accessOrService: async (request, _, lxm) => {
      const needs = { deactivated: true, oauth: ANY_APP }
      const call = { method: lxm, by: 'account', needs } as const
      const ask = (): Promise<Caller | ServiceCaller> => own.accessOrService(request, before, lxm)
      const { found, app } = await asked(authorize, request, call, ask)
      if (found === null || !('did' in found)) throw DENIED()
      const caller = await before.standing(callerOf(found, app), needs, request)
      return found.kind === 'service' ? { kind: 'service', did: caller.did } : caller
    },
  }
}

/** The same router, but `authorize` is asked too for methods that anybody may call. */
export function guardRouter(router: Router, authorize: Ask): Router {
  const auth = (request: RequestInfo) =>
    authorize(request, { method: request.nsid, by: 'anybody', needs: {} }, async () => null)
  const guarded: Router = {
    add: (schema: unknown, given: unknown): Router => {
      const entry = (typeof given === 'function' ? { handler: given } : given) as { auth?: unknown }
      router.add(schema as never, (entry.auth === undefined ? { ...entry, auth } : entry) as never)
      return guarded
    },
    fetch: (request, info) => router.fetch(request, info),
    handle: (call) => router.handle(call),
    connect: (call) => router.connect(call),
    methods: () => router.methods(),
    subscribers: (nsid) => router.subscribers(nsid),
  }
  return guarded
}
