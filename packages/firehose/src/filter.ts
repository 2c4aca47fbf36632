// Which collections the app wants, and a short name for that choice.

import type { Item } from './item.ts'
import type { Follows } from './options.ts'

/** Whether a collection matches one of the patterns: an exact name, or a namespace ending in `.*`. */
export function collectionFilter(patterns: readonly string[]): (collection: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('.*')).map((pattern) => pattern.slice(0, -1))
  return (collection) => exact.has(collection) || prefixes.some((prefix) => collection.startsWith(prefix))
}

/** The same text for the same choice, whatever its order; never empty. It is stored with each repo, so it is short. */
export function filterHash(patterns: readonly string[] | undefined): string {
  if (patterns === undefined) return 'all'
  // FNV-1a, 64 bits: told apart are the few choices of one operator, who is no adversary.
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode([...new Set(patterns)].toSorted().join(' '))) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn
  }
  return hash.toString(36)
}

/** The collections that a commit claims operations in; null for another event. */
export function claimsOf({ event }: Item): readonly string[] | null {
  if (event.kind !== 'commit') return null
  return event.ops.map(({ path }) => path.slice(0, path.indexOf('/')))
}

/** What a scope means; null: every repo is followed. */
export function followsOf(
  scope: 'all' | 'matching' | Follows,
  wanted: ((collection: string) => boolean) | null,
): Follows | null {
  if (typeof scope === 'function') return scope
  if (scope === 'all' || wanted === null) return null
  return (_did, claims) => claims?.some(wanted) === true
}
