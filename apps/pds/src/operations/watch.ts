import type { Sequencer } from '@avocet/sequencer'
import type { RequestReport, Router } from '@avocet/xrpc-server'

import type { Headed } from '../auth/authorizer.ts'
import { AUDIT_BOUNDS, createAuditLog, type AuditLog } from '../audit/audit-log.ts'
import { auditRouter } from '../audit/audited-router.ts'
import type { PdsConfig } from '../config/config.ts'
import { blobFolder } from '../config/data-directory.ts'
import { createHealth, type Health } from '../health/health.ts'
import { createProbe } from '../health/probe.ts'
import type { SharedCounts } from '../limits/shared-counts.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import type { Logger } from '../logger.ts'
import type { Stores } from '../stores/stores.ts'
import type { BelievedClock } from '../stores/rows.ts'
import { createChoreRounds, type ChoreRounds } from './chore-rounds.ts'
import type { Chores } from './chores.ts'
import { createRequestLog } from './request-log.ts'

/** What looks after a running server. */
export interface Watch extends AsyncDisposable {
  readonly health: Health
  readonly metrics: Metrics
  readonly audit: AuditLog
  readonly clock: BelievedClock
  /** The last rounds of chores. */
  readonly rounds: ChoreRounds
  /** Folders whose disks are looked at, by the names they get. */
  readonly folders: Readonly<Record<string, string>>
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
export function createWatch(
  config: PdsConfig,
  stores: Stores,
  sequencer: Sequencer,
  counts: Pick<SharedCounts, 'isShared'>,
  log: Logger,
): Watch {
  const { accounts, vitals, server, clock } = stores
  const blobs = blobFolder(config)
  const methods = new Set<string>()
  const folders = { data: config.dataDirectory, blobs }
  const health = createHealth({ probe: createProbe(vitals, server.log, blobs), log })
  const metrics = createMetrics({
    vitals,
    log: server.log,
    sequencer,
    accounts: () => accounts.count(),
    healthy: () => health.problem() === null,
    counted: counts.isShared,
    methods,
    folders,
  })
  const audit = createAuditLog(stores.audit, { ...AUDIT_BOUNDS, maxAgeMs: config.auditRetentionMs })
  const logRequest = createRequestLog(log, { enabled: config.requestLog, slowMs: config.slowRequestMs })
  return {
    health,
    metrics,
    audit,
    clock,
    rounds: createChoreRounds(),
    folders,
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
