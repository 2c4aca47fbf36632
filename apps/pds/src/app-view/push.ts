import { serviceEndpoint, type DidResolver } from '@avocet/did'
import type { Did } from '@avocet/syntax'

import type { OAuthNeeds } from '../auth/needs.ts'
import type { ServiceEndpoint } from '../config/config.ts'
import { PdsError } from '../errors.ts'
import type { Signers } from '../identity/signers.ts'
import type { Forward, Forwarded } from '../proxy/forward.ts'
import { userToken } from '../proxy/service-proxy.ts'

const NOTIFICATIONS = 'bsky_notif'

/** What a device is registered with, or taken off. */
export interface PushInput {
  readonly serviceDid: string
}

/**
 * Hands a registration to the service it names, in the name of `did`; its refusal, or undefined.
 * @throws PdsError `invalid-request` when there is no such service, and what `Forward` throws
 */
export type ForwardPush = (forwarded: Forwarded, did: Did, input: PushInput) => Promise<Response | undefined>

/** What an app needs for a registration: a scope for the method at the service that the input names. */
export function pushNeeds(lxm: string): OAuthNeeds {
  return {
    input: ({ serviceDid }: PushInput) => [{ resource: 'rpc', lxm, aud: `${serviceDid}#${NOTIFICATIONS}` }],
  }
}

/** The AppView is known; another service is the `#bsky_notif` of its DID document. */
export function createForwardPush(
  signers: Signers,
  dids: DidResolver,
  appView: ServiceEndpoint,
  forward: Forward,
): ForwardPush {
  const locate = async (did: string): Promise<string> => {
    if (did === appView.did) return appView.url
    const resolved = await dids.resolve(did as Did)
    if (!resolved.ok) {
      const { error: cause } = resolved
      throw new PdsError('invalid-request', `could not resolve did document: ${did}`, { cause })
    }
    const url = serviceEndpoint(resolved.value, NOTIFICATIONS, 'BskyNotificationService')
    if (url !== null) return url
    throw new PdsError('invalid-request', `invalid notification service details in did document: ${did}`)
  }
  return async ({ nsid, method, request, header, address, signal }, did, input) => {
    const url = await locate(input.serviceDid)
    const token = await userToken(signers, did, input.serviceDid, nsid)
    const answer = await forward({ nsid, method, request, header, address, signal, json: input }, url, token)
    if (!answer.ok) return answer
    await answer.body?.cancel()
    return undefined
  }
}
