// Which collections are wanted.

/** Whether a collection is to be indexed. */
export type IsWanted = (collection: string) => boolean

/** @param patterns exact names, or namespaces ending in `.*`; null wants all */
export function createFilter(patterns: readonly string[] | null): IsWanted {
  if (patterns === null) return () => true
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('.*')))
  const prefixes = prefixesOf(patterns)
  return (collection) => exact.has(collection) || prefixes.some((prefix) => collection.startsWith(prefix))
}

/** Those of `patterns` that want something that `others` do not. Null wants all. */
export function beyond(
  patterns: readonly string[] | null,
  others: readonly string[] | null,
): readonly string[] | null {
  if (others === null) return []
  if (patterns === null) return null
  const known = new Set(others)
  const prefixes = prefixesOf(others)
  const covers = (pattern: string): boolean =>
    known.has(pattern) || prefixes.some((prefix) => pattern.startsWith(prefix))
  return patterns.filter((pattern) => !covers(pattern))
}

const prefixesOf = (patterns: readonly string[]): string[] =>
  patterns.filter((pattern) => pattern.endsWith('.*')).map((pattern) => pattern.slice(0, -1))
