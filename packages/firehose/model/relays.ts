// The relays of a simulation, and the host that is a source too: what each sent, at its own time, and what it knows.

import type { DataObject } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { encodeFrame } from '@avocet/xrpc'
import type { Size } from './actions.ts'
import type { Clock } from './clock.ts'

/** A relay: what it sent, and what it knows. */
export type Relay = {
  readonly id: string
  /** The host that it is, by its place; null: a relay. */
  readonly host: number | null
  resets: number
  log: { readonly seq: number; readonly frame: Uint8Array }[]
  seq: number
  /** Events with a smaller seq are not kept any more. */
  oldest: number
  /** Told of each new event and of a cut connection. */
  listener: ((what: 'event' | 'cut') => void) | null
  downUntil: number
  lagUntil: number
  held: (() => void)[]
  /** What its listRepos says. */
  readonly known: Map<Did, { rev: Tid | null; status: string }>
}

/** What of an account a relay shows in its list. */
export type Shown = {
  readonly did: Did
  readonly host: number
  readonly rev: Tid | null
  readonly status: string
}

/** Makes so many relays (and one that is the first host), and the functions that send over them. */
export function createRelays(clock: Clock, { relays: count, direct }: Size) {
  const relays: Relay[] = Array.from({ length: count + (direct ? 1 : 0) }, (_, i) => ({
    id: i < count ? `relay${i}` : 'host0',
    host: i < count ? null : 0,
    resets: 0,
    log: [],
    seq: 10_000,
    oldest: 10_001,
    listener: null,
    downUntil: 0,
    lagUntil: 0,
    held: [],
    known: new Map<Did, { rev: Tid | null; status: string }>(),
  }))

  /** Sends an event over the relays that `via` names, each at its own time; a host speaks of its own. `withheld`: it gets lost. */
  const send = (
    { did, host, rev, status }: Shown,
    type: `#${string}`,
    body: DataObject,
    withheld = false,
    via: (relay: Relay) => boolean = (relay) => relay.host === null || relay.host === host,
  ): void => {
    for (const relay of relays) {
      if (!via(relay)) continue
      const deliver = (): void => {
        relay.known.set(did, { rev, status })
        if (withheld) return
        const seq = ++relay.seq
        relay.log.push({ seq, frame: encodeFrame(type, { ...body, seq }) })
        relay.listener?.('event')
      }
      if (relay.lagUntil > clock.now()) relay.held.push(deliver)
      else deliver()
    }
  }

  const release = (relay: Relay): void => {
    relay.lagUntil = 0
    for (const deliver of relay.held.splice(0)) deliver()
  }

  return { relays, send, release }
}
