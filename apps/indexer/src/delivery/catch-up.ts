// A consumer's way through a snapshot, in step with its way through the log. A slice is read as the index is at one number of the log:
// what the log has up to there is judged by the place before the slice, what it has behind that by the place after it.

import type { LogEvent } from '../stream/log-reader.ts'
import type { SnapshotPlace, SnapshotReader, SnapshotSlice } from './snapshot.ts'

/** Events of a slice. */
const SLICE = 256

/** A consumer that is given the whole index beside the log. */
export type CatchUp = {
  /** Where it is; null: it has the whole index. What is read and not given yet counts as not read. */
  readonly place: SnapshotPlace | null
  /** How much of it was given, 0 to 1; null: all. */
  readonly share: number | null
  /** From the first account on, as nothing was told of what is gone. */
  begin(round: number): void
  /** Whether an event of the log is to be given. To be asked in order, and of each: what was read before it is given first. */
  takes(event: LogEvent): boolean
  /** Whether it is at this repo now. */
  isAt(repo: number): boolean
  /** Reads and gives, as long as there is room. @param next the first number of the log that was not looked at */
  pull(next: number): void
}

/**
 * @param options.give gives events to the consumer; all numbers of the log up to `seq` were looked at
 * @param options.hasRoom whether it takes a slice now
 */
export function createCatchUp(options: {
  readonly reader: SnapshotReader
  readonly place: SnapshotPlace | null
  readonly give: (events: readonly LogEvent[], seq: number) => void
  readonly hasRoom: () => boolean
}): CatchUp {
  const { reader, give } = options
  let { place } = options
  /** What was read when the log ended at a number, to be given when that was looked at. */
  let held: { readonly at: number; readonly slice: SnapshotSlice } | null = null

  const release = (): void => {
    const { at, slice } = held!
    held = null
    place = slice.next
    give(slice.events, at)
  }
  return {
    get place() {
      return place
    },
    get share() {
      return place === null ? null : place.last === 0 ? 1 : place.repo / place.last
    },
    begin(round) {
      held = null
      place = reader.begin(round)
    },
    takes(event) {
      if (held !== null && event.seq > held.at) release()
      if (place === null || reader.isBehind(place, event)) return true
      // Who had a snapshot before, or the log, knows of more than this one told so far: it would keep what is gone.
      return place.round > 0 && (event.action === 'delete' || event.kind !== 'commit')
    },
    isAt: (repo) => place?.repo === repo,
    pull(next) {
      for (let from = place; from !== null && options.hasRoom(); from = place) {
        held ??= { at: reader.newest(), slice: reader.slice(from, SLICE) }
        if (held.at >= next) return
        release()
      }
    },
  }
}
