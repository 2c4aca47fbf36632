// What processes cost: their CPU time, over all their lives.

import { readFileSync, readdirSync } from 'node:fs'

/** Ticks of the kernel's clock in a second, as Linux tells times of processes. */
const TICKS = 100

/** CPU time in ms: of all threads, and of the busiest one; what ended before is in it. */
export type Usage = { readonly totalMs: number; readonly mainMs: number }

/** Adds up what processes under one name cost. */
export type Meter = {
  /** Takes note of a process; called again before it ends. */
  note(name: string, pid: number): void
  /** What each name cost since `mark`; empty where the system does not tell. */
  since(): ReadonlyMap<string, Usage>
  /** Counts from now on. */
  mark(): void
}

/** A meter that has nothing yet. */
export function createMeter(): Meter {
  const seen = new Map<string, Map<number, Usage>>()
  let marked = new Map<string, Usage>()
  const sumOf = (name: string): Usage => {
    for (const pid of seen.get(name)?.keys() ?? []) note(name, pid)
    const all = [...(seen.get(name)?.values() ?? [])]
    return {
      totalMs: all.reduce((sum, one) => sum + one.totalMs, 0),
      mainMs: all.reduce((sum, one) => sum + one.mainMs, 0),
    }
  }
  const sums = (): Map<string, Usage> => new Map([...seen.keys()].map((name) => [name, sumOf(name)]))
  const note = (name: string, pid: number): void => {
    const now = usageOf(pid)
    if (now === null) return
    const of = seen.get(name) ?? new Map<number, Usage>()
    seen.set(name, of.set(pid, now))
  }
  return {
    note,
    mark() {
      marked = sums()
    },
    since() {
      const none = { totalMs: 0, mainMs: 0 }
      return new Map(
        [...sums()].map(([name, { totalMs, mainMs }]) => {
          const before = marked.get(name) ?? none
          return [name, { totalMs: totalMs - before.totalMs, mainMs: mainMs - before.mainMs }]
        }),
      )
    },
  }
}

/** Null when it is gone, or the system has no `/proc`. */
function usageOf(pid: number): Usage | null {
  try {
    readdirSync(`/proc/${pid}/task`)
    return {
      totalMs: timeOf(readFileSync(`/proc/${pid}/stat`, 'utf8')),
      mainMs: timeOf(readFileSync(`/proc/${pid}/task/${pid}/stat`, 'utf8')),
    }
  } catch {
    return null
  }
}

/** Time as user and as system. The name stands in parentheses, and may have anything in it. */
function timeOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS
}
