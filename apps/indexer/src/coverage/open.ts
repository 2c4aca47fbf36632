// The audit of a running indexer, put together: what `app.ts` starts.

import type { VerifySignature } from '@avocet/crypto'
import type { HostFetch, ResolveKey } from '@avocet/firehose'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import type { RepoReader } from '../queries/repos.ts'
import type { IsWanted } from '../sync/collections.ts'
import { type Audit, type AuditBudget, createByteMeter, startAudit } from './audit.ts'
import { createAuditLog } from './audit-log.ts'
import { createCompare } from './compare.ts'
import { createSample } from './sample.ts'

/** Starts it. */
export function openAudit(options: {
  readonly db: Database
  readonly repos: RepoReader
  readonly isWanted: IsWanted
  readonly resolveKey: ResolveKey
  /** For exports, fair to each host. */
  readonly fetch: HostFetch
  readonly ask: HostFetch
  readonly verify: VerifySignature
  readonly maxSize: number
  readonly budget: AuditBudget
  readonly requestResync: (did: Did) => Promise<void>
  readonly onTrouble: (message: string) => void
  readonly now: () => number
}): Audit {
  const { db, now, budget, repos, requestResync, onTrouble } = options
  const { isWanted, resolveKey, ask, verify, maxSize } = options
  const meter = createByteMeter(options.fetch)
  return startAudit({
    budget,
    repos,
    sample: createSample(db),
    compare: createCompare({ db, isWanted, resolveKey, ask, verify, maxSize, fetch: meter.fetch }),
    meter,
    log: createAuditLog(db, now),
    requestResync,
    onTrouble,
    now,
  })
}
