import type { CID } from 'multiformats/cid'
import { cidKey } from './cid.ts'

/** A `Map` keyed by the value of a CID, not by the identity of its object. Iterates in the order of insertion. */
export class CidMap<V> {
  readonly #entries = new Map<string, [CID, V]>()

  constructor(entries: Iterable<readonly [CID, V]> = []) {
    for (const [cid, value] of entries) this.set(cid, value)
  }

  get size(): number {
    return this.#entries.size
  }

  get(cid: CID): V | undefined {
    return this.#entries.get(cidKey(cid))?.[1]
  }

  has(cid: CID): boolean {
    return this.#entries.has(cidKey(cid))
  }

  set(cid: CID, value: V): this {
    this.#entries.set(cidKey(cid), [cid, value])
    return this
  }

  delete(cid: CID): boolean {
    return this.#entries.delete(cidKey(cid))
  }

  clear(): void {
    this.#entries.clear()
  }

  *keys(): Generator<CID, void> {
    for (const entry of this.#entries.values()) yield entry[0]
  }

  *values(): Generator<V, void> {
    for (const entry of this.#entries.values()) yield entry[1]
  }

  *entries(): Generator<[CID, V], void> {
    for (const entry of this.#entries.values()) yield [entry[0], entry[1]]
  }

  [Symbol.iterator](): Generator<[CID, V], void> {
    return this.entries()
  }
}

/** Blocks of a repository by their CID. */
export type BlockMap = CidMap<Uint8Array>
