import type { Signer } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import { closing } from './closing.ts'
import { signCommit } from './commit.ts'
import { RepoError } from './error.ts'
import type { EncodedEntry } from './entry.ts'
import { type CarSource, type ReadRepoOptions, readRepo, type RepoReader } from './read.ts'
import type { RepoStore, StoredBlock, StoredBlocks } from './types.ts'

/** Records shown at a time, some hundred more at most. */
const RECORDS_AT_ONCE = 300

/** What {@link importRepo} takes, besides how to read the source. */
export type ImportOptions<Tx> = ReadRepoOptions & {
  readonly did: Did
  readonly store: RepoStore<Tx>
  readonly source: CarSource
  /** Sees the records in key order, a batch at a time, before anything changes. Throw to break off. */
  readonly onRecords?: (records: readonly EncodedEntry[]) => void | Promise<void>
  /**
   * Called once all has been read and verified, before the transaction: wait for a lock here, so that it is not held while
   * bytes come in.
   */
  readonly beforeSwap?: () => Promise<void>
  /** Joins the transaction that makes the imported content the repository. */
  readonly alongside?: (tx: Tx, head: NewHead) => void | Promise<void>
} & (NewCommit | ArchivedCommit)

/** What a repository comes to. */
export type NewHead = Pick<ImportResult, 'did' | 'rev' | 'data' | 'commit' | 'commitBytes'>

/** The imported tree becomes this store's own: a host takes an account over. */
export interface NewCommit {
  /** Signs the new commit. */
  readonly signer: Signer
  /** Its revision: must be above the one in the archive and above the present head's. */
  readonly rev: Tid | ((archived: Tid) => Tid)
  /** The revision may be lower than those: they are known to be wrong, made by a clock that ran ahead. */
  readonly unsafeOlderRev?: true
  readonly keepCommit?: never
}

/** The commit of the archive stays the head: a mirror, or a backup put back. */
export interface ArchivedCommit {
  /** Its revision must not be below the present head's. */
  readonly keepCommit: true
  readonly signer?: never
  readonly rev?: never
  readonly unsafeOlderRev?: never
}

/** What an import did. */
export interface ImportResult {
  readonly did: Did
  readonly rev: Tid
  readonly data: CID
  readonly commit: CID
  readonly commitBytes: Uint8Array
  readonly records: number
}

/**
 * Takes a repository over from its CAR: everything is verified as in `readRepo`, in bounded memory, the tree gets a new
 * commit (or keeps the archive's), and the store's repository changes at the end, at once or not at all.
 *
 * @throws {RepoError} as `readRepo`, `stale-rev`, `head-moved`, `inactive-repo`
 */
export async function importRepo<Tx>(options: ImportOptions<Tx>): Promise<ImportResult> {
  return await closing(await readRepo(options.source, options), (reader) => importFrom(reader, options))
}

async function importFrom<Tx>(reader: RepoReader, options: ImportOptions<Tx>): Promise<ImportResult> {
  const { did, store, alongside } = options
  const { data } = reader
  const head = await store.getHead(did)
  const rev = options.keepCommit
    ? reader.rev
    : typeof options.rev === 'function'
      ? options.rev(reader.rev)
      : options.rev
  const isStale = options.keepCommit
    ? head !== null && rev < head.rev
    : rev <= reader.rev || (head !== null && rev <= head.rev)
  if (isStale && options.unsafeOlderRev !== true) {
    throw new RepoError(
      'stale-rev',
      `revision of the import is not the newest; rev=${rev} archive=${reader.rev}`,
    )
  }
  const { commit, commitBytes } = options.keepCommit
    ? reader
    : await signCommit({ did, data, rev }, options.signer)
  const count = { records: 0 }
  const batches = withRecords(reader, { cid: commit, bytes: commitBytes }, count, options)
  const blocks: StoredBlocks = { batches, [Symbol.asyncIterator]: () => oneByOne(batches) }
  const made = { did, rev, data, commit, commitBytes }
  await store.replace({ did, rev, data, commit }, blocks, alongside && ((tx) => alongside(tx, made)))
  return { did, rev, data, commit, commitBytes, records: count.records }
}

async function* withRecords(
  reader: RepoReader,
  commit: StoredBlock,
  count: { records: number },
  { onRecords, beforeSwap }: Pick<ImportOptions<unknown>, 'onRecords' | 'beforeSwap'>,
): AsyncGenerator<readonly StoredBlock[], void> {
  yield [commit]
  let records: EncodedEntry[] = []
  for await (const blocks of reader.blockBatches) {
    yield blocks
    for (const { cid, bytes, path } of blocks) {
      if (path === null) continue
      count.records++
      if (onRecords !== undefined) records.push({ path, cid, bytes })
    }
    if (records.length >= RECORDS_AT_ONCE) {
      await onRecords!(records)
      records = []
    }
  }
  if (records.length > 0) await onRecords?.(records)
  await beforeSwap?.()
}

async function* oneByOne(batches: AsyncIterable<readonly StoredBlock[]>): AsyncGenerator<StoredBlock, void> {
  for await (const batch of batches) yield* batch
}
