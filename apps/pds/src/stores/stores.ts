import type { AccountRows, AccountStore } from '@avocet/accounts'
import type { BlobStore, BlobUpkeep } from '@avocet/blobs'
import type { OAuthStore } from '@avocet/oauth-server'
import type { RepoServerStore } from '@avocet/repo-server'

import type { AppChange, AppOutcome } from './app-change.ts'
import type { AuditRows } from './audit-rows.ts'
import type { DeviceRows } from './device-rows.ts'
import type { OperatorRows } from './operator-rows.ts'
import type {
  BelievedClock,
  QuotaRows,
  RecentRows,
  RotationRows,
  ServerNotes,
  Totals,
  Vitals,
} from './rows.ts'

/** Everything this server keeps: one database, on which every store works, and the files of blobs. */
export interface Stores extends AsyncDisposable {
  /** Whether other processes change it too: then what rows say is not remembered. */
  readonly isShared: boolean
  /**
   * Lets one of those processes do some work, until `signal` says that it is another's. Absent where there are no others.
   */
  readonly elect?: (work: (signal: AbortSignal) => Promise<void>) => AsyncDisposable
  readonly accountStore: AccountStore
  /** Their rows alone. */
  readonly accounts: AccountRows
  /** Repositories, records, rows of blobs, and the log: what `@avocet/repo-server` works on. */
  readonly server: RepoServerStore
  readonly files: BlobStore & BlobUpkeep
  readonly quotas: QuotaRows
  readonly rotations: RotationRows
  readonly audit: AuditRows
  /** What guards the operator's page. */
  readonly operator: OperatorRows
  readonly clock: BelievedClock
  /** Browsers in which owners signed in. */
  readonly devices: DeviceRows
  /** Sign-ins by apps. */
  readonly oauth: OAuthStore
  readonly recent: RecentRows
  readonly vitals: Vitals
  readonly totals: Totals
  /** Null where one process has the data: its data directory keeps what it notes. */
  readonly notes: ServerNotes | null
  /**
   * Applies in one transaction what concerns more than one of the stores; resolves when it is durable. Nothing is changed
   * unless it was `applied`.
   */
  apply(change: AppChange): Promise<AppOutcome>
}
