// Somebody who guesses one account's password through whichever process the front server picks. The limit is one for all of them.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Guesses in five minutes that the server lets one network make at one account. */
const LIMIT = 30
const WINDOW_MS = 5 * 60_000

/** A guesser at work. */
export interface Guesser {
  /** Stops it. @throws Error when more guesses passed than the limit allows all processes together */
  stop(): Promise<GuesserFigures>
}

/** What came of it. */
export interface GuesserFigures {
  readonly passed: number
  readonly refused: number
}

/** Begins. @param logs of the processes: while one says that Redis does not answer, each counts for itself */
export function startGuesser(url: string, identifier: string, logs: readonly string[]): Guesser {
  const over = new AbortController()
  const began = performance.now()
  let [passed, refused] = [0, 0]
  const guess = async (): Promise<void> => {
    const response = await fetch(`${url}/xrpc/com.atproto.server.createSession`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identifier, password: 'a guess' }),
    })
    await response.body?.cancel()
    if (response.status === 401) passed += 1
    else if (response.status === 429) {
      refused += 1
      const left = response.headers.get('ratelimit-remaining')
      if (left !== '0') throw new Error(`a guess was refused with ${left} left`)
    } else if (response.status < 500) throw new Error(`a guess was answered with ${response.status}`)
  }
  const work = (async () => {
    while (!over.signal.aborted) {
      try {
        await guess()
      } catch (error) {
        // A process that was killed under it.
        if (!(error instanceof TypeError)) throw error
      }
      await delay(100)
    }
  })()
  // Told at the end.
  work.catch(() => {})
  return {
    stop: async () => {
      over.abort()
      await work
      const windows = 1 + Math.floor((performance.now() - began) / WINDOW_MS)
      const away = logs.filter((log) => readFileSync(log, 'utf8').includes('no answer of Redis')).length
      const most = LIMIT * windows * (1 + away)
      if (passed > most)
        throw new Error(`${passed} guesses passed; most=${most}, processes without Redis=${away}`)
      if (refused === 0 && passed >= LIMIT) throw new Error('no guess was refused')
      return { passed, refused }
    },
  }
}
