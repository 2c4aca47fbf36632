// On one machine `localhost`, `127.0.0.1` and `[::1]` are the same place under three names.

import type { ResolveKey } from '@avocet/firehose'

const NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Development: a PDS that a document calls by another loopback name than the source is taken for that source. */
export function sameLoopback(resolveKey: ResolveKey, hosts: readonly string[]): ResolveKey {
  const byPort = new Map<string, string>()
  for (const host of hosts) {
    const { hostname, port, origin } = new URL(host)
    if (NAMES.has(hostname)) byPort.set(port, origin)
  }
  return async (did, options) => {
    const identity = await resolveKey(did, options)
    if (identity === null || identity.pds === null) return identity
    const url = URL.parse(identity.pds)
    const known = url !== null && NAMES.has(url.hostname) ? byPort.get(url.port) : undefined
    return known === undefined ? identity : { ...identity, pds: known }
  }
}
