// Searches are asked in a process of their own, with a connection that only reads: how long one takes depends on the words of strangers,
// and a thread cannot be ended while SQLite is at it.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Database } from '@avocet/sqlite'

/** A row that was found. */
export type Found = { readonly record: number }

/** Asks full-text indexes. */
export type Searcher = {
  /**
   * @param asker whose question it is: those who ask take turns, and of a full queue the last one goes of who has most in it
   * @returns null: it took too long, or too many wait
   */
  ask(sql: string, params: readonly (string | number)[], asker?: string): Promise<readonly Found[] | null>
  close(): Promise<void>
}

/** What the process is asked. */
export type SearchRequest = {
  readonly id: number
  readonly sql: string
  readonly params: readonly (string | number)[]
}
/** What it answers. */
export type SearchReply =
  | 'ready'
  | { readonly id: number; readonly rows?: readonly Found[]; readonly error?: string }

/** How long one question may take, ms. */
const MAX_MS = 2000
/** How long the process may take to begin, ms. */
const START_MS = 20_000
/** Questions that wait, the one that is asked included. */
const MAX_WAITING = 32

type Waiting = SearchRequest & {
  readonly asker: string
  /** When it is asked, in turns of all who wait: one that is behind another of its asker comes a turn later. */
  readonly turn: number
  readonly resolve: (rows: readonly Found[] | null) => void
  readonly reject: (error: Error) => void
}

/**
 * A searcher on a database file; one that takes longer than `maxMs` is ended with its process.
 * @param path null: the database is in memory, and asked where everything else is
 */
export function createSearcher(db: Database, path: string | null, maxMs: number = MAX_MS): Searcher {
  if (path === null) {
    return {
      ask: async (sql, params) => db.prepare(sql).all(...params) as Found[],
      close: () => Promise.resolve(),
    }
  }
  let active: Waiting | null = null
  const waiting: Waiting[] = []
  /** The turn that is under way. */
  let turn = 0
  let child: ChildProcess | null = null
  let timer: NodeJS.Timeout | undefined
  let asked = 0
  let closed = false
  /** Once it has opened the database: until then nothing is asked. */
  let isReady = false

  const start = (): ChildProcess => {
    const file = import.meta.url.endsWith('.ts') ? './process.ts' : './process.js'
    const started = fork(fileURLToPath(new URL(file, import.meta.url)), [path], {
      execArgv: [],
      serialization: 'advanced',
    })
    started.on('message', (reply: SearchReply) => {
      if (child !== started) return
      if (reply === 'ready') {
        isReady = true
        return next()
      }
      const { id, rows, error } = reply
      if (active?.id !== id) return
      const { resolve, reject } = active
      active = null
      if (rows === undefined) reject(new Error(error))
      else resolve(rows)
      next()
    })
    started.on('error', () => {})
    started.on('exit', () => {
      if (child !== started) return
      child = null
      active?.reject(new Error('the process that searches has ended'))
      active = null
      next()
    })
    // It holds nobody up who wants to end.
    started.unref()
    started.channel?.unref()
    return started
  }

  /** One at a time: so that who takes long is known. */
  const next = (): void => {
    clearTimeout(timer)
    if (closed) return
    active ??= takeNext()
    if (active === null) return
    if (child === null) {
      isReady = false
      child = start()
    }
    timer = setTimeout(giveUp, isReady ? maxMs : START_MS)
    if (!isReady) return
    const { id, sql, params } = active
    child.send({ id, sql, params } satisfies SearchRequest)
  }

  const giveUp = (): void => {
    child?.kill('SIGKILL')
    child = null
    active?.resolve(null)
    active = null
    next()
  }

  /** Takes the one whose turn it is out of the queue; of several the one that came first. */
  const takeNext = (): Waiting | null => {
    const first = waiting.reduce<Waiting | null>(
      (best, one) => (best === null || one.turn < best.turn ? one : best),
      null,
    )
    if (first === null) return null
    waiting.splice(waiting.indexOf(first), 1)
    turn = first.turn
    return first
  }

  const ofAsker = (asker: string): Waiting[] => waiting.filter((one) => one.asker === asker)

  /** Makes room in a full queue for who has less in it than somebody else. @returns whether there is room */
  const makeRoom = (asker: string): boolean => {
    if (waiting.length + (active === null ? 0 : 1) < MAX_WAITING) return true
    const counts = [...Map.groupBy(waiting, (one) => one.asker).values()]
    const most = counts.toSorted((a, b) => b.length - a.length)[0] ?? []
    if (most.length <= ofAsker(asker).length + 1) return false
    const last = most.at(-1)!
    waiting.splice(waiting.indexOf(last), 1)
    last.resolve(null)
    return true
  }

  return {
    ask(sql, params, asker = '') {
      if (closed || !makeRoom(asker)) return Promise.resolve(null)
      return new Promise((resolve, reject) => {
        const behind = Math.max(turn, ...ofAsker(asker).map((one) => one.turn))
        waiting.push({ id: ++asked, sql, params, asker, turn: behind + 1, resolve, reject })
        if (active === null) next()
      })
    },
    async close() {
      closed = true
      clearTimeout(timer)
      for (const { resolve } of [...waiting.splice(0), ...(active === null ? [] : [active])]) resolve(null)
      active = null
      const last = child
      child = null
      if (last === null || last.exitCode !== null || last.signalCode !== null) return
      last.kill('SIGKILL')
      await once(last, 'exit')
    },
  }
}
