// Look-ups of accounts that nothing is stored of: so many at a time for each source. Who makes accounts up spends its own source's time.

import type { Did } from '@avocet/syntax'

import { createUntilStopped } from './until-stopped.ts'

/** The lines in which such look-ups wait. */
export type Newcomers = {
  /** Begins the look-up when its line has a place, in the order they came. Rejects when the consumer stops before that. */
  run<T>(source: string, did: Did, lookUp: () => T | Promise<T>): Promise<T>
  /** Whether a source has as many as it may, waiting or under way. */
  isFull(source: string): boolean
}

type Line = { running: number; readonly waiting: (() => void)[] }

/** Look-ups of one line at a time: those of known accounts, and of other sources, find their turn between them. */
const NEWCOMERS_AT_ONCE = 64
/** Of one source. The places of their events in the cursor, and what keeps their order, are in memory. */
const MAX_NEWCOMERS = 10_000

/** No lines yet; one exists as long as something is in it. */
export function createNewcomers(signal: AbortSignal): Newcomers {
  const untilStopped = createUntilStopped(signal)
  const lines = new Map<string, Line>()
  const counts = new Map<string, number>()

  const add = (source: string, sign: 1 | -1): void => {
    const count = (counts.get(source) ?? 0) + sign
    if (count === 0) counts.delete(source)
    else counts.set(source, count)
  }

  const turn = (line: Line): Promise<void> =>
    untilStopped(new Promise((resolve) => line.waiting.push(resolve)))

  return {
    async run(source, did, lookUp) {
      const name = lineOf(source, did)
      const line = lines.get(name) ?? { running: 0, waiting: [] }
      lines.set(name, line)
      add(source, 1)
      try {
        // Whoever ends gives its place to the next one.
        if (line.running < NEWCOMERS_AT_ONCE) line.running++
        else await turn(line)
        return await lookUp()
      } finally {
        add(source, -1)
        const next = line.waiting.shift()
        if (next !== undefined) next()
        else if (--line.running === 0) lines.delete(name)
      }
    },
    isFull: (source) => (counts.get(source) ?? 0) >= MAX_NEWCOMERS,
  }
}

/** The directory has one, and so has each domain: documents of one that hang hold up no others. */
function lineOf(source: string, did: Did): string {
  if (!did.startsWith('did:web:')) return source
  const [host = ''] = did.slice('did:web:'.length).split(':')
  return `${source} ${host.split('.').slice(-2).join('.')}`
}
