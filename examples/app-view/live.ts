// The log of the indexer, as a page follows it.
import { indexer } from './config.ts'

/**
 * Asks at once, and again whenever something of this app happens. Nothing is left out: the place in the log is taken before the first
 * question, and a connection that is lost goes on where it was.
 * @param ask puts what there is on the page: one question at a time, five a second at most, whatever happens
 * @returns asks again, as after a click
 */
export function follow(ask: () => Promise<void>): () => void {
  const state = { isAsking: false, isStale: false }
  const changed = async (): Promise<void> => {
    state.isStale = true
    if (state.isAsking) return
    state.isAsking = true
    while (state.isStale) {
      state.isStale = false
      await ask()
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    state.isAsking = false
  }
  const open = async (): Promise<void> => {
    const now = await fetch(`${indexer}/listEvents?limit=1`)
    const { cursor } = (await now.json()) as { cursor: number }
    void changed()
    const stream = new EventSource(`${indexer}/stream?cursor=${cursor}&collections=com.example.reading.*`)
    stream.addEventListener('message', changed)
    // The break was longer than the log is kept.
    stream.addEventListener('info', changed)
    // A browser comes back by itself, unless it was refused, as one too many is.
    stream.addEventListener('error', () => stream.readyState === EventSource.CLOSED && again())
  }
  const again = (): void => void setTimeout(() => void start(), 5_000)
  const start = (): Promise<void> =>
    open().catch(() => {
      // It says why nothing is there.
      void changed()
      again()
    })
  void start()
  return () => void changed()
}
