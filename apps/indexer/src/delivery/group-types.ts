// A group of consumers as others see it: what it takes, gives and tells.

import type { StreamEvent } from '../stream/event.ts'
import type { Undelivered } from './store.ts'
import type { Entry, Owner, WindowLimits } from './window.ts'

/** What is told of a group. Counts, but for `oldestMs`. */
export type GroupStats = {
  readonly name: string
  /** Numbers of the log that it has not read yet. */
  readonly behind: number
  /** Events that it was given, or is about to be, and has not acknowledged. */
  readonly unacked: number
  /** Those of them that failed, and are tried again. */
  readonly failing: number
  /** Events that were given up, as far as they are kept. */
  readonly deadLetters: number
  /** Numbers that were gone from the log when it got to them. */
  readonly lost: number
  /** When that was the last time, ms since the epoch; null: never. */
  readonly lostAt: number | null
  /** How much of the index it was given, 0 to 1, where it is given all of it; null: that is over, or never was. */
  readonly snapshot: number | null
  /** Accounts of which so much waits that they are read apart. */
  readonly parked: number
  /** Who takes events of it now. */
  readonly consumers: number
  /** How long ago the oldest one that is not acknowledged happened, ms; null: there is none. */
  readonly oldestMs: number | null
}

/** A group of consumers that share their work. */
export type Group = {
  readonly name: string
  readonly limits: GroupLimits
  /** @throws what the database fails with */
  attach(owner: Owner): void
  /** Whoever is at it is woken, soon. */
  wake(): void
  /** What it had and did not acknowledge goes to others. */
  detach(owner: Owner): void
  /** The next event, if one is to be sent. `behind`: of the same account, after one that is taken too. */
  take(owner: Owner, behind?: Entry): Entry | null
  /** What an event says; null: it is void by now, and done. */
  read(entry: Entry): StreamEvent | null
  ack(seq: number): boolean
  fail(entry: Entry, reason: string): void
  giveBack(entries: readonly Entry[]): void
  stats(): GroupStats
  undelivered(before: number, limit: number): Undelivered[]
  /** They are tried again. @returns how many; those that the log does not have any more stay */
  retry(ids: readonly number[]): Promise<number>
  dismiss(ids: readonly number[]): Promise<number>
  /** The whole index is given to it, beside what happens. */
  beginSnapshot(): void
  /** The oldest number of the log that it needs still. */
  needs(): number
  /** Resolves when what was acknowledged is durable. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Bounds of a group. */
export type GroupLimits = WindowLimits & {
  /** How long a consumer has for an event before it is sent again, ms. */
  readonly ackMs: number
}

/** Where a group begins that has no place yet. */
export type GroupBeginning = {
  /** The first number of the log that it is given. */
  readonly seq: number
  /** Whether it is given the whole index first. */
  readonly snapshot: boolean
  /** Whether it is given that too after it lost events. */
  readonly recovers: boolean
}
