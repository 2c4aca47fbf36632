// Guesses at a password or a token: so many wrong ones of one address, and of all together, before nobody is asked for it any more.

import { networkOf } from '@avocet/xrpc-server'

/** Bounds of wrong answers: so many at once, and one more each interval. */
const BURST = 10
const ONE_EACH_MS = 6000
const BURST_OF_ALL = 200
const ONE_OF_ALL_EACH_MS = 300
/** Networks that are remembered: those that guess, and those that knew. */
const MAX_NETWORKS = 10_000

/** Counts wrong answers. */
export type Guesses = {
  /** Whether an answer of this address is looked at now; else how long it is to wait, s. */
  wait(address: string | null): number
  /** What came of it. */
  note(address: string | null, isRight: boolean): void
}

/** @param options.perAddress whether addresses are those of callers; behind a proxy all have one */
export function createGuesses(options: {
  readonly perAddress: boolean
  readonly now: () => number
}): Guesses {
  const { perAddress, now } = options
  /** By network, when all that was wrong is forgotten; the oldest first. */
  const wrong = new Map<string, number>()
  let wrongOfAll = 0
  /** Who knew it is not shut out by others' guesses. */
  const known = new Set<string>()

  const keep = (key: string, until: number): void => {
    wrong.delete(key)
    wrong.set(key, until)
    if (wrong.size > MAX_NETWORKS) wrong.delete(wrong.keys().next().value!)
  }
  /** How long until one more may be wrong, ms. */
  const left = (until: number, burst: number, eachMs: number): number =>
    Math.max(0, until - (burst - 1) * eachMs - now())

  return {
    wait(address) {
      const network = networkOf(address ?? '')
      const own = perAddress ? left(wrong.get(network) ?? 0, BURST, ONE_EACH_MS) : 0
      const all = perAddress && known.has(network) ? 0 : left(wrongOfAll, BURST_OF_ALL, ONE_OF_ALL_EACH_MS)
      return Math.ceil(Math.max(own, all) / 1000)
    },
    note(address, isRight) {
      const network = networkOf(address ?? '')
      if (isRight) {
        known.delete(network)
        known.add(network)
        if (known.size > MAX_NETWORKS) known.delete(known.keys().next().value!)
        return
      }
      if (perAddress) keep(network, Math.max(now(), wrong.get(network) ?? 0) + ONE_EACH_MS)
      wrongOfAll = Math.max(now(), wrongOfAll) + ONE_OF_ALL_EACH_MS
    },
  }
}
