import type { Catalog } from '@avocet/lexicon'
import { catalog } from '@avocet/lexicons/catalog'

/** The lexicons of records that a host knows. */
export interface RecordLexicons {
  /** A catalog that has this record type, if it is at hand. */
  known(collection: string): Catalog | null
  /** The same, waiting for one that somebody publishes. */
  find(collection: string): Promise<Catalog | null>
}

/** Only the lexicons of `@avocet/lexicons`. */
export const BUNDLED_LEXICONS: RecordLexicons = {
  known: (collection) => (catalog.record(collection) === undefined ? null : catalog),
  find: (collection) => Promise.resolve(BUNDLED_LEXICONS.known(collection)),
}
