import { networkOf, type RateLimitStore } from '@avocet/xrpc-server'

/** Requests that a limit refused within the last hour. */
export interface LimitHit {
  readonly limit: string
  /** The network they came from; null for all beyond those that are told apart. */
  readonly network: string | null
  readonly count: number
}

/** Which limits refused whom, in this process. */
export interface LimitHits {
  /** Counts a refusal. @param address of who was refused, or the network */
  readonly refused: (limit: string, address: string | null) => void
  /** Of the last hour, those with the most first. */
  list(): readonly LimitHit[]
}

/** Counts of rate limits, and what is told of each refusal. */
export interface WatchedCounts extends RateLimitStore {
  readonly refused?: LimitHits['refused']
}

const SLOT_MS = 5 * 60 * 1000
const SLOTS = 12
/** Pairs of limit and network told apart in five minutes; limits have names of ours, so that what is beyond is bounded too. */
const MAX_PAIRS = 500

/** Counts in memory. @param now milliseconds by a clock that nobody sets */
export function createLimitHits(now: () => number = () => performance.now()): LimitHits {
  let slots: { readonly slot: number; readonly counts: Map<string, LimitHit> }[] = []
  const slotNow = (): number => Math.floor(now() / SLOT_MS)
  const forget = (): void => {
    slots = slots.filter(({ slot }) => slot > slotNow() - SLOTS)
  }
  const add = (counts: Map<string, LimitHit>, { limit, network, count }: LimitHit): void => {
    const key = JSON.stringify([limit, network])
    counts.set(key, { limit, network, count: (counts.get(key)?.count ?? 0) + count })
  }
  return {
    refused: (limit, address) => {
      forget()
      if (slots.at(-1)?.slot !== slotNow()) slots.push({ slot: slotNow(), counts: new Map() })
      const { counts } = slots.at(-1)!
      const network = address === null ? '' : networkOf(address)
      const isKnown = counts.has(JSON.stringify([limit, network]))
      add(counts, { limit, network: isKnown || counts.size < MAX_PAIRS ? network : null, count: 1 })
    },
    list: () => {
      forget()
      const sums = new Map<string, LimitHit>()
      for (const { counts } of slots) for (const hit of counts.values()) add(sums, hit)
      return [...sums.values()].toSorted((one, other) => other.count - one.count)
    },
  }
}
