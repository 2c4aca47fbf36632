import { networkOf } from '@avocet/xrpc-server'

import { PdsError } from '../errors.ts'

/** Whom a piece of work is done for. */
export interface Requester {
  readonly did: string
  readonly address: string | null
}

/** How many pieces of work of one kind run at a time. */
export interface GateLimits {
  readonly total: number
  readonly perAccount: number
  /** For one address, an IPv6 address by its /64. */
  readonly perAddress: number
}

/** Bounds work that takes long and holds memory, files or disk meanwhile. Nobody waits in line: who finds it full is refused. */
export interface Gate {
  /** @throws PdsError `too-many-at-once`, `busy` */
  run<T>(requester: Requester, task: () => Promise<T>): Promise<T>
}

/** A gate for work called `what` in its refusals. */
export function createGate(what: string, limits: GateLimits): Gate {
  const running = new Map<string, number>()
  let total = 0

  const enter = (key: string, limit: number): boolean => {
    const count = running.get(key) ?? 0
    if (count >= limit) return false
    running.set(key, count + 1)
    return true
  }
  const leave = (key: string): void => {
    const count = running.get(key)! - 1
    if (count === 0) running.delete(key)
    else running.set(key, count)
  }

  return {
    run: async ({ did, address }, task) => {
      if (total >= limits.total)
        throw new PdsError('busy', `Too many ${what} on this server, try again later`)
      const network = address === null ? null : `at ${networkOf(address)}`
      const refusal = `Too many ${what} at once`
      if (!enter(did, limits.perAccount)) throw new PdsError('too-many-at-once', refusal)
      if (network !== null && !enter(network, limits.perAddress)) {
        leave(did)
        throw new PdsError('too-many-at-once', refusal)
      }
      total += 1
      try {
        return await task()
      } finally {
        total -= 1
        leave(did)
        if (network !== null) leave(network)
      }
    },
  }
}
