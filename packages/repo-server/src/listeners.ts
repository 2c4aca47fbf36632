import type { NewEvent } from '@avocet/sequencer'

/** An event with the number it got. */
export type AppliedEvent = NewEvent & { readonly seq: number }

/** Who is told of events. */
export interface Listeners {
  /** Returns the unsubscriber. */
  add(listener: (event: AppliedEvent) => void): () => void
  /** Whether anybody listens. */
  any(): boolean
  tell(events: readonly NewEvent[], seqs: readonly number[]): void
}

/** Nobody yet. */
export function createListeners(): Listeners {
  const listeners = new Set<(event: AppliedEvent) => void>()
  return {
    add: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    any: () => listeners.size > 0,
    tell: (events, seqs) => {
      for (const [i, event] of events.entries()) {
        for (const listener of listeners) listener({ ...event, seq: seqs[i]! })
      }
    },
  }
}
