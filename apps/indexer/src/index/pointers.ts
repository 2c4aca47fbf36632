// The links of a record as its row keeps them: so that they can be taken out again without reading the record.

import { hash as digest } from 'node:crypto'
import type { Database } from '@avocet/sqlite'
import type { Names } from '../database/names.ts'
import type { Link } from './links.ts'

/** Bytes of a target's hash, and of one pointer. */
const HASH = 8
const POINTER = HASH + 4

/** What a target is called in the table `links`. */
export type HashTarget = (target: string) => Uint8Array

/** The hash of this database: with a secret, so that nobody outside can make two targets alike. */
export function createTargetHash(db: Database): HashTarget {
  const secret = db.raw.prepare('SELECT hex(secret) AS secret FROM link_secret').get()!['secret'] as string
  return (target) => digest('sha256', secret + target, 'buffer').subarray(0, HASH)
}

/** Links as bytes; null for none. Inside a transaction: their places get ids. */
export function packPointers(links: readonly Link[], hash: HashTarget, names: Names): Uint8Array | null {
  if (links.length === 0) return null
  const packed = new Uint8Array(links.length * POINTER)
  const view = new DataView(packed.buffer)
  for (const [i, { target, path }] of links.entries()) {
    packed.set(hash(target), i * POINTER)
    view.setUint32(i * POINTER + HASH, names.add(path))
  }
  return packed
}

/** How many pointers there are. */
export function countPointers(packed: Uint8Array | null): number {
  return packed === null ? 0 : packed.length / POINTER
}

/** Calls back for the first `limit` pointers. */
export function eachPointer(
  packed: Uint8Array | null,
  limit: number,
  call: (target: Uint8Array, path: number) => void,
): void {
  if (packed === null) return
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let at = 0, i = 0; at < packed.length && i < limit; at += POINTER, i++) {
    call(packed.subarray(at, at + HASH), view.getUint32(at + HASH))
  }
}
