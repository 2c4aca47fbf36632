import type { Sequencer } from '@avocet/sequencer'
import { type Removals, type RepoImports, type Uploads, collectOrphans } from '@avocet/repo-server'

import type { Deletions } from './accounts/deletions.ts'
import type { KeyRotations } from './accounts/key-rotations.ts'
import type { ReservedKeys } from './accounts/reserved-keys.ts'
import type { AuditLog } from './audit/audit-log.ts'
import type { HandleChanges } from './accounts/handle-changes.ts'
import type { Chores } from './operations/chores.ts'
import type { Stores } from './stores.ts'

/** Parts of a PDS that have work which nobody waits for. */
export interface ChoreParts {
  readonly stores: Pick<Stores, 'accounts' | 'server' | 'files'>
  readonly uploads: Uploads
  readonly deletions: Deletions
  readonly reservedKeys: ReservedKeys
  readonly audit: AuditLog
  readonly sequencer: Sequencer
  readonly imports: RepoImports
  readonly removals: Removals
  readonly rotations: KeyRotations
  readonly handleChanges: HandleChanges
  /** When this process began, ms since 1970: what it wrote itself is no orphan. */
  readonly startedAt: number
}

/** The chores of a PDS, for `startChores`. */
export function pdsChores(parts: ChoreParts): Chores {
  const { stores, uploads, imports, removals, rotations, handleChanges } = parts
  const { accounts, server, files } = stores
  return {
    byAge: [
      () => uploads.collect(),
      () => parts.deletions.run(),
      () => parts.reservedKeys.collect(),
      () => collectOrphans(() => accounts.dids(), server, files, uploads, parts.startedAt),
      () => parts.audit.prune(),
      () => parts.sequencer.prune(),
    ],
    others: [
      () => imports.clean(),
      () => removals.run(),
      () => rotations.resume(),
      () => handleChanges.resume(),
    ],
  }
}
