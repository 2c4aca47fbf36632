// The lexicons that an operator gives: documents in folders.

import { type Catalog, LexiconError, type LexiconDocument } from '@avocet/lexicon'
import { loadLexicons } from '@avocet/lexicon/node'
import { IndexerError } from '../errors.ts'
import { catalogWith } from '../index/examine.ts'

/** What was loaded. */
export type Lexicons = {
  readonly documents: readonly LexiconDocument[]
  /** The bundled ones and these. */
  readonly catalog: Catalog
  /** The collections whose records these describe. */
  readonly collections: readonly string[]
}

/**
 * Loads the documents of folders.
 * @throws IndexerError `bad-config` for a folder that cannot be read, and documents that do not fit together
 */
export async function loadLexiconFolders(folders: readonly string[]): Promise<Lexicons> {
  const documents: LexiconDocument[] = []
  for (const folder of folders) {
    try {
      documents.push(...(await loadLexicons(folder)))
    } catch (cause) {
      throw new IndexerError('bad-config', `Cannot load lexicons of ${folder}: ${(cause as Error).message}`, {
        cause,
      })
    }
  }
  return lexiconsOf(documents)
}

/** @throws IndexerError `bad-config` for documents that do not fit together */
export function lexiconsOf(documents: readonly LexiconDocument[]): Lexicons {
  try {
    const collections = documents.filter(({ defs }) => defs['main']?.type === 'record').map(({ id }) => id)
    return { documents, catalog: catalogWith(documents), collections }
  } catch (cause) {
    if (!(cause instanceof LexiconError)) throw cause
    throw new IndexerError('bad-config', `Cannot use the lexicons: ${cause.message}`, { cause })
  }
}
