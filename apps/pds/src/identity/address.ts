import type { Did } from '@avocet/syntax'

import type { PdsConfig } from '../config/config.ts'

/** How the rest of the network reaches this server. On port 0 it is known once the socket is bound. */
export interface PublicAddress {
  /** Base URL, without a slash at its end. */
  url(): string
  /** The DID of this service, the audience of its tokens. */
  serviceDid(): Did
  bind(port: number): void
}

/** The address that `config` says: the public URL if given, else derived from the host name. */
export function createPublicAddress(config: PdsConfig): PublicAddress {
  let port = config.port
  const url = (): string =>
    config.publicUrl ??
    (config.hostname === 'localhost' ? `http://localhost:${port}` : `https://${config.hostname}`)
  return {
    url,
    serviceDid: () =>
      (config.serviceDid as Did | null) ?? `did:web:${encodeURIComponent(new URL(url()).host)}`,
    bind: (bound) => {
      port = bound
    },
  }
}
