// Lexicons that change while it runs: read anew from where the settings say, held against everything that depends on them, and in force from
// one moment to the next, or not at all.

import type { Database } from '@avocet/sqlite'
import { IndexerError } from '../errors.ts'
import type { OpenedIndexes } from '../projections/choices.ts'
import type { Edition, Editions } from './editions.ts'
import type { LoadedLexicons } from './load.ts'
import { noteLexicons, rejudging } from './rejudge.ts'

/** What is in force. */
export type LexiconStatus = {
  /** How often they changed since the start. */
  readonly edition: number
  /** NSIDs of the documents beside those that are bundled, in order. */
  readonly documents: readonly string[]
  /** The collections whose records they describe. */
  readonly collections: readonly string[]
  /** Collections whose records are judged anew by them, each with its share, 0 to 1. */
  readonly judging: readonly { readonly collection: string; readonly progress: number }[]
}

/** What came of reading them anew, or why those of before stay in force, in words for who asked. */
export type LexiconReload =
  | {
      readonly ok: true
      /** `notes`: what changed, and what was left out as it does not fit any more, a line each. */
      readonly value: LexiconStatus & { readonly notes: readonly string[] }
    }
  | { readonly ok: false; readonly error: { readonly code: 'invalid' | 'busy'; readonly message: string } }

/** The lexicons of a running indexer. */
export type LexiconChoices = {
  status(): LexiconStatus
  /**
   * Reads the folders, the lock and what it lacks, and the files of queries anew. When it resolves, they are in force and durable: records
   * are judged and queries answered by them; what is stored is judged anew in the background. A set with which no start would be is
   * refused with the file and the reason, and changes nothing.
   */
  reload(): Promise<LexiconReload>
}

/** What depends on them. */
export type ReloadOptions = {
  readonly db: Database
  readonly editions: Editions
  /** Reads them from where the settings say. @param note told of what changed @throws IndexerError `bad-config` */
  readonly load: (note: (line: string) => void) => Promise<LoadedLexicons>
  readonly indexes: Pick<OpenedIndexes, 'enter'>
  /** Holds the queries of authors against them. @returns what puts them in force @throws IndexerError `bad-config` */
  readonly prepare: (edition: Edition) => () => void
  /** Told when they are in force, before anything else runs. */
  readonly onEntered: () => void
  readonly onLog: (line: string) => void
}

/** Makes it. */
export function createReload(options: ReloadOptions): LexiconChoices {
  const { db, editions, onLog } = options
  let isBusy = false

  const status = (): LexiconStatus => {
    const { number, lexicons } = editions.now()
    return {
      edition: number,
      documents: lexicons.documents.map(({ id }) => id).toSorted(),
      collections: [...lexicons.collections].toSorted(),
      judging: rejudging(db).map(({ collection, done, until }) => ({ collection, progress: done / until })),
    }
  }

  const change = async (): Promise<readonly string[]> => {
    const notes: string[] = []
    const { lexicons, keep } = await options.load((line) => notes.push(line))
    let use: () => void = () => {}
    let edition: Edition | null = null
    const left = await options.indexes.enter(
      lexicons,
      () => {
        edition = editions.next(lexicons)
        noteLexicons(db, lexicons.catalog, lexicons.collections)
        use = options.prepare(edition)
        // Last: all else can be undone.
        keep()
      },
      () => {
        editions.enter(edition!)
        use()
        options.onEntered()
      },
    )
    return [...notes, ...left]
  }

  return {
    status,
    async reload() {
      if (isBusy) return { ok: false, error: { code: 'busy', message: 'lexicons are being read already' } }
      isBusy = true
      try {
        const notes = await change()
        onLog(`lexicons were read anew: ${editions.now().lexicons.documents.length} documents`)
        for (const line of notes) onLog(line)
        return { ok: true, value: { ...status(), notes } }
      } catch (error) {
        if (!(error instanceof IndexerError)) throw error
        onLog(`${error.message}; the lexicons of before stay in force`)
        return { ok: false, error: { code: 'invalid', message: error.message } }
      } finally {
        isBusy = false
      }
    },
  }
}
