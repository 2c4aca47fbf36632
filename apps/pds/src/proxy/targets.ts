import { serviceEndpoint, type DidResolver } from '@avocet/did'
import { isDid, type Did } from '@avocet/syntax'

import type { PdsConfig, ServiceEndpoint } from '../config/config.ts'
import { PdsError } from '../errors.ts'

/** A service as a client names it. */
export interface ServiceName {
  readonly did: Did
  /** Its fragment in the DID document, without `#`. */
  readonly id: string
}

/** Where methods that this server does not have are answered. https://atproto.com/specs/xrpc#service-proxying */
export interface Targets {
  /**
   * The service for a method: the one named in `atproto-proxy`, else the one configured.
   * @throws PdsError `invalid-request`
   */
  name(nsid: string, proxyHeader: string | null): ServiceName
  /**
   * The same as a text `did#service`, for a method that is answered here in the place of the AppView; `*` where there is none: only who
   * may call it anywhere may call it here.
   */
  audience(nsid: string, proxyHeader: string | null): string
  /** Whether a header names another AppView than the configured one. */
  isForeign(proxyHeader: string | null): boolean
  /** Where a service is. The configured ones are known, others are resolved. @throws PdsError `invalid-request` */
  locate(service: ServiceName): Promise<ServiceEndpoint>
}

const APP_VIEW = 'bsky_appview'
const LABELER = 'atproto_labeler'

/** Targets by the settings, and by DID documents. */
export function createTargets(config: PdsConfig, dids: DidResolver): Targets {
  const known = new Map<string, ServiceEndpoint>()
  const remember = (service: ServiceEndpoint | null, id: string): void => {
    if (service !== null) known.set(`${service.did}#${id}`, service)
  }
  remember(config.modService, LABELER)
  remember(config.reportService, LABELER)
  remember(config.appView, APP_VIEW)

  const name: Targets['name'] = (nsid, proxyHeader) => {
    if (proxyHeader !== null) return parseProxyHeader(proxyHeader)
    const [service, id] = configured(nsid, config)
    if (service === null) throw refused(`No service configured for ${nsid}`)
    return { did: service.did as Did, id }
  }

  return {
    name,
    audience: (nsid, proxyHeader) => {
      if (config.appView === null) return '*'
      const { did, id } = name(nsid, proxyHeader)
      return `${did}#${id}`
    },
    isForeign: (proxyHeader) =>
      proxyHeader !== null && config.appView !== null && proxyHeader !== `${config.appView.did}#${APP_VIEW}`,
    locate: async ({ did, id }) => {
      const service = known.get(`${did}#${id}`)
      if (service !== undefined) return service
      const resolved = await dids.resolve(did)
      if (!resolved.ok) throw refused('could not resolve proxy did', resolved.error)
      const url = serviceEndpoint(resolved.value, id)
      if (url === null) throw refused('could not resolve proxy did service url')
      return { did, url }
    },
  }
}

function parseProxyHeader(header: string): ServiceName {
  const [did = '', id = '', ...more] = header.split('#')
  if (header.includes(' ')) throw refused('proxy header cannot contain spaces')
  if (more.length > 0) throw refused('invalid proxy header format')
  if (did === '') throw refused('no did specified in proxy header')
  if (id === '') throw refused('no service id specified in proxy header')
  if (!isDid(did)) throw refused('invalid did in proxy header')
  return { did, id }
}

function configured(nsid: string, config: PdsConfig): [ServiceEndpoint | null, string] {
  if (nsid === 'com.atproto.moderation.createReport') return [config.reportService, LABELER]
  if (nsid.startsWith('tools.ozone.')) return [config.modService, LABELER]
  return [config.appView, APP_VIEW]
}

function refused(message: string, cause?: unknown): PdsError {
  return new PdsError('invalid-request', message, { cause })
}
