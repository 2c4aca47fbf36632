import { formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import { createIntake } from './intake.ts'
import type { BlobStore, BlobUpkeep } from './store.ts'

/** Options of `createMemoryBlobs`. */
export interface MemoryBlobsOptions {
  /** The clock that blobs are stamped by; default `Date.now`. */
  readonly now?: () => number
}

/** Bytes handed out at a time. */
const CHUNK = 64 * 1024

/** Blobs in memory, for tests and for services that keep few. */
export function createMemoryBlobs({ now = Date.now }: MemoryBlobsOptions = {}): BlobStore & BlobUpkeep {
  const accounts = new Map<Did, Map<string, { bytes: Uint8Array; writtenAt: number }>>()
  return {
    put: async (did, source, limit) => {
      const intake = createIntake(limit)
      const chunks: Uint8Array[] = []
      for await (const chunk of source) {
        intake.add(chunk)
        // The sender may use its buffer again.
        chunks.push(new Uint8Array(chunk))
      }
      const stored = intake.end()
      const blobs = accounts.get(did) ?? new Map<string, { bytes: Uint8Array; writtenAt: number }>()
      blobs.set(formatCid(stored.cid), { bytes: Buffer.concat(chunks), writtenAt: now() })
      accounts.set(did, blobs)
      return stored
    },
    open: async (did, cid, range) => {
      const blob = accounts.get(did)?.get(cid)
      if (blob === undefined) return null
      return pieces(range === undefined ? blob.bytes : blob.bytes.subarray(range.start, range.end + 1))
    },
    list: async function* (did) {
      const blobs = [...(accounts.get(did) ?? [])]
      if (blobs.length === 0) return
      yield blobs.map(([cid, { bytes, writtenAt }]) => ({ cid, size: bytes.length, writtenAt }))
    },
    remove: async (did, cid) => {
      accounts.get(did)?.delete(cid)
    },
    removeAll: async (did) => {
      accounts.delete(did)
    },
    clean: async () => {},
    keepOnly: async (dids, before) => {
      const kept = new Set(dids)
      let removed = 0
      for (const [did, blobs] of accounts) {
        if (kept.has(did)) continue
        const old = [...blobs].filter(([, { writtenAt }]) => writtenAt < before)
        for (const [cid] of old) blobs.delete(cid)
        if (old.length > 0) removed += 1
      }
      return removed
    },
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK)
}
