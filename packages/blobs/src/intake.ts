import { createHash } from 'node:crypto'

import { cidFromDigest } from '@avocet/data'

import { BlobError } from './error.ts'
import { SNIFF_BYTES } from './sniff.ts'
import type { StoredBlob } from './store.ts'

/** Bytes of one blob as they come in: counted, hashed, and the first of them kept. */
export interface Intake {
  /** @throws BlobError `too-large` */
  add(chunk: Uint8Array): void
  /** What came in. To be called once, after the last chunk. */
  end(): StoredBlob
}

/** An intake of at most `limit` bytes. */
export function createIntake(limit: number): Intake {
  const hash = createHash('sha256')
  const head = new Uint8Array(SNIFF_BYTES)
  let size = 0
  return {
    add: (chunk) => {
      if (size + chunk.length > limit) throw new BlobError('too-large', `Blob is too large; max=${limit}`)
      if (size < SNIFF_BYTES) head.set(chunk.subarray(0, SNIFF_BYTES - size), size)
      hash.update(chunk)
      size += chunk.length
    },
    end: () => ({
      cid: cidFromDigest('raw', new Uint8Array(hash.digest())),
      size,
      head: head.subarray(0, Math.min(size, SNIFF_BYTES)),
    }),
  }
}
