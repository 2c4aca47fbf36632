// What the five subscribers have in common.

import { createFold, type Fold } from '../fold.ts'

/** A client of one wire, that goes on where it was. */
export type Subscriber = {
  readonly name: string
  /** Whether what came may come again. */
  readonly atLeastOnce: boolean
  readonly fold: Fold
  readonly figures: Readonly<SubscriberFigures>
  /** The client itself ends, and another begins where it was. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** What came. */
export type SubscriberFigures = {
  events: number
  /** Events that came again: their number was had before. */
  repeats: number
  /** Connections, or for a webhook starts of its server. */
  connections: number
  /** What did not fit: no event, a signature that is wrong, an order that goes back. */
  faults: number
  lastFault: string | null
}

/** Takes note of numbers that increase. */
export type Sequence = {
  readonly fold: Fold
  readonly figures: SubscriberFigures
  /** The largest number had. */
  readonly last: number
  /** @returns whether it is new */
  take(seq: number): boolean
  readonly fault: (what: string) => void
}

/** Nothing came yet. */
export function createSequence(): Sequence {
  const figures: SubscriberFigures = { events: 0, repeats: 0, connections: 0, faults: 0, lastFault: null }
  let last = 0
  return {
    fold: createFold(),
    figures,
    get last() {
      return last
    },
    take(seq) {
      figures.events++
      if (seq <= last) figures.repeats++
      else last = seq
      return seq === last
    },
    fault(what) {
      figures.faults++
      figures.lastFault = what
    },
  }
}

/** A message in the shape of v2, as SSE and webhooks have it too. */
export type V2Like = {
  readonly seq: number
  readonly did: string
  readonly operation?: 'create' | 'update' | 'delete'
  readonly collection?: string
  readonly rkey?: string
  readonly cid?: string
  readonly account?: { readonly active?: unknown; readonly status?: unknown }
}

/** Folds one. */
export function foldV2(fold: Fold, event: V2Like): void {
  const { did, operation, collection, rkey, cid, account } = event
  if (operation !== undefined) fold.change({ did, operation, collection: collection!, rkey: rkey!, cid })
  if (account !== undefined)
    fold.status(did, account.active === true ? 'active' : String(account.status ?? 'deactivated'))
}
