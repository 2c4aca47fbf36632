import { createServiceJwt } from '@avocet/service-auth'
import { isNsid, type Did } from '@avocet/syntax'

import type { Authorizer } from '../auth/authorizer.ts'
import type { Caller } from '../auth/callers.ts'
import { CLOSED, granted, type MethodNeeds } from '../auth/needs.ts'
import { PdsError } from '../errors.ts'
import type { Signers } from '../identity/signers.ts'
import { createBodies, type Bodies } from './bodies.ts'
import type { Forward, Forwarded } from './forward.ts'
import { isOfAccounts, isPrivileged, isProtected, proxyNeeds } from './methods.ts'
import type { Targets } from './targets.ts'

/**
 * Answers a method that this server does not have, by the service that has it.
 * @param known who calls, where somebody has found out already: a proof of an app counts once
 */
export type ServiceProxy = (forwarded: Forwarded, known?: Caller) => Promise<Response>

/** What is special about the methods of an AppView. */
export interface ProxyExtras {
  /** What the token for a method says, where that is not simply the service and the method. */
  readonly claims: (forwarded: Forwarded) => Promise<{ aud: string; lxm: string } | null>
  /** The answer to `did`, as it goes to the client. */
  readonly answer: (forwarded: Forwarded, did: Did, response: Response) => Promise<Response>
}

/** A proxy that speaks to services in the name of the signed-in user. */
export function createServiceProxy(
  authorizer: Authorizer,
  signers: Signers,
  targets: Targets,
  forward: Forward,
  extras: ProxyExtras | null = null,
  bodies: Bodies = createBodies(),
): ServiceProxy {
  /** Sends it with its body, which is read only now: a stranger, or a call to nowhere, makes this server hold nothing. */
  const send = (forwarded: Forwarded, did: Did, url: string, token: string): Promise<Response> => {
    const { nsid, method, request, header, address, signal } = forwarded
    if (method !== 'POST' || request.body === null) return forward(forwarded, url, token)
    return bodies.hold(did, request.body, (body) =>
      forward({ nsid, method, request, header, address, signal, body }, url, token),
    )
  }

  return async (forwarded, known) => {
    const { nsid, method, header } = forwarded
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') {
      throw new PdsError('invalid-request', 'XRPC requests only supports GET and POST')
    }
    if (!isNsid(nsid)) throw new PdsError('invalid-request', `No service configured for ${nsid}`)
    if (isProtected(nsid)) throw new PdsError('invalid-token', 'Bad token method')
    const service = targets.name(nsid, header('atproto-proxy'))
    // Before anything is resolved: a stranger makes this server ask nobody.
    const needs: MethodNeeds = {
      privileged: isPrivileged(nsid),
      deactivated: true,
      takendown: nsid === 'com.atproto.moderation.createReport',
      oauth: isOfAccounts(nsid) ? CLOSED : granted(...proxyNeeds(nsid, `${service.did}#${service.id}`)),
    }
    const caller = await (known === undefined
      ? authorizer.access(forwarded, needs)
      : authorizer.standing(known, needs, forwarded))
    forwarded.auth = caller
    const { did: aud, url } = await targets.locate(service)
    const claims = (await extras?.claims(forwarded)) ?? { aud, lxm: nsid }
    const token = await userToken(signers, caller.did, claims.aud, claims.lxm)
    const response = await send(forwarded, caller.did, url, token)
    return extras === null ? response : extras.answer(forwarded, caller.did, response)
  }
}

/** A token in the name of `did` for one call of `lxm`. */
export async function userToken(signers: Signers, did: Did, aud: string, lxm: string): Promise<string> {
  return createServiceJwt({ iss: did, aud, lxm, signer: await signers.get(did) })
}
