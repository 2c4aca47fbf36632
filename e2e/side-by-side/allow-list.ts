// How entries of the allow-list are written and matched.
import type { Difference } from './compare.ts'

/** A difference that is meant, or not mended yet. `*` at the end of `call` or in a value stands for anything. */
export interface Allowed extends Difference {
  readonly reason: string
}

/** Entries that share a reason, each as `call | aspect | reference → avocet`, which is how differences are printed. */
export function because(reason: string, ...entries: readonly string[]): Allowed[] {
  return entries.map((entry) => {
    const parts = /^(.*?) \| (.*?) \| (.*) → (.*)$/s.exec(entry)
    if (parts === null) throw new Error(`not an entry: ${entry}`)
    const [call, aspect, reference, avocet] = parts.slice(1) as [string, string, string, string]
    return { call, aspect, reference, avocet, reason }
  })
}

/** A difference as an entry. */
const toEntry = ({ call, aspect, reference, avocet }: Difference): string =>
  `${call} | ${aspect} | ${reference} → ${avocet}`

/** Matches differences against a list, and remembers which entries were needed. */
export class AllowList {
  readonly #entries: readonly Allowed[]
  readonly #counts = new Map<Allowed, number>()

  constructor(entries: readonly Allowed[]) {
    this.#entries = entries
  }

  /** The differences that no entry names, as entries. */
  unlisted(differences: readonly Difference[]): string[] {
    const open = differences.filter((difference) => {
      const entry = this.#entries.find((allowed) => covers(allowed, difference))
      if (entry !== undefined) this.#counts.set(entry, (this.#counts.get(entry) ?? 0) + 1)
      return entry === undefined
    })
    return open.map(toEntry)
  }

  /** The entries that no difference needed. */
  stale(): string[] {
    return this.#entries.filter((entry) => !this.#counts.has(entry)).map(toEntry)
  }

  /** How many differences each reason covered. */
  byReason(): Map<string, number> {
    const counts = new Map<string, number>()
    for (const [{ reason }, count] of this.#counts) counts.set(reason, (counts.get(reason) ?? 0) + count)
    return counts
  }
}

function covers(allowed: Allowed, found: Difference): boolean {
  return (['call', 'aspect', 'reference', 'avocet'] as const).every((part) =>
    fits(allowed[part], found[part]),
  )
}

function fits(pattern: string, text: string): boolean {
  const [start, ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === text
  let at = start!.length
  if (!text.startsWith(start!)) return false
  for (const piece of rest) {
    const found = text.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return rest.at(-1) === '' || text.endsWith(rest.at(-1)!)
}
