// How each source is doing.

import type { SourceConfig } from '../config.ts'
import type { Pipeline } from '../pipeline.ts'

/** A source as the status shows it. */
export type SourceStatus = {
  readonly id: string
  readonly url: string
  readonly kind: 'relay' | 'pds'
  readonly state: 'live' | 'connecting'
  /** The last sequence number that came in; null before the first. */
  readonly seq: number | null
  /** How long the newest commit took from its `time` until it was indexed, ms; null before the first. */
  readonly lagMs: number | null
}

/** Makes the function that tells how the sources are. */
export function createSourceStatuses(
  configs: readonly SourceConfig[],
  pipeline: () => Pick<Pipeline, 'consumer' | 'lagMs'>,
): () => SourceStatus[] {
  return () => {
    const { consumer, lagMs } = pipeline()
    return consumer.stats().sources.map(({ id, connected, lastSeq }, i) => ({
      id,
      url: configs[i]?.url ?? id,
      kind: configs[i]?.kind ?? 'relay',
      state: connected ? 'live' : 'connecting',
      seq: lastSeq === 0 ? null : lastSeq,
      lagMs: lagMs(id),
    }))
  }
}
