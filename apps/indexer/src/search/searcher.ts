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
  /** @returns null: it took too long, or too many wait */
  ask(sql: string, params: readonly (string | number)[]): Promise<readonly Found[] | null>
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
  const waiting: Waiting[] = []
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
      if (waiting[0]?.id !== id) return
      const { resolve, reject } = waiting.shift()!
      if (rows === undefined) reject(new Error(error))
      else resolve(rows)
      next()
    })
    started.on('error', () => {})
    started.on('exit', () => {
      if (child !== started) return
      child = null
      waiting.shift()?.reject(new Error('the process that searches has ended'))
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
    const [first] = waiting
    if (first === undefined || closed) return
    if (child === null) {
      isReady = false
      child = start()
    }
    timer = setTimeout(giveUp, isReady ? maxMs : START_MS)
    if (!isReady) return
    const { id, sql, params } = first
    child.send({ id, sql, params } satisfies SearchRequest)
  }

  const giveUp = (): void => {
    child?.kill('SIGKILL')
    child = null
    waiting.shift()?.resolve(null)
    next()
  }

  return {
    ask(sql, params) {
      if (closed || waiting.length >= MAX_WAITING) return Promise.resolve(null)
      return new Promise((resolve, reject) => {
        waiting.push({ id: ++asked, sql, params, resolve, reject })
        if (waiting.length === 1) next()
      })
    },
    async close() {
      closed = true
      clearTimeout(timer)
      for (const { resolve } of waiting.splice(0)) resolve(null)
      const last = child
      child = null
      if (last === null || last.exitCode !== null || last.signalCode !== null) return
      last.kill('SIGKILL')
      await once(last, 'exit')
    },
  }
}
