// The links of a record as its row keeps them: so that they can be taken out again without reading the record.

import { hash as digest } from 'node:crypto'
import type { Database } from '@avocet/sqlite'
import type { Names } from '../database/names.ts'
import type { Link } from './links.ts'

/** Bytes of a target's hash. */
export const TARGET_LENGTH = 8
const POINTER = TARGET_LENGTH + 4

/** Writes what a target is called in the table `links`: `TARGET_LENGTH` bytes at `at`. */
export type HashTarget = (target: string, into: Uint8Array, at: number) => void

/** The hash of this database: with a secret, so that nobody outside can make two targets alike. */
export function createTargetHash(db: Database): HashTarget {
  const secret = db.raw.prepare('SELECT hex(secret) AS secret FROM link_secret').get()!['secret'] as string
  return (target, into, at) => {
    // As text: a buffer of its own costs three times as much as the hash.
    const text = digest('sha256', secret + target, 'binary')
    for (let i = 0; i < TARGET_LENGTH; i++) into[at + i] = text.charCodeAt(i)
  }
}

/** Links as bytes; null for none. Inside a transaction: their places get ids. */
export function packPointers(links: readonly Link[], hash: HashTarget, names: Names): Uint8Array | null {
  if (links.length === 0) return null
  const packed = new Uint8Array(links.length * POINTER)
  const view = new DataView(packed.buffer)
  for (const [i, { target, path }] of links.entries()) {
    hash(target, packed, i * POINTER)
    view.setUint32(i * POINTER + TARGET_LENGTH, names.add(path))
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
    call(packed.subarray(at, at + TARGET_LENGTH), view.getUint32(at + TARGET_LENGTH))
  }
}
