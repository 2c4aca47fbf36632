// https://atproto.com/specs/label#label-distribution-endpoints
import * as QueryLabels from '@avocet/lexicons/com.atproto.label.queryLabels'
import { XrpcError } from '@avocet/xrpc'
import type { MethodEntry, Router } from '@avocet/xrpc-server'
import { isInForce } from '../label-set.ts'
import type { Labeler } from './labeler.ts'
import type { StoredLabel } from './store.ts'

/** Options of {@link queryLabels}. */
export interface QueryLabelsOptions extends Omit<
  MethodEntry<typeof QueryLabels.main>,
  'handler' | 'auth' | 'permit'
> {
  /**
   * Leaves out negations and expired labels. Default false: who keeps a copy learns of what was retracted by asking on at the cursor, as
   * at other labelers.
   */
  readonly inForceOnly?: boolean
  /** Patterns in one call at most. Default 100. */
  readonly maxPatterns?: number
  /** Clock, milliseconds since the epoch. */
  readonly now?: () => number
}

/** Times that a store is asked for one answer; each looks at a bounded number of labels. */
const MAX_ROUNDS = 8

/**
 * Adds `com.atproto.label.queryLabels` to a router: the newest statement about each subject, value and version, by seq. A pattern is a
 * URI, or the beginning of one and `*`. The cursor of the last page stays good for asking what is new.
 */
export function queryLabels(router: Router, labeler: Labeler, options: QueryLabelsOptions = {}): void {
  const { inForceOnly = false, maxPatterns = 100, now = Date.now, ...entry } = options
  router.add(QueryLabels.main, {
    ...entry,
    async handler({ params }) {
      const { uriPatterns, sources, limit } = params
      if (uriPatterns.length > maxPatterns) throw refuse(`too many uriPatterns; max=${maxPatterns}`)
      const query = readPatterns(uriPatterns)
      const begin = readCursor(params.cursor)
      if (sources !== undefined && !sources.includes(labeler.did)) return { labels: [] }
      const found: StoredLabel[] = []
      let after = begin
      for (let round = 0; round < MAX_ROUNDS && found.length < limit; round++) {
        const page = await labeler.find({ ...query, after, limit: limit - found.length })
        const last = page.next ?? page.labels.at(-1)?.seq
        if (last !== undefined) after = last
        for (const stored of page.labels) {
          if (!inForceOnly || isInForce(stored.label, now())) found.push(stored)
        }
        if (page.next === null) break
        // Others have their turn.
        await new Promise((resolve) => setTimeout(resolve, 0))
      }
      const labels = found.map(({ label }) => label)
      // A number that is not durable yet could be given out again.
      const cursor = Math.min(after, await labeler.newest())
      return cursor > begin ? { cursor: String(cursor), labels } : { labels }
    },
  })
}

/** Patterns as a query, without those that a shorter one covers. */
function readPatterns(patterns: readonly string[]): { uris: string[]; prefixes: string[] } {
  const uris = new Set<string>()
  const begins: string[] = []
  for (const pattern of patterns) {
    const star = pattern.indexOf('*')
    if (star === -1) uris.add(pattern)
    else if (star === pattern.length - 1) begins.push(pattern.slice(0, -1))
    else throw refuse('only a * at the end of a pattern is supported')
  }
  const prefixes: string[] = []
  for (const prefix of begins.toSorted((a, b) => a.length - b.length)) {
    if (!prefixes.some((shorter) => prefix.startsWith(shorter))) prefixes.push(prefix)
  }
  return { uris: [...uris].filter((uri) => !prefixes.some((prefix) => uri.startsWith(prefix))), prefixes }
}

function readCursor(text: string | undefined): number {
  if (text === undefined) return 0
  const cursor = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(cursor)) throw refuse('not a cursor of this service')
  return cursor
}

function refuse(message: string): XrpcError {
  return new XrpcError(400, 'InvalidRequest', message)
}
