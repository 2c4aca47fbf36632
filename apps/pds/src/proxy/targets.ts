import { serviceEndpoint, type DidResolver } from '@avocet/did'
import type { Did } from '@avocet/syntax'

import type { PdsConfig, ServiceEndpoint } from '../config/config.ts'
import { PdsError } from '../errors.ts'

/** Finds the service that answers a method this server does not have. */
export type FindTarget = (nsid: string, proxyHeader: string | null) => Promise<ServiceEndpoint>

/**
 * The service a client names in `atproto-proxy` (`did#id`), else the one configured for the method.
 * https://atproto.com/specs/xrpc#service-proxying
 */
export function createFindTarget(config: PdsConfig, dids: DidResolver): FindTarget {
  return async (nsid, proxyHeader) => {
    if (proxyHeader !== null) return named(proxyHeader, dids)
    const service = configured(nsid, config)
    if (service === null) throw new PdsError('invalid-request', `No service configured for ${nsid}`)
    return service
  }
}

async function named(header: string, dids: DidResolver): Promise<ServiceEndpoint> {
  const match = /^(did:[a-z]+:[a-zA-Z0-9._:%-]{1,512})#([a-zA-Z0-9_-]{1,64})$/.exec(header.trim())
  if (match === null)
    throw new PdsError('invalid-request', 'Invalid atproto-proxy header: expected did#service')
  const [, did, id] = match as unknown as [string, Did, string]
  const resolved = await dids.resolve(did)
  if (!resolved.ok) {
    throw new PdsError('invalid-request', `Could not resolve proxy DID: ${did}`, { cause: resolved.error })
  }
  const url = serviceEndpoint(resolved.value, `#${id}`)
  if (url === null) throw new PdsError('invalid-request', `Could not resolve proxy DID service: ${did}#${id}`)
  return { did, url }
}

function configured(nsid: string, config: PdsConfig): ServiceEndpoint | null {
  if (nsid === 'com.atproto.moderation.createReport') return config.reportService
  if (nsid.startsWith('tools.ozone.')) return config.modService
  return nsid.startsWith('app.bsky.') || nsid === 'com.atproto.repo.getRecord' ? config.appView : null
}
