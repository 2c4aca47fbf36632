// Who may subscribe: so many in all, so many from one address, whichever wire they speak.

import { networkOf } from '@avocet/xrpc-server'

/** Bounds of subscribers. */
export type DoorLimits = {
  readonly subscribers: number
  /** Of one address (an IPv6 /64); 0: no bound, for a server behind a proxy. */
  readonly perAddress: number
}

/** Why somebody is not let in. */
export type Refusal = 'full' | 'address-full'

/** What is said to one too many, in the words of XRPC. */
export const REFUSALS: Readonly<
  Record<Refusal, { readonly status: number; readonly error: string; readonly message: string }>
> = {
  full: {
    status: 503,
    error: 'ServiceUnavailable',
    message: 'there are as many subscribers as are served',
  },
  'address-full': {
    status: 429,
    error: 'RateLimitExceeded',
    message: 'there are too many subscribers of this address',
  },
}

/** Counts who is in. */
export type Doors = {
  /** @returns what to call when they leave (once), or why they stay outside */
  enter(address: string | null): (() => void) | Refusal
}

/** Nobody is in at first. */
export function createDoors({ subscribers, perAddress }: DoorLimits): Doors {
  const networks = new Map<string, number>()
  let inside = 0
  return {
    enter(address) {
      const network = address === null ? '' : networkOf(address)
      const same = networks.get(network) ?? 0
      if (inside >= subscribers) return 'full'
      if (perAddress > 0 && same >= perAddress) return 'address-full'
      inside++
      networks.set(network, same + 1)
      let left = false
      return () => {
        if (left) return
        left = true
        inside--
        const others = networks.get(network)! - 1
        if (others === 0) networks.delete(network)
        else networks.set(network, others)
      }
    },
  }
}
