// A running indexer, as programs that started one see it.

import type { CollectionChoices, RepoChoices } from './admin/choices.ts'
import type { Status } from './http/status.ts'
import type { LexiconChoices } from './lexicons/reload.ts'
import type { IndexChoices } from './projections/choices.ts'
import type { StreamEvent } from './stream/event.ts'
import type { EventOptions } from './stream/iterate.ts'

/** A running indexer. Disposing of it stops it. */
export interface Indexer extends AsyncDisposable {
  /** Where it is served; null when it is not. */
  readonly url: string | null
  /** Where its admin API is served; null when it is not. */
  readonly adminUrl: string | null
  /** Settles when it stops: resolves after `close`, rejects when it cannot go on. */
  readonly done: Promise<void>
  status(): Status
  /** Repos that are followed, or kept out, because they were named. */
  readonly repos: RepoChoices
  /** The collections that are indexed. */
  readonly collections: CollectionChoices
  /** What collections can be asked by. */
  readonly indexes: IndexChoices
  /** What records are judged by. */
  readonly lexicons: LexiconChoices
  /** What happens to what is indexed, from `cursor` on; as the streams have it. */
  events(options?: EventOptions): AsyncGenerator<StreamEvent, void, undefined>
  /** Stops reading, finishes what is under way, closes the database. */
  close(): Promise<void>
}
