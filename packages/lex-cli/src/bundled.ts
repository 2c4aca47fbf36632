import type { LexiconDocument } from '@avocet/lexicon'

/** The documents that `@avocet/lexicons` has. Loaded on demand: parsing 387 of them is not for every command. */
export async function loadBundled(): Promise<(nsid: string) => LexiconDocument | undefined> {
  const { documents } = await import('@avocet/lexicons/catalog')
  const byId = new Map(documents.map((document) => [document.id, document]))
  return (nsid) => byId.get(nsid)
}
