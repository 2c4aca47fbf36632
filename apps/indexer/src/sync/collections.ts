// Which collections are wanted.

/** Whether a collection is to be indexed. */
export type IsWanted = (collection: string) => boolean

/** @param patterns exact names, or namespaces ending in `.*`; null wants all */
export function createFilter(patterns: readonly string[] | null): IsWanted {
  if (patterns === null) return () => true
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('.*')))
  const prefixes = patterns.filter((pattern) => pattern.endsWith('.*')).map((pattern) => pattern.slice(0, -1))
  return (collection) => exact.has(collection) || prefixes.some((prefix) => collection.startsWith(prefix))
}
