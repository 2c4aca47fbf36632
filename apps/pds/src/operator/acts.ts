import type { Did } from '@avocet/syntax'

import type { AuditLog } from '../audit/audit-log.ts'
import { toXrpcError } from '../wire-errors.ts'

/** What an act of the operator answers, and what the audit log keeps of it. */
export interface Act<T extends object = object> {
  readonly action: string
  readonly did: Did | null
  readonly detail: Readonly<Record<string, unknown>>
  readonly run: () => Promise<T>
}

/** Who does it, and how. */
export interface Doer {
  readonly actor: 'operator' | 'command line'
  readonly address: string | null
  /** Whether it is done at the operator's page. */
  readonly isAtPage?: boolean
}

/** Does an act, and records it before it is answered, also when it fails. @throws what the act throws */
export async function perform<T extends object>(
  audit: Pick<AuditLog, 'record'>,
  act: Act<T>,
  doer: Doer,
): Promise<T> {
  let failure: unknown
  try {
    return await act.run()
  } catch (error) {
    failure = error
    throw error
  } finally {
    await audit.record({
      action: act.action,
      actor: doer.actor,
      did: act.did,
      address: doer.address,
      error: failure === undefined ? null : (toXrpcError(failure)?.error ?? 'InternalServerError'),
      attempt: false,
      detail: doer.isAtPage === true ? { ...act.detail, via: 'page' } : act.detail,
    })
  }
}
