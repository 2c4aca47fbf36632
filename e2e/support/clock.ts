// A clock that can be put ahead, for this process and for pages: what lasts minutes need not be waited for.
import { runInThisContext } from 'node:vm'

import type { BrowserContext } from 'playwright-core'

/** Code that makes `Date` go ahead by `clockAhead` milliseconds. */
const CLOCK = `{
  const Real = Date
  globalThis.clockAhead = 0
  globalThis.Date = class Date extends Real {
    constructor(...given) {
      if (given.length === 0) super(Real.now() + clockAhead)
      else super(...given)
    }
    static now() {
      return Real.now() + clockAhead
    }
  }
}`

/** The clock of this process, and of the pages that it was given to. */
export interface Clock {
  /** Puts it ahead, once more. */
  advance(seconds: number): Promise<void>
  /** Gives it to all pages of a browser's context. */
  give(context: BrowserContext): Promise<void>
  /** Takes it back from this process. */
  restore(): void
}

/** Puts the clock in the place of this process's: before the parts are made that go by it. */
export function installClock(): Clock {
  const before = Date
  const contexts = new Set<BrowserContext>()
  let ahead = 0
  runInThisContext(CLOCK)
  const set = (): string => `globalThis.clockAhead = ${ahead}`
  return {
    advance: async (seconds) => {
      ahead += seconds * 1000
      runInThisContext(set())
      for (const context of contexts) {
        await context.addInitScript({ content: set() })
        for (const page of context.pages()) await page.evaluate(set())
      }
    },
    give: async (context) => {
      contexts.add(context)
      context.on('close', () => contexts.delete(context))
      await context.addInitScript({ content: `${CLOCK};${set()}` })
    },
    restore: () => {
      globalThis.Date = before
    },
  }
}
