// Handles in a network on one machine: names like alice.test are in no DNS, so the hosts that are followed are asked first.
// For development only: elsewhere a host does not speak for a handle.

import type { Fetch, HandleResolver } from '@avocet/did'
import { isDid } from '@avocet/syntax'

/** A resolver that asks `hosts` (origins) by com.atproto.identity.resolveHandle, then `next`. */
export function askHostsFirst(hosts: readonly string[], fetch: Fetch, next: HandleResolver): HandleResolver {
  return {
    async resolve(handle, options) {
      for (const host of hosts) {
        try {
          const url = `${host}/xrpc/com.atproto.identity.resolveHandle?handle=${encodeURIComponent(handle)}`
          const response = await fetch(url, options?.signal === undefined ? {} : { signal: options.signal })
          const { did } = (await response.json()) as { did?: unknown }
          if (response.ok && isDid(did)) return { ok: true, value: did }
        } catch {
          // This host cannot say: another may.
        }
      }
      return next.resolve(handle, options)
    },
  }
}
