// How long a consumer may take, by case: some are slow at one kind of events and quick at the others.

import type { Case } from './script.ts'
import { CASES } from './suite.ts'

/** How long a consumer may take to get past what was sent in a case, ms. */
export type TimeLimit = (item: Pick<Case, 'name' | 'group'>) => number

/** Long enough for a consumer that is not slow, ms. */
export const USUAL_TIME_LIMIT_MS = 3000

/**
 * Reads `5000` (for all), `costly=15000` (for a group) and `costly-keys=60000` (for one case). A case's own goes before its
 * group's, that before the one for all; of two for the same the later counts.
 * @throws Error what is not such a limit, or names no case
 */
export function parseTimeLimits(texts: readonly string[]): TimeLimit {
  const limits = new Map<string, number>()
  for (const text of texts) {
    const at = text.lastIndexOf('=')
    const name = text.slice(0, Math.max(0, at))
    const ms = text.slice(at + 1)
    if (!/^[1-9]\d{0,8}$/.test(ms)) throw new Error(`not a time in ms; timeout=${text}`)
    if (at !== -1 && !CASES.some((item) => item.name === name || item.group === name)) {
      throw new Error(`no such case or group; timeout=${text}`)
    }
    limits.set(name, Number(ms))
  }
  return ({ name, group }) => limits.get(name) ?? limits.get(group) ?? limits.get('') ?? USUAL_TIME_LIMIT_MS
}
