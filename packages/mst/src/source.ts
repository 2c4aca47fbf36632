import { type BlockMap, CidMap } from '@avocet/data'
import type { NodeSource } from './lookup.ts'

/** A source that notes which of its blocks were read. */
export function recordReads(source: NodeSource): { recording: NodeSource; read: BlockMap } {
  const read: BlockMap = new CidMap<Uint8Array>()
  const recording: NodeSource = {
    get(cid) {
      const bytes = source.get(cid)
      if (bytes !== undefined) read.set(cid, bytes)
      return bytes
    },
  }
  return { recording, read }
}

/** One source before another: what `first` does not have comes from `second`. */
export function overlay(first: NodeSource, second: NodeSource): NodeSource {
  return { get: (cid) => first.get(cid) ?? second.get(cid) }
}
