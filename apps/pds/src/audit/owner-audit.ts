import type { Did } from '@avocet/syntax'

import type { Logger } from '../logger.ts'
import { toXrpcError } from '../wire-errors.ts'
import { ACTS } from './acts.ts'
import type { AuditLog } from './audit-log.ts'

/** An owner at a page. */
export interface ActingOwner {
  readonly did: Did
  readonly address: string | null
  readonly header: (name: string) => string | null
}

/** Keeps what owners do at pages, as the audited router keeps what they call. */
export interface OwnerAudit {
  /**
   * Does something, and keeps what became of it before it is answered.
   * @param what the NSID of the method that does the same: then it is kept in the same words. Or words of its own.
   * @param input what that method would be given; else what to keep: no secret
   * @throws what `task` throws
   */
  acted<T>(
    owner: ActingOwner,
    what: string,
    input: Readonly<Record<string, unknown>>,
    task: () => Promise<T>,
  ): Promise<T>
}

/** Records in `audit`. */
export function createOwnerAudit(audit: Pick<AuditLog, 'record'>, log: Logger): OwnerAudit {
  return {
    acted: async ({ did, address, header }, what, input, task) => {
      const act = ACTS.get(what)
      const action = act?.action ?? what
      const detail = act === undefined ? input : (act.detail?.({ input, output: {}, header }) ?? {})
      const record = async (error: string | null): Promise<void> => {
        try {
          await audit.record({ action, actor: 'account', did, address, error, attempt: false, detail })
        } catch (cause) {
          // What was done is done; that it could not be noted is for the operator.
          log.error({ err: cause, action }, 'the audit log failed')
        }
      }
      try {
        const result = await task()
        await record(null)
        return result
      } catch (error) {
        await record(toXrpcError(error)?.error ?? 'InternalServerError')
        throw error
      }
    },
  }
}
