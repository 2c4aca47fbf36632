import type { Logger } from '../logger.ts'
import { toXrpcError } from '../wire-errors.ts'
import type { AuditLog } from './audit-log.ts'

/** Tells which account something is about, once that is known, and what else to keep of it. */
export type About = (did: string, detail?: Readonly<Record<string, unknown>>) => void

/** Keeps what strangers do at pages, as the audited router keeps what is called. */
export interface PageAudit {
  /** Runs an attempt, and keeps what became of it before it is answered. @throws what `attempt` throws */
  recorded<T>(action: string, address: string | null, attempt: (about: About) => Promise<T>): Promise<T>
}

/** Records in `audit`. */
export function createPageAudit(audit: Pick<AuditLog, 'record'>, log: Logger): PageAudit {
  return {
    recorded: async (action, address, attempt) => {
      let did: string | null = null
      let detail: Record<string, unknown> = {}
      const record = async (error: string | null): Promise<void> => {
        const isDone = error === null
        const actor = isDone ? 'account' : 'stranger'
        try {
          await audit.record({ action, actor, did, address, error, attempt: !isDone, detail })
        } catch (cause) {
          // What was done is done; that it could not be noted is for the operator.
          log.error({ err: cause, action }, 'the audit log failed')
        }
      }
      try {
        const result = await attempt((subject, more = {}) => {
          did = subject
          detail = { ...more }
        })
        await record(null)
        return result
      } catch (error) {
        await record(toXrpcError(error)?.error ?? 'InternalServerError')
        throw error
      }
    },
  }
}
