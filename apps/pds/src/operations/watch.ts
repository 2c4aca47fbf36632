import type { Sequencer } from '@avocet/sequencer'
import type { RequestReport, Router } from '@avocet/xrpc-server'

import type { Headed } from '../auth/authorizer.ts'
import { AUDIT_BOUNDS, createAuditLog, type AuditLog } from '../audit/audit-log.ts'
import { auditRouter } from '../audit/audited-router.ts'
import type { PdsConfig } from '../config/config.ts'
import { blobFolder } from '../config/data-directory.ts'
import { createHealth, type Health } from '../health/health.ts'
import { createProbe } from '../health/probe.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { Logger } from '../logger.ts'
import type { Stores } from '../stores.ts'
import { createBelievedClock, type BelievedClock } from './believed-clock.ts'
import type { Chores } from './chores.ts'
import { createRequestLog } from './request-log.ts'

/** What looks after a running server. */
export interface Watch extends AsyncDisposable {
  readonly health: Health
  readonly metrics: Metrics
  readonly audit: AuditLog
  readonly clock: BelievedClock
  readonly chores: Chores
  /** Counts and logs a finished request. */
  readonly observe: (report: RequestReport) => void
  /**
   * A way to add the server's own methods, with their acts in the audit log.
   * @param isOperator whether a request carries the operator's password
   */
  audited(router: Router, isOperator: (request: Headed) => boolean): Router
}

/** Health, metrics and logs of a server on these stores. */
export function createWatch(config: PdsConfig, stores: Stores, sequencer: Sequencer, log: Logger): Watch {
  const { db, accounts } = stores
  const blobs = blobFolder(config)
  const methods = new Set<string>()
  const health = createHealth({ probe: createProbe(db, stores.log, blobs), log })
  const metrics = createMetrics({
    db,
    log: stores.log,
    sequencer,
    accounts: () => accounts.count(),
    healthy: () => health.problem() === null,
    methods,
    folders: { data: config.dataDirectory, blobs },
  })
  const audit = createAuditLog(db, { ...AUDIT_BOUNDS, maxAgeMs: config.auditRetentionMs })
  const logRequest = createRequestLog(log, { enabled: config.requestLog, slowMs: config.slowRequestMs })
  return {
    health,
    metrics,
    audit,
    clock: createBelievedClock(db),
    chores: { byAge: [() => audit.prune()], others: [] },
    observe: (report) => {
      metrics.observe(report)
      logRequest(report)
    },
    audited: (router, isOperator) =>
      auditRouter(router, { accounts, audit, log, isOperator, onAdd: (nsid) => void methods.add(nsid) }),
    [Symbol.asyncDispose]: async () => {
      metrics[Symbol.dispose]()
      await health[Symbol.asyncDispose]()
    },
  }
}
