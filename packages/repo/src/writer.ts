import type { Signer } from '@avocet/crypto'
import { type CID, cidEquals, formatCid } from '@avocet/data'
import { createTidClock, type Did, type Tid } from '@avocet/syntax'
import { applyWrites } from './apply.ts'
import { closing } from './closing.ts'
import { RepoError } from './error.ts'
import { headMoved } from './memory-store.ts'
import type { CommitData, RepoSnapshot, RepoStore, Write } from './types.ts'

/** What {@link createRepoWriter} takes. */
export interface RepoWriterOptions<Tx> {
  readonly store: RepoStore<Tx>
  /** The key that signs for an account, or one that signs for all. */
  readonly signer: Signer | ((did: Did) => Signer | Promise<Signer>)
  /** Default: `createTidClock` of `@avocet/syntax`. One head too far in the future fails its own writes only. */
  readonly clock?: { nextAfter(previous: Tid | null): Tid }
  /** Called once for each commit after it is stored, in the order of the commits of a repository. */
  readonly onCommit?: (commit: CommitData) => void
}

/** Options of one write. */
export interface WriteOptions<Tx> {
  /** Refuse unless this is the newest commit. */
  readonly swapCommit?: CID
  /** Joins the store's transaction. Gets the commit, to write its event, say. */
  readonly alongside?: (tx: Tx, commit: CommitData) => void | Promise<void>
}

/** Writes to the repositories of a store. */
export interface RepoWriter<Tx> {
  /**
   * Commits some writes; null when nothing would change. Writes to one repository wait for each other in the order of
   * the calls, those to others do not.
   * @throws {RepoError} `invalid-swap`, `repo-not-found`, `inactive-repo`, and as `applyWrites`; SyntaxFault `tid-ahead` of
   *   the clock
   */
  write(did: Did, writes: readonly Write[], options?: WriteOptions<Tx>): Promise<CommitData | null>
  /**
   * Makes a repository with its first commit.
   * @throws {RepoError} `repo-exists`, and as `applyWrites`
   */
  create(
    did: Did,
    writes: readonly Write[],
    options?: Pick<WriteOptions<Tx>, 'alongside'>,
  ): Promise<CommitData>
}

/** How often a commit is made anew because another process was quicker. */
const ATTEMPTS = 20

/** A writer: one per store and process. */
export function createRepoWriter<Tx>(options: RepoWriterOptions<Tx>): RepoWriter<Tx> {
  const { store, clock = createTidClock(), onCommit } = options
  const inTurn = createTurns()

  /** The snapshot is closed when the commit is stored: a store keeps removed blocks for those that are open. */
  const prepare = async (
    did: Did,
    writes: readonly Write[],
    write: WriteOptions<Tx> & { readonly create?: true },
  ): Promise<CommitData | null> => {
    const snapshot = await store.snapshot(did)
    const work = (): Promise<CommitData | null> => prepareOn(snapshot, did, writes, write)
    return snapshot === null ? await work() : await closing(snapshot, work)
  }

  const prepareOn = async (
    snapshot: RepoSnapshot | null,
    did: Did,
    writes: readonly Write[],
    write: WriteOptions<Tx> & { readonly create?: true },
  ): Promise<CommitData | null> => {
    const head = snapshot?.head ?? null
    if (write.create) {
      if (head !== null) throw new RepoError('repo-exists', `repository exists already; did=${did}`)
    } else if (head === null) {
      throw new RepoError('repo-not-found', `no such repository; did=${did}`)
    }
    const { swapCommit } = write
    if (swapCommit !== undefined && (head === null || !cidEquals(head.commit, swapCommit))) {
      throw new RepoError(
        'invalid-swap',
        `newest commit is another; did=${did} expected=${formatCid(swapCommit)}`,
      )
    }
    const signer = typeof options.signer === 'function' ? await options.signer(did) : options.signer
    const rev = clock.nextAfter(head?.rev ?? null)
    const commit = await applyWrites({ did, head, store: snapshot ?? store, writes, signer, rev })
    return head !== null && commit.ops.length === 0 && writes.length > 0 ? null : commit
  }

  const attempt = async (
    did: Did,
    writes: readonly Write[],
    write: WriteOptions<Tx> & { readonly create?: true },
  ): Promise<CommitData | null> => {
    const commit = await prepare(did, writes, write)
    if (commit === null) return null
    const { alongside } = write
    await store.apply(commit, alongside && ((tx) => alongside(tx, commit)))
    onCommit?.(commit)
    return commit
  }

  const retry = async (
    did: Did,
    writes: readonly Write[],
    write: WriteOptions<Tx> & { readonly create?: true },
  ): Promise<CommitData | null> => {
    for (let i = 0; i < ATTEMPTS; i++) {
      try {
        return await attempt(did, writes, write)
      } catch (error) {
        // Only another process can have come in between: in this one writes take turns.
        if (!(error instanceof RepoError) || error.code !== 'head-moved') throw error
      }
    }
    throw headMoved({ did, rev: (await store.getHead(did))?.rev ?? '' })
  }

  return {
    write: (did, writes, write = {}) => inTurn(did, () => retry(did, writes, write)),
    create: async (did, writes, write = {}) => {
      const commit = await inTurn(did, () => retry(did, writes, { ...write, create: true }))
      return commit!
    },
  }
}

/** Runs tasks of one key one after the other, of different keys side by side. */
function createTurns(): <T>(key: string, task: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return (key, task) => {
    const run = (last.get(key) ?? Promise.resolve()).then(task, task)
    last.set(key, run)
    const forget = (): void => {
      if (last.get(key) === run) last.delete(key)
    }
    run.then(forget, forget)
    return run
  }
}
