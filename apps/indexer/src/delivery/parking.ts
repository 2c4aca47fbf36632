// Accounts of which so much waits that it would leave no room for others: what they do next is read from the log again, by a reader of
// their own, as fast as it is acknowledged.

import type { LogEvent } from '../stream/log-reader.ts'
import type { Message } from '../stream/event.ts'
import type { Hub, Subscription } from '../stream/hub.ts'
import type { LaneLoad } from './window.ts'
import { BARE } from './bare.ts'

/** Events of one account that wait, before others of it are left in the log. */
const LANE = 64
/** Accounts read apart; more wait with all others. */
const MAX_PARKED = 32

type Parked = { from: number; reader: Subscription | null }

/** Accounts that are read apart. */
export type Parking = {
  /** Whether an event that comes now is left in the log. */
  leaves(event: LogEvent): boolean
  /** Something of an account was acknowledged, or is not waited for any more. */
  moved(did: string): void
  list(): readonly (readonly [string, number])[]
  /** Readers stop; where they are stays. */
  rest(): void
  /** Readers go on. */
  go(): void
}

/** @param next the number up to which, without it, the consumer has read */
export function createParking(options: {
  readonly hub: Hub
  readonly test: (event: LogEvent) => boolean
  readonly next: () => number
  readonly load: (did: string) => LaneLoad
  readonly add: (event: LogEvent, message: Message) => void
  readonly lost: (count: number) => void
  readonly floor: () => number
  readonly failed: (error: unknown) => void
  readonly parked: readonly (readonly [string, number])[]
}): Parking {
  const { hub, load, next } = options
  const parked = new Map<string, Parked>(options.parked.map(([did, from]) => [did, { from, reader: null }]))
  let isGoing = false

  const read = (did: string, place: Parked): void => {
    place.reader = hub.subscribe({
      from: place.from,
      // What comes from there on, the consumer's own reader gives.
      test: (event) => event.did === did && event.seq < next() && options.test(event),
      shape: BARE,
      sink: {
        ready: () => load(did).size < LANE,
        send(_, message) {
          place.from = message.event.seq + 1
          options.add(message.event, message)
        },
        passed(seq) {
          place.from = Math.max(place.from, Math.min(seq + 1, next()))
          if (place.from < next()) return
          place.reader?.close()
          parked.delete(did)
        },
        outdated() {
          const floor = options.floor()
          options.lost(Math.max(0, floor - place.from))
          place.from = floor
          return true
        },
        failed: options.failed,
      },
    })
  }

  const moved = (did: string): void => {
    const place = parked.get(did)
    if (place === undefined || !isGoing || load(did).size > LANE / 2) return
    if (place.reader === null) read(did, place)
    else place.reader.resume()
  }

  return {
    leaves(event) {
      const { did, seq } = event
      if (parked.has(did)) return true
      const { size, isHeavy } = load(did)
      if (size < LANE || !isHeavy || parked.size >= MAX_PARKED) return false
      parked.set(did, { from: seq, reader: null })
      return true
    },
    moved,
    list: () => [...parked].map(([did, { from }]) => [did, from] as const),
    rest() {
      isGoing = false
      for (const place of parked.values()) {
        place.reader?.close()
        place.reader = null
      }
    },
    go() {
      isGoing = true
      for (const did of parked.keys()) moved(did)
    },
  }
}
