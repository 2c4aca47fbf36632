import type { Transaction } from '@avocet/postgres'
import type { PostgresRepoStore } from '@avocet/repo-postgres'
import type { NewEvent } from '@avocet/sequencer'
import type { PostgresEventLog } from '@avocet/sequencer/postgres'

/** What changes go to. */
export interface Tables {
  readonly repos: PostgresRepoStore
  readonly log: PostgresEventLog
  /** Appends events, last in the transaction: readers of the log wait for it from then on. Returns their numbers. */
  append(tx: Transaction, events: readonly NewEvent[]): Promise<number[]>
  /** Tells listeners of events that are durable. */
  tell(events: readonly NewEvent[], seqs: readonly number[]): void
}
