import { networkOf } from '@avocet/xrpc-server'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import type { CodeLimits } from '../factors/code-limits.ts'
import type { WatchedCounts } from '../limits/limit-hits.ts'

/**
 * How often somebody may try to sign in at the operator's page: of one network, and of all together. Nobody locks the operator out by
 * that: a network where the operator was lately counts for itself, every other one may still try once in a while, and recovery codes,
 * which cannot be guessed, are not counted among the codes.
 */
export interface AdminSignInLimits {
  /** Before a password is looked at. @returns seconds to wait, and whether that is new; null where it may be */
  count(address: string | null): Promise<{ readonly seconds: number; readonly isFirst: boolean } | null>
  /** Before a code of the app counts. A wrong password is counted aside, so that both take the same time. @returns whether it may count */
  code(address: string | null, isPassword: boolean): Promise<boolean>
}

/** What limits count with. */
export interface AdminSignInLimitParts {
  readonly counts: WatchedCounts
  readonly codes: Pick<CodeLimits, 'guess'>
  readonly isKnown: (address: string | null) => Promise<boolean>
}

const MINUTE_MS = 60 * 1000
const HOUR_MS = 60 * MINUTE_MS

/** Tries of one network in five minutes. */
const TRIES = 20
/** Tries in an hour of all networks where the operator was not lately. */
const TRIES_OF_ALL = 300
/** Beyond that, tries of each such network in an hour. */
const LATE_TRIES = 2
/** The operator's page among the accounts whose codes are counted. */
export const OPERATOR_CODES: Did = 'did:avocet:operator'
const NOBODY: Did = 'did:avocet:nobody'

/** Limits over what is counted. */
export function createAdminSignInLimits(parts: AdminSignInLimitParts): AdminSignInLimits {
  const { counts, codes, isKnown } = parts
  const bounded = (address: string | null, used: number, limit: number, resetMs: number) => {
    if (used <= limit) return null
    counts.refused?.('admin-sign-in', address)
    return { seconds: Math.ceil(resetMs / 1000), isFirst: used === limit + 1 }
  }

  return {
    count: async (address) => {
      const network = address === null ? '' : networkOf(address)
      const own = await counts.consume(`admin-sign-in:${network}`, 1, 5 * MINUTE_MS)
      if (own.used > TRIES) return bounded(address, own.used, TRIES, own.resetMs)
      if (await isKnown(address)) return null
      const all = await counts.consume('admin-sign-in-all', 1, HOUR_MS)
      if (all.used <= TRIES_OF_ALL) return null
      const late = await counts.consume(`admin-sign-in-late:${network}`, 1, HOUR_MS)
      return bounded(address, late.used, LATE_TRIES, late.resetMs)
    },
    code: async (address, isPassword) => {
      try {
        await codes.guess(isPassword ? OPERATOR_CODES : NOBODY, address)
        return true
      } catch (error) {
        if (error instanceof PdsError && error.code === 'too-many-at-once') return false
        throw error
      }
    },
  }
}

/** For where nothing is limited. */
export const NO_ADMIN_LIMITS: AdminSignInLimits = {
  count: () => Promise.resolve(null),
  code: () => Promise.resolve(true),
}
