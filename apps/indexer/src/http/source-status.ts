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

/**
 * Makes the function that tells how the sources are; asked every second, it notices when one comes or goes.
 *
 * @param onChange told when a source is connected, or lost after it was
 */
export function createSourceStatuses(
  configs: readonly SourceConfig[],
  pipeline: () => Pick<Pipeline, 'consumer' | 'lagMs'>,
  onChange: (line: string) => void,
): () => SourceStatus[] {
  const live = new Map<string, boolean>()
  const noticeChange = (url: string, connected: boolean): void => {
    if ((live.get(url) ?? false) === connected) return
    live.set(url, connected)
    onChange(connected ? `connected to ${url}` : `lost ${url}, trying again`)
  }
  return () => {
    const { consumer, lagMs } = pipeline()
    return consumer.stats().sources.map(({ id, connected, lastSeq }, i) => {
      const url = configs[i]?.url ?? id
      noticeChange(url, connected)
      return {
        id,
        url,
        kind: configs[i]?.kind ?? 'relay',
        state: connected ? 'live' : 'connecting',
        seq: lastSeq === 0 ? null : lastSeq,
        lagMs: lagMs(id),
      }
    })
  }
}
