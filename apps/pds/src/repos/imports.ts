import { CarError } from '@avocet/car'
import { applyWrites, createByteBudget, importRepo, RepoError, type RepoStore } from '@avocet/repo'
import { createWriteQueue, type Database } from '@avocet/sqlite'
import type { Did, Tid, TidClock } from '@avocet/syntax'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Quotas } from '../accounts/quotas.ts'
import { PdsError } from '../errors.ts'
import { readImported, stageRecords, type ImportedRecord, type OddRecord } from './import-records.ts'
import { IMPORT_PACE, readPaced, type ImportPace } from './import-source.ts'
import type { KeyedLock } from './locks.ts'
import type { RecordSets } from './record-sets.ts'
import { revAfter, revAfterArchive } from './revs.ts'
import type { Signers } from './signers.ts'

/** Taking over repositories from elsewhere. */
export interface RepoImports {
  /**
   * Replaces the repository of a deactivated account by the one in a CAR: every hash and the shape of the tree are
   * checked (the old key's signature is not, the new key signs the same tree), in bounded memory; at once or not at all.
   * No lock is held while the bytes come in.
   * @param skip leaves out records that cannot stand here, and names them
   * @throws PdsError `invalid-request`, `import-running`, `import-busy`, `import-stopped`, `import-too-slow`, `rev-ahead`,
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
const IMPORT_LIMITS: ImportLimits = {
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
  readonly db: Database
  readonly accounts: AccountStore
  readonly repos: RepoStore<Database>
  readonly sets: RecordSets
  readonly quotas: Pick<Quotas, 'checkImport'>
  readonly signers: Signers
  readonly locks: KeyedLock
  readonly tids: TidClock
  readonly limits?: ImportLimits
}

/** Imports into the stores of this server. */
export function createRepoImports(parts: ImportParts): RepoImports {
  const { db, accounts, repos, sets, quotas, signers, locks, tids, limits = IMPORT_LIMITS } = parts
  const running = new Map<Did, AbortController>()
  const staged = new Set<number>()
  const budget = createByteBudget(limits.bufferedBytes)

  const requireDeactivated = (did: Did): void => {
    const account = accounts.get(did)
    if (account === null) throw new PdsError('account-not-found', `Account not found; did=${did}`)
    if (account.takedownRef !== null) throw new PdsError('account-takendown', 'Account has been taken down')
    if (account.deactivatedAt === null) {
      throw new PdsError('invalid-request', 'A repository can only be imported into a deactivated account')
    }
  }

  const replaceRepo = async (
    did: Did,
    car: ReadableStream<Uint8Array>,
    signal: AbortSignal,
    skip: boolean,
  ): Promise<OddRecord[]> => {
    const head = await repos.getHead(did)
    const odd: OddRecord[] = []
    let rev = ''
    let total = 0
    let release = (): void => {}
    let adopted = false
    const set = await db.write(() => sets.stage(did))
    const rows = createWriteQueue(db)
    staged.add(set)
    try {
      await importRepo({
        did,
        store: repos,
        source: readPaced(car, limits.pace, signal),
        signer: signers.get(did),
        unsafeSkipSignature: true,
        maxBuffered: limits.bufferedBytes,
        budget,
        rev: (archived) => (rev = newRev(did, archived, head?.rev ?? null)),
        onRecords: async (batch) => {
          const records: ImportedRecord[] = []
          for (const entry of batch) {
            const read = readImported(entry)
            if ('reason' in read) refuse(read, skip, odd)
            else records.push(read)
          }
          total += records.length
          quotas.checkImport(did, total)
          await rows.add(() => stageRecords(db, did, set, rev, records))
        },
        beforeSwap: async () => {
          await rows.done()
          release = await locks.acquire(did)
        },
        alongside: () => {
          signal.throwIfAborted()
          requireDeactivated(did)
          sets.adopt(did, set)
          adopted = true
        },
      })
      await leaveOut(did, odd)
      return odd
    } finally {
      release()
      staged.delete(set)
      // What is queued still comes before the set is given up.
      if (!adopted) await db.write(() => sets.discard(set))
      void sets.sweep()
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
      const head = (await repos.getHead(did))!
      const rev = revAfter(tids, did, head.rev)
      const signer = signers.get(did)
      await repos.apply(await applyWrites({ did, head, store: repos, writes, signer, rev }))
    }
  }

  return {
    importCar: async (did, car, skip = false) => {
      requireDeactivated(did)
      if (running.has(did)) throw new PdsError('import-running', 'An import of this account is under way')
      if (running.size >= limits.imports) {
        throw new PdsError('import-busy', 'Too many imports are under way, try again later')
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
      running.get(did)?.abort(new PdsError('import-stopped', 'The account changed, the import was ended')),
    clean: async () => {
      const left = db
        .prepare("SELECT id FROM record_set WHERE state = 'staged'")
        .all()
        .map((row) => row['id'] as number)
        .filter((id) => !staged.has(id))
      if (left.length > 0) await db.write(() => left.forEach((id) => sets.discard(id)))
      await sets.sweep()
    },
  }
}

/** @throws PdsError `invalid-request` naming the record, unless it may be left out */
function refuse(record: OddRecord, skip: boolean, odd: OddRecord[]): void {
  if (skip && odd.length < MAX_SKIPPED) {
    odd.push(record)
    return
  }
  throw new PdsError(
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
    if (error.code === 'buffers-full') return new PdsError('import-busy', error.message, { cause: error })
    return new PdsError('invalid-request', error.message, { cause: error })
  }
  return error instanceof CarError ? new PdsError('invalid-request', error.message, { cause: error }) : error
}
