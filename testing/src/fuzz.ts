// Random input that is the same in every run, and how much of it: a little in `npm test`, all of it where AVOCET_FUZZ is set.

/** A source of numbers; the same seed gives the same numbers. */
export interface Random {
  /** A whole number in [0, max). */
  below(max: number): number
  /** One of the items. */
  pick<T>(items: readonly T[]): T
  /** Random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>
}

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const below = (max: number): number => Math.floor(next() * max)
  return {
    below,
    pick: (items) => items.at(below(items.length))!,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  }
}

/** Bytes that decoders look at: heads, lengths at their limits, breaks. */
const TELLING = [
  0, 1, 0x17, 0x18, 0x1b, 0x20, 0x40, 0x58, 0x5f, 0x60, 0x78, 0x7f, 0x80, 0x9b, 0xa0, 0xa1, 0xbb, 0xbf, 0xd8,
  0xf5, 0xf6, 0xf7, 0xf9, 0xfb, 0xff,
]

/** A copy of some bytes with one to four faults: changed, lost, inserted, repeated or foreign bytes. */
export function mutate(
  random: Random,
  input: Uint8Array,
  others: readonly Uint8Array[] = [input],
): Uint8Array {
  let bytes = Uint8Array.from(input)
  for (let faults = 1 + random.below(4); faults > 0; faults--) {
    const at = random.below(bytes.length + 1)
    const run = 1 + random.below(random.below(4) === 0 ? 64 : 4)
    switch (random.below(7)) {
      case 0:
        if (at < bytes.length) bytes.set([bytes.at(at)! ^ (1 << random.below(8))], at)
        break
      case 1:
        if (at < bytes.length) bytes[at] = random.below(256)
        break
      case 2:
        if (at < bytes.length) bytes[at] = random.pick(TELLING)
        break
      case 3:
        bytes = bytes.slice(0, at)
        break
      case 4:
        bytes = splice(bytes, at, run, new Uint8Array())
        break
      case 5:
        bytes = splice(bytes, at, 0, random.bytes(run))
        break
      default: {
        const other = random.pick(others)
        const from = random.below(other.length)
        bytes = splice(bytes, at, random.below(2) * run, other.slice(from, from + run * 4))
      }
    }
  }
  return bytes
}

function splice(bytes: Uint8Array, at: number, count: number, added: Uint8Array): Uint8Array<ArrayBuffer> {
  const rest = bytes.subarray(Math.min(bytes.length, at + count))
  const out = new Uint8Array(at + added.length + rest.length)
  out.set(bytes.subarray(0, at))
  out.set(added, at)
  out.set(rest, at + added.length)
  return out
}

/** How many rounds a fuzz test runs: `full` where AVOCET_FUZZ is set, else `usual`. */
export function fuzzRounds(usual: number, full: number): number {
  return isFullFuzz() ? full : usual
}

/** Bytes of memory that the process takes; 0 in a page, which cannot tell. */
export function residentBytes(): number {
  return typeof process === 'object' ? process.memoryUsage().rss : 0
}

/** Whether all of the random input was asked for. */
export function isFullFuzz(): boolean {
  return typeof process === 'object' && Boolean(process.env?.['AVOCET_FUZZ'])
}
