// The test of a filter on events of the log: before anything of them is read or written.

import { collectionMatcher, type Filter } from '@avocet/jetstream/wire'
import type { LogEvent } from './log-reader.ts'

/** What a subscriber wants. `live: false` besides: what exports brought, and sync events. */
export type Wanted = Filter & {
  /** Default true. */
  readonly live?: boolean
  /** Default true. */
  readonly historical?: boolean
}

/** Collections whose verdict is remembered: a filter may have a hundred patterns, and there are few collections. */
const REMEMBERED = 1000

/** Makes the test; sizes are looked at when there is something to measure. */
export function createTest(wanted: Wanted): (event: LogEvent) => boolean {
  const { live = true, historical = true } = wanted
  const kinds = wanted.kinds === undefined ? null : new Set<string>(wanted.kinds)
  const dids = wanted.dids === undefined ? null : new Set<string>(wanted.dids)
  const matches = wanted.collections === undefined ? null : collectionMatcher(wanted.collections)
  const verdicts = new Map<string, boolean>()
  const inCollections = (collection: string): boolean => {
    let verdict = verdicts.get(collection)
    if (verdict === undefined) {
      verdict = matches!(collection)
      if (verdicts.size >= REMEMBERED) verdicts.clear()
      verdicts.set(collection, verdict)
    }
    return verdict
  }
  return (event) => {
    if (!(event.isLive ? live : historical)) return false
    if (matches !== null && event.collection !== null && !inCollections(event.collection)) return false
    if (dids !== null && !dids.has(event.did)) return false
    return kinds === null || kinds.has(event.kind)
  }
}
