// What waits in the lane of a DID, and what the consumer's parts tell each other of it.

import type { Did, Tid } from '@avocet/syntax'
import type { Speaker } from './chain.ts'
import type { CursorTracker, Ticket } from './cursor-tracker.ts'
import type { FailureEvent } from './events.ts'
import type { RepoEffect } from './facts.ts'
import type { ParsedEvent } from './parse.ts'

/** A source as events know it. */
export type SourceInfo = {
  readonly id: string
  readonly speaker: Speaker
  readonly tracker: CursorTracker
  /** It waits, and nothing of it is given up. */
  readonly patient: boolean
}

/** An event about an account, waiting in its lane. */
export type Item = {
  event: Exclude<ParsedEvent, { kind: 'info' }>
  frame: Uint8Array
  readonly source: SourceInfo
  /** Null for a frame from the durable queue: its cursor was passed long ago. */
  readonly ticket: Ticket | null
  /** Sent again after a reconnect: it may have been finished before. */
  readonly replay: boolean
  /** The id in the durable queue. */
  readonly queueId: number | null
}

/** An event of which only this is left: it could not be read, or had to be given up. */
export type Remnant = {
  readonly source: SourceInfo
  readonly tickets: readonly Ticket[]
  readonly failure: FailureEvent
  readonly claimed: Tid | null
}

/** An entry of a host's list. `own`: of the account's own host. `source`: whose list it is. */
export type Listed = {
  readonly did: Did
  readonly rev: Tid | null
  /** `active` or another word. */
  readonly status: string
  readonly own: boolean
  readonly source: string
  /** When the host was asked, ms since the epoch. */
  readonly at: number
  /** Follow the repo from now on whatever the scope says, as it is in a list of those that have what is wanted. Default false. */
  readonly follow?: boolean
}

/** What the resyncer decides about a repo. */
export type ResyncGate = {
  readonly enabled: boolean
  /** Whether there is still room in the repo's durable queue; counts the bytes. */
  admit(did: Did, bytes: number): boolean
  /** Does what a transition asks for beside storing. */
  react(did: Did, effects: readonly RepoEffect[]): void
}
