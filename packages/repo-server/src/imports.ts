import { CarError } from '@avocet/car'
import type { Signer } from '@avocet/crypto'
import { applyWrites, createByteBudget, importRepo, RepoError, type RepoStatus } from '@avocet/repo'
import type { Did, Tid, TidClock } from '@avocet/syntax'

import type { StagedRecord } from './change.ts'
import { RepoServerError } from './error.ts'
import { readImported, type OddRecord } from './import-records.ts'
import { IMPORT_PACE, readPaced, type ImportPace } from './import-source.ts'
import type { KeyedLock } from './locks.ts'
import { replacing } from './replacing.ts'
import { revAfter, revAfterArchive } from './revs.ts'
import type { Awaitable, RepoServerStore } from './store.ts'

/** Taking over repositories from elsewhere. */
export interface RepoImports {
  /**
   * Replaces the repository of a deactivated account by the one in a CAR: every hash and the shape of the tree are
   * checked (the old key's signature is not, the new key signs the same tree), in bounded memory; at once or not at all.
   * No lock is held while the bytes come in.
   * @param skip leaves out records that cannot stand here, and names them
   * @throws RepoServerError `invalid-request`, `import-running`, `import-busy`, `import-stopped`, `import-too-slow`, `rev-ahead`,
   *   `quota-exceeded`;
   *   RepoError `head-moved`
   */
  importCar(did: Did, car: ReadableStream<Uint8Array>, skip?: boolean): Promise<readonly OddRecord[]>
  /** Ends an import that is under way: the account is to change. */
  stop(did: Did): void
  /** Gives up what failed imports left. */
  clean(): Promise<void>
}

/** What imports may take at a time, all together. */
export interface ImportLimits {
  /** Imports under way. One an account. */
  readonly imports: number
  /** Bytes of blocks held back because the archive has them in another order than the tree. */
  readonly bufferedBytes: number
  readonly pace: ImportPace
}

/** The limits unless told. */
export const IMPORT_LIMITS: ImportLimits = {
  imports: 8,
  bufferedBytes: 256 * 1024 * 1024,
  pace: IMPORT_PACE,
}

/** Most records that may be left out of one import. */
const MAX_SKIPPED = 1000
/** Operations in one commit that leaves records out. */
const SKIPPED_PER_COMMIT = 100

/** What imports compose. */
export interface ImportParts {
  readonly store: RepoServerStore
  /** The status of an account, which may have no repository yet; null for one that is not here. */
  readonly statusOf: (did: Did) => Awaitable<RepoStatus | null>
  readonly signerOf: (did: Did) => Awaitable<Signer>
  readonly locks: KeyedLock
  readonly tids: TidClock
  /** While records come in: so many so far. Throws to refuse them. */
  readonly checkRecords?: (did: Did, records: number) => Awaitable<void>
  readonly limits?: ImportLimits
}

/** Imports into a store. */
export function createRepoImports(parts: ImportParts): RepoImports {
  const { store, statusOf, signerOf, locks, tids, limits = IMPORT_LIMITS } = parts
  const running = new Map<Did, AbortController>()
  const budget = createByteBudget(limits.bufferedBytes)

  const requireDeactivated = async (did: Did): Promise<void> => {
    const status = await statusOf(did)
    if (status === 'deactivated') return
    if (status === null || status === 'deleted') {
      throw new RepoServerError('account-not-found', `Account not found; did=${did}`)
    }
    if (status === 'active') {
      throw new RepoServerError(
        'invalid-request',
        'A repository can only be imported into a deactivated account',
      )
    }
    throw new RepoServerError('account-takendown', 'Account has been taken down')
  }

  const replaceRepo = async (
    did: Did,
    car: ReadableStream<Uint8Array>,
    signal: AbortSignal,
    skip: boolean,
  ): Promise<OddRecord[]> => {
    const head = await store.repos.getHead(did)
    const odd: OddRecord[] = []
    let rev = ''
    let total = 0
    let release = (): void => {}
    const staging = await store.stage(did)
    try {
      await importRepo({
        did,
        ...replacing(store, staging, { onlyWhile: ['deactivated'], status: 'deactivated' }, () => []),
        source: readPaced(car, limits.pace, signal),
        signer: await signerOf(did),
        unsafeSkipSignature: true,
        maxBuffered: limits.bufferedBytes,
        budget,
        rev: (archived) => (rev = newRev(did, archived, head?.rev ?? null)),
        onRecords: async (batch) => {
          const records: StagedRecord[] = []
          for (const entry of batch) {
            const read = readImported(entry)
            if ('reason' in read) refuse(read, skip, odd)
            else records.push(read)
          }
          total += records.length
          await parts.checkRecords?.(did, total)
          await staging.add(rev, records)
        },
        beforeSwap: async () => {
          release = await locks.acquire(did)
          signal.throwIfAborted()
          await requireDeactivated(did)
        },
      })
      await leaveOut(did, odd)
      return odd
    } finally {
      release()
      await staging.discard()
    }
  }

  const newRev = (did: Did, archived: Tid, before: Tid | null): Tid =>
    before === null || before < archived ? revAfterArchive(tids, archived) : revAfter(tids, did, before)

  /** Takes odd records out of the tree; the caller holds the lock, and the account is still deactivated. */
  const leaveOut = async (did: Did, odd: readonly OddRecord[]): Promise<void> => {
    for (let from = 0; from < odd.length; from += SKIPPED_PER_COMMIT) {
      const writes = odd
        .slice(from, from + SKIPPED_PER_COMMIT)
        .map(({ path }) => ({ action: 'delete' as const, path, cid: null, bytes: null }))
      const { status: _, ...head } = (await store.repos.getHead(did))!
      const rev = revAfter(tids, did, head.rev)
      const signer = await signerOf(did)
      const commit = await applyWrites({ did, head, store: store.repos, writes, signer, rev })
      const onlyWhile = ['deactivated'] as const
      const change = { type: 'commit', did, commit, records: [], claims: [], events: [], onlyWhile } as const
      const outcome = await store.apply(change)
      if (outcome.status !== 'applied') throw headMoved(did)
    }
  }

  return {
    importCar: async (did, car, skip = false) => {
      await requireDeactivated(did)
      if (running.has(did))
        throw new RepoServerError('import-running', 'An import of this account is under way')
      if (running.size >= limits.imports) {
        throw new RepoServerError('import-busy', 'Too many imports are under way, try again later')
      }
      const controller = new AbortController()
      running.set(did, controller)
      try {
        return await replaceRepo(did, car, controller.signal, skip)
      } catch (error) {
        throw toImportError(error)
      } finally {
        running.delete(did)
      }
    },
    stop: (did) =>
      running
        .get(did)
        ?.abort(new RepoServerError('import-stopped', 'The account changed, the import was ended')),
    clean: async () => {
      await store.upkeep.discardStaged()
      await store.upkeep.sweep()
    },
  }
}

const headMoved = (did: Did): RepoError =>
  new RepoError('head-moved', `repository changed meanwhile; did=${did}`)

/** @throws RepoServerError `invalid-request` naming the record, unless it may be left out */
function refuse(record: OddRecord, skip: boolean, odd: OddRecord[]): void {
  if (skip && odd.length < MAX_SKIPPED) {
    odd.push(record)
    return
  }
  throw new RepoServerError(
    'invalid-request',
    skip
      ? `More than ${MAX_SKIPPED} records cannot be taken over; path=${record.path}`
      : `A record cannot be taken over: ${record.reason}; path=${record.path}`,
  )
}

/** What is the archive's fault becomes `invalid-request`. */
function toImportError(error: unknown): unknown {
  if (error instanceof RepoError) {
    if (error.code === 'head-moved') return error
    if (error.code === 'buffers-full')
      return new RepoServerError('import-busy', error.message, { cause: error })
    return new RepoServerError('invalid-request', error.message, { cause: error })
  }
  return error instanceof CarError
    ? new RepoServerError('invalid-request', error.message, { cause: error })
    : error
}
