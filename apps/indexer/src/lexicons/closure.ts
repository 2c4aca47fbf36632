// A lexicon with all that it refers to.

import { type Catalog, dependencies, type LexiconDocument } from '@avocet/lexicon'

/** Documents that one refers to, at whatever distance. */
const MAX_DOCUMENTS = 1000

/** The documents of these lexicons and of all that they refer to, each once, in the order of their names. */
export function closureOf(catalog: Catalog, nsids: Iterable<string>): LexiconDocument[] {
  const seen = new Set(nsids)
  const found: LexiconDocument[] = []
  for (const nsid of seen) {
    const document = catalog.get(nsid)
    if (document === undefined) continue
    found.push(document)
    for (const other of dependencies(document)) if (seen.size < MAX_DOCUMENTS) seen.add(other)
  }
  return found.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
