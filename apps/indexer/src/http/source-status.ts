// How each source is doing.

import type { ConsumerStats } from '@avocet/firehose'
import type { SourceConfig } from '../config.ts'

/** A source as the status shows it. */
export type SourceStatus = {
  readonly id: string
  readonly url: string
  readonly kind: 'relay' | 'pds'
  readonly state: 'live' | 'connecting'
  /** The last sequence number that came in; null before the first. */
  readonly seq: number | null
  /** How old the newest event was when it came in, ms; null before the first. */
  readonly lagMs: number | null
}

/**
 * Makes the function that tells how the sources are. The lag is that of the newest event when it was first seen here, so that a quiet
 * source does not seem to fall behind: to be called about every second.
 */
export function createSourceStatuses(
  configs: readonly SourceConfig[],
  stats: () => ConsumerStats['sources'],
  now: () => number,
): () => SourceStatus[] {
  const newest = new Map<string, { seq: number; lagMs: number }>()
  return () =>
    stats().map(({ id, connected, lastSeq, lastTime }, i) => {
      if (lastTime !== null && newest.get(id)?.seq !== lastSeq) {
        newest.set(id, { seq: lastSeq, lagMs: Math.max(0, now() - Date.parse(lastTime)) })
      }
      return {
        id,
        url: configs[i]?.url ?? id,
        kind: configs[i]?.kind ?? 'relay',
        state: connected ? 'live' : 'connecting',
        seq: lastSeq === 0 ? null : lastSeq,
        lagMs: newest.get(id)?.lagMs ?? null,
      }
    })
}
