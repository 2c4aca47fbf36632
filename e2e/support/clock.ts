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

/** Gives the pages of a browser's context a clock of their own. @returns puts it ahead of the real one, in pages of now and later */
export async function giveClock(context: BrowserContext): Promise<(seconds: number) => Promise<void>> {
  await context.addInitScript({ content: CLOCK })
  return async (seconds) => {
    const set = `globalThis.clockAhead = ${seconds * 1000}`
    await context.addInitScript({ content: set })
    await Promise.all(context.pages().map((page) => page.evaluate(set)))
  }
}

/** Puts the clock in the place of this process's: before the parts are made that go by it. */
export function installClock(): Clock {
  const before = Date
  const contexts = new Map<BrowserContext, (seconds: number) => Promise<void>>()
  let ahead = 0
  runInThisContext(CLOCK)
  return {
    advance: async (seconds) => {
      ahead += seconds
      runInThisContext(`globalThis.clockAhead = ${ahead * 1000}`)
      await Promise.all([...contexts.values()].map((set) => set(ahead)))
    },
    give: async (context) => {
      const set = await giveClock(context)
      contexts.set(context, set)
      context.on('close', () => contexts.delete(context))
      await set(ahead)
    },
    restore: () => {
      globalThis.Date = before
    },
  }
}
