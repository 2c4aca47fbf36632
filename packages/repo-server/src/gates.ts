import { networkOf } from '@avocet/xrpc-server'

import { RepoServerError } from './error.ts'

/** Whom a piece of work is done for. */
export interface Requester {
  /** Null for somebody who did not say. */
  readonly did: string | null
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
  /** @throws RepoServerError `too-many-at-once`, `busy` */
  run<T>(requester: Requester, task: () => Promise<T>): Promise<T>
  /**
   * The same for what goes on after the answer began: the place is kept until the stream has ended or is let go.
   * @throws RepoServerError `too-many-at-once`, `busy`
   */
  stream<T>(requester: Requester, open: () => Promise<AsyncIterable<T>>): Promise<AsyncIterable<T>>
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

  /** Takes a place. @returns what gives it back, which may be called again */
  const enterAll = ({ did, address }: Requester): (() => void) => {
    if (total >= limits.total)
      throw new RepoServerError('busy', `Too many ${what} on this server, try again later`)
    const network = address === null ? null : `at ${networkOf(address)}`
    const refusal = `Too many ${what} at once`
    if (did !== null && !enter(did, limits.perAccount)) throw new RepoServerError('too-many-at-once', refusal)
    if (network !== null && !enter(network, limits.perAddress)) {
      if (did !== null) leave(did)
      throw new RepoServerError('too-many-at-once', refusal)
    }
    total += 1
    let isIn = true
    return () => {
      if (!isIn) return
      isIn = false
      total -= 1
      if (did !== null) leave(did)
      if (network !== null) leave(network)
    }
  }

  return {
    run: async (requester, task) => {
      const out = enterAll(requester)
      try {
        return await task()
      } finally {
        out()
      }
    },
    stream: async (requester, open) => {
      const out = enterAll(requester)
      try {
        return leaving(await open(), out)
      } catch (error) {
        out()
        throw error
      }
    },
  }
}

/** The same stream; `out` is called when it has ended, failed, or is let go, begun or not. */
function leaving<T>(source: AsyncIterable<T>, out: () => void): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = source[Symbol.asyncIterator]()
      return {
        next: async () => {
          try {
            const step = await iterator.next()
            if (step.done === true) out()
            return step
          } catch (error) {
            out()
            throw error
          }
        },
        return: async () => {
          out()
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
