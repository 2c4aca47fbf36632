/** Numbers that a seed decides. */
export interface Random {
  /** A whole number from 0 to below `bound`. */
  below(bound: number): number
  /** True in one of `n` cases. */
  once(n: number): boolean
  pick<T>(list: readonly T[]): T
  /** So many bytes. */
  bytes(size: number): Uint8Array<ArrayBuffer>
}

/** Mulberry32: small, and good enough to choose what a client does next. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
  const below = (bound: number): number => next() % bound
  return {
    below,
    once: (n) => below(n) === 0,
    pick: (list) => list[below(list.length)]!,
    bytes: (size) => Uint8Array.from({ length: size }, () => next() & 0xff),
  }
}
