import { dependencies } from '../links.ts'
import type { LexiconDocument } from '../document.ts'
import type { LexiconResolver, ResolvedLexicon, ResolveFailure } from './types.ts'

/** Lexicons with everything they refer to. */
export type LexiconClosure = {
  /** What was resolved, in the order of their NSIDs. */
  readonly resolved: readonly ResolvedLexicon[]
  /** What could not be; `neededBy` names a document that refers to it. */
  readonly failed: readonly (ResolveFailure & { readonly neededBy: string | null })[]
}

/** Options of `resolveClosure`. */
export type ClosureOptions = {
  /** Documents that are at hand and need no resolution. */
  readonly known?: (nsid: string) => LexiconDocument | undefined
  /** Most documents to resolve (default 500); beyond it the rest fails. */
  readonly maxDocuments?: number
  /** At the same time (default 8). */
  readonly concurrency?: number
  readonly signal?: AbortSignal
}

/** Resolves lexicons, and whatever they refer to, until nothing is missing. */
export async function resolveClosure(
  resolver: LexiconResolver,
  nsids: Iterable<string>,
  options: ClosureOptions = {},
): Promise<LexiconClosure> {
  const { known = () => undefined, maxDocuments = 500, concurrency = 8, signal } = options
  const resolved: ResolvedLexicon[] = []
  const failed: (ResolveFailure & { neededBy: string | null })[] = []
  const seen = new Set<string>()
  let next: { nsid: string; neededBy: string | null }[] = []
  const need = (nsid: string, neededBy: string | null): void => {
    if (seen.has(nsid)) return
    seen.add(nsid)
    const document = known(nsid)
    if (document === undefined) next.push({ nsid, neededBy })
    else for (const dependency of dependencies(document)) need(dependency, nsid)
  }
  for (const nsid of nsids) need(nsid, null)
  while (next.length > 0) {
    const batch = next.slice(0, concurrency)
    next = next.slice(concurrency)
    const results = await Promise.all(
      batch.map(async ({ nsid, neededBy }) => {
        if (resolved.length + failed.length >= maxDocuments) {
          const message = `more than ${maxDocuments} documents are needed; nsid=${nsid}`
          return { neededBy, error: { code: 'fetch-failed' as const, message, nsid } }
        }
        const result = await resolver.resolve(nsid, signal === undefined ? {} : { signal })
        return result.ok ? { neededBy, value: result.value } : { neededBy, error: result.error }
      }),
    )
    for (const { neededBy, value, error } of results) {
      if (value === undefined) {
        failed.push({ ...error, neededBy })
        continue
      }
      resolved.push(value)
      for (const dependency of dependencies(value.document)) need(dependency, value.nsid)
    }
  }
  const order = (a: { nsid: string }, b: { nsid: string }): number => (a.nsid < b.nsid ? -1 : 1)
  return { resolved: resolved.toSorted(order), failed: failed.toSorted(order) }
}
