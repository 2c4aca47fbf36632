import {
  checkNewOperation,
  checkNextOperation,
  isPlcDid,
  parseOperation,
  PlcError,
  type PlcResult,
  type SignedOperation,
} from '@avocet/plc'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { OperationStore } from './store.ts'

/** How many operations one DID may have accepted in a span of time. */
export interface RateLimits {
  readonly perHour: number
  readonly perDay: number
  readonly perWeek: number
}

/** Those of the public directory. */
export const DEFAULT_RATE_LIMITS: RateLimits = { perHour: 10, perDay: 30, perWeek: 100 }

const HOUR = 3_600_000

/** Takes an operation as it came over the network. */
export type Submit = (did: string, json: unknown) => Promise<PlcResult<void>>

/** Checks an operation against everything stored for its DID and stores it, both in one transaction. */
export function createSubmit(
  db: Database,
  store: OperationStore,
  options: { readonly rateLimits: RateLimits | null; readonly now: () => number },
): Submit {
  const accept = (did: Did, operation: SignedOperation): void => {
    const now = options.now()
    if (options.rateLimits !== null) {
      const times = store.audit(did).map((entry) => Date.parse(entry.createdAt))
      checkRate(did, times, options.rateLimits, now)
    }
    const accepted = checkNextOperation(did, store.history(did), operation, now)
    if (!accepted.ok) throw accepted.error
    const { cid, nullified } = accepted.value
    store.add({ did, cid, operation, nullified, now })
  }

  return async (did, json) => {
    if (!isPlcDid(did))
      return refuse(new PlcError('invalid-operation', `not a did:plc; did=${did.slice(0, 80)}`))
    const parsed = parseOperation(json)
    if (!parsed.ok) return parsed
    const issue = checkNewOperation(parsed.value)
    if (issue !== null) return refuse(issue)
    try {
      await db.write(() => accept(did, parsed.value))
    } catch (error) {
      if (error instanceof PlcError) return refuse(error)
      throw error
    }
    return { ok: true, value: undefined }
  }
}

function refuse(error: PlcError): { readonly ok: false; readonly error: PlcError } {
  return { ok: false, error }
}

function checkRate(did: Did, times: readonly number[], limits: RateLimits, now: number): void {
  const within = (span: number): number => times.filter((time) => time > now - span).length
  const spans = [
    ['hour', HOUR, limits.perHour],
    ['day', 24 * HOUR, limits.perDay],
    ['week', 168 * HOUR, limits.perWeek],
  ] as const
  for (const [name, span, limit] of spans) {
    if (within(span) >= limit) {
      throw new PlcError(
        'rate-limited',
        `too many operations within the last ${name}; did=${did} max=${limit}`,
      )
    }
  }
}
