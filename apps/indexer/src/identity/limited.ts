// Look-ups that strangers cause: so many at once, so many a second.

import { DidError, type HandleResolver } from '@avocet/did'

/** Look-ups a second, and at once. */
const PER_SECOND = 5
const BURST = 50

/** A resolver that fails with `throttled` (a failure that passes) when it is asked too much. `now`: ms since the epoch. */
export function limitLookups(next: HandleResolver, now: () => number): HandleResolver {
  let tokens = BURST
  let filledAt = now()
  return {
    async resolve(handle, options) {
      tokens = Math.min(BURST, tokens + ((now() - filledAt) * PER_SECOND) / 1000)
      filledAt = now()
      if (tokens < 1) {
        return {
          ok: false,
          error: new DidError('throttled', `too many handles are looked up; handle=${handle}`),
        }
      }
      tokens--
      return next.resolve(handle, options)
    },
  }
}
