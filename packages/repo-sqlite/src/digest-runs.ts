import { digestOf } from './rows.ts'
import type { CID } from '@avocet/data'

/** Where blocks are, collected to be put into the index in the order of their digests. */
export interface DigestRuns {
  add(cid: CID, id: number): void
  /** Whether so much is held that it should be taken. */
  isFull(): boolean
  /** Takes everything, some in the order of digests at a time. */
  take(): Generator<readonly DigestPlace[], void>
}

/** A digest and the id of its block. */
export type DigestPlace = readonly [digest: Uint8Array, id: number]

const DIGEST = 32
/** A digest, and the id as a float. */
const ENTRY = DIGEST + 8
/** By the first byte. */
const BUCKETS = 256
/** Entries held, 10 MB. The more, the more of them fall on one page of a large index. */
const MAX_ENTRIES = 256 * 1024
/** Entries in one bucket: digests may be chosen to begin alike. */
const MAX_BUCKET = 4096
const FIRST_SIZE = 64

interface Bucket {
  entries: Buffer
  count: number
}

/** Collects in memory, in bytes: a million of objects would cost the garbage collector more than the sorting. */
export function createDigestRuns(): DigestRuns {
  let buckets: (Bucket | undefined)[] = []
  let total = 0
  let isBucketFull = false
  return {
    add(cid, id) {
      const digest = digestOf(cid)
      const bucket = (buckets[digest[0]!] ??= { entries: Buffer.alloc(FIRST_SIZE * ENTRY), count: 0 })
      const at = bucket.count * ENTRY
      if (at === bucket.entries.length) {
        const larger = Buffer.alloc(bucket.entries.length * 2)
        larger.set(bucket.entries)
        bucket.entries = larger
      }
      bucket.entries.set(digest, at)
      bucket.entries.writeDoubleLE(id, at + DIGEST)
      bucket.count++
      total++
      if (bucket.count >= MAX_BUCKET) isBucketFull = true
    },
    isFull: () => isBucketFull || total >= MAX_ENTRIES,
    *take() {
      const taken = buckets
      buckets = []
      total = 0
      isBucketFull = false
      for (let i = 0; i < BUCKETS; i++) {
        const bucket = taken[i]
        if (bucket !== undefined) yield sorted(bucket)
      }
    },
  }
}

/** By the four bytes after the first: the order saves pages, nothing depends on it. */
function sorted({ entries, count }: Bucket): DigestPlace[] {
  const keys = new Float64Array(count)
  for (let i = 0; i < count; i++) keys[i] = entries.readUInt32BE(i * ENTRY + 1) * 2 ** 20 + i
  keys.sort()
  return Array.from(keys, (key) => {
    const at = (key % 2 ** 20) * ENTRY
    return [entries.subarray(at, at + DIGEST), entries.readDoubleLE(at + DIGEST)]
  })
}
