// Pages of the log for readers behind the tail, read once for all who want them at about the same time.

import type { EventSource, LoggedEvent, ReadLimit } from './types.ts'

/** Reads of the log that readers share. */
export type Pages = {
  /** Events after `after`, at most a page, possibly fewer than the log has. Empty only if the log has no more. */
  read(after: number): Promise<LoggedEvent[]>
  /** Something was removed from the log: nothing read before may be handed out. */
  forget(): void
  /** How often the log was read. */
  reads(): number
}

/** Pages kept: readers of one stretch of the log come one soon after the other; older stretches are read again. */
const MAX_PAGES = 4

type Page = {
  readonly after: number
  /** The last seq of the page; `after` while it is being read. */
  last: number
  isLoading: boolean
  readonly events: Promise<LoggedEvent[]>
}

/** Pages of `limit` from `log`. */
export function createPages<Tx>(log: EventSource<Tx>, limit: ReadLimit): Pages {
  let pages: Page[] = []
  let count = 0

  const load = (after: number): Page => {
    count++
    // `async` so that a log that throws rejects, whether it answers at once or later.
    const events = (async () => await log.read(after, limit))()
    const page: Page = { after, last: after, isLoading: true, events }
    pages = [page, ...pages.slice(0, MAX_PAGES - 1)]
    const drop = (): void => {
      pages = pages.filter((other) => other !== page)
    }
    events.then((found) => {
      page.isLoading = false
      // Nothing is not worth keeping: there may be something the next time.
      if (found.length === 0) drop()
      else page.last = found.at(-1)!.seq
    }, drop)
    return page
  }

  return {
    async read(after) {
      for (;;) {
        // A reader from anywhere within a page gets the rest of it, and goes on in step with the others from there.
        const page = pages.find((one) => one.after === after || (one.after < after && after < one.last))
        if (page !== undefined) {
          const events = await page.events
          if (page.after !== after) return events.slice(events.findIndex(({ seq }) => seq > after))
          if (events.length > 0) return events
          // That read began before this call: there may be something by now.
          continue
        }
        const coming = pages.find(
          (one) => one.isLoading && one.after < after && after < one.after + limit.count,
        )
        if (coming === undefined) return await load(after).events
        // It may hold what this reader wants. If it fails, that is for those who asked for it.
        await coming.events.catch(() => {})
      }
    },
    forget() {
      pages = []
    },
    reads: () => count,
  }
}
