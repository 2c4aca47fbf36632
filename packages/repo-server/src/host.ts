import type { BlobLimits, BlobSources, BlobStore, BlobUpkeep, RemoteBlobs, RemoteResult } from '@avocet/blobs'
import type { Keypair } from '@avocet/crypto'
import type { BlobRef, DataObject } from '@avocet/data'
import { applyWrites, toCommitEvent, type RepoStatus } from '@avocet/repo'
import { createSequencer, type Sequencer } from '@avocet/sequencer'
import { createTidClock, type Datetime, type Did, type TidClock } from '@avocet/syntax'
import type { RateLimitRule } from '@avocet/xrpc-server'

import type { RepoAccess } from './access.ts'
import { assertApplied } from './applied.ts'
import type { LivingStatus } from './change.ts'
import { accountEvent, identityEvent, syncEvent } from './events.ts'
import { createRepoExports, type RepoExports } from './exports.ts'
import { createGate, type Gate } from './gates.ts'
import { REPO_HOST_LIMITS, type RepoHostLimits } from './host-limits.ts'
import { createRepoImports, IMPORT_LIMITS, type RepoImports } from './imports.ts'
import type { AppliedEvent } from './listeners.ts'
import { createKeyedLock, type KeyedLock } from './locks.ts'
import { recordUri, type RecordWrite } from './plan.ts'
import { RepoServerError } from './error.ts'
import { BUNDLED_LEXICONS, type RecordLexicons } from './record-lexicons.ts'
import { createRecordReader, type RecordReader, type StoredRecord } from './record-reader.ts'
import { filesBeside, redirectTo } from './remote-files.ts'
import { createRemovals, type Removals } from './removals.ts'
import { doAll, startRounds } from './rounds.ts'
import type { Awaitable, RepoServerStore } from './store.ts'
import { NOBODY } from './nobody.ts'
import { createUploads, type Uploads } from './uploads.ts'
import { checkRecord, type RecordChecks } from './validation.ts'
import { createRepoWriter, type RecordBound, type RepoWriter, type WriteOutcome } from './writer.ts'

/** What is known of accounts beside their repositories. */
export interface RepoAccounts {
  /** The account that a DID or handle names; null for one that is not here. Absent: DIDs of repositories in the store. */
  find?(identifier: string): Awaitable<Did | null>
  /** Absent: the status of the repository. */
  statusOf?(did: Did): Awaitable<RepoStatus | null>
  /** For describeRepo. @throws RepoServerError `unresolvable-did` */
  describe(
    did: Did,
  ): Promise<{ readonly handle: string; readonly didDoc: DataObject; readonly handleIsCorrect: boolean }>
  /** The key that signs for an account. */
  keyOf(did: Did): Awaitable<Keypair>
}

/** A record that is looked for elsewhere. */
export interface RemoteName {
  readonly repo: string
  readonly collection: string
  readonly rkey: string
  readonly cid: string | undefined
}

/** Rules of the router on how often, by what a method does. */
export interface RepoRateLimits {
  /** @param points what a write costs: 3 for a creation, 2 for an update, 1 for a deletion */
  write?(points: number | ((input: unknown) => number)): readonly RateLimitRule[]
  readonly upload?: RateLimitRule
  readonly export?: RateLimitRule
}

/** Options of {@link createRepoHost}. */
export interface RepoHostOptions {
  readonly store: RepoServerStore
  readonly files: BlobStore & BlobUpkeep
  /** Absent: nobody may call what is an owner's, and everybody is the public. */
  readonly access?: RepoAccess
  readonly accounts: RepoAccounts
  /** Default: those of `@avocet/lexicons`. */
  readonly lexicons?: RecordLexicons
  readonly isUnacceptable?: RecordChecks['isUnacceptable']
  /** Where they differ from `REPO_HOST_LIMITS`. */
  readonly limits?: Partial<RepoHostLimits>
  readonly rateLimits?: RepoRateLimits
  /** Most records of a repository. */
  readonly bound?: RecordBound & { readonly checkImport?: (did: Did, records: number) => Awaitable<void> }
  /** Bytes that all blobs of an account may have together. */
  readonly maxBlobBytes?: (did: Did) => Awaitable<number>
  /** Blobs that stay at their URLs: `addRemoteBlob` takes them, getBlob sends clients there. */
  readonly remoteBlobs?: RemoteBlobs
  /** Where getBlob sends clients for all others, as `answerBlob` of `@avocet/blobs` takes it. */
  readonly redirectBlob?: BlobSources['redirect']
  /** Asked for records of repositories that are not here; `address` is the caller's, for shares of what is asked at a time. */
  readonly findRemote?: (name: RemoteName, address: string | null) => Promise<object | null>
  /** Milliseconds between rounds of `upkeep`. Default 10 minutes; 0 for who calls it. */
  readonly upkeepMs?: number
  /** Told of every event once it is durable. */
  readonly onEvent?: (event: AppliedEvent) => void
  /** Told of what failed in the background. */
  readonly onError?: (error: unknown) => void
  /** Given by a host that uses them elsewhere too. */
  readonly locks?: KeyedLock
  readonly tids?: TidClock
  readonly sequencer?: Sequencer
}

/** A record to write, as a caller has it. */
export interface RecordInput {
  readonly action: 'create' | 'update' | 'put' | 'delete'
  readonly collection: string
  /** Absent: the key that the lexicon prescribes, or a new TID. A deletion needs one. */
  readonly rkey?: string
  /** Absent for a deletion. */
  readonly record?: DataObject
  /** As in `createRecord`. */
  readonly validate?: boolean
}

/** What a write came to. */
export interface NamedOutcome extends WriteOutcome {
  /** Where each record is, or was: one per write, also where the key was made here. */
  readonly uris: readonly `at://${string}`[]
}

/** What the methods are made of. */
export interface RepoParts {
  readonly options: RepoHostOptions & { readonly access: RepoAccess }
  readonly limits: RepoHostLimits
  readonly writer: RepoWriter
  readonly reader: RecordReader
  readonly uploads: Uploads
  readonly blobs: BlobSources
  readonly imports: RepoImports
  readonly exports: RepoExports
  readonly checks: RecordChecks
  readonly sequencer: Sequencer
  readonly exportGate: Gate
  readonly removals: Removals
  find(identifier: string): Promise<Did | null>
  statusOf(did: Did): Promise<RepoStatus | null>
}

/** Repositories served, and the same without HTTP. */
export interface RepoHost extends AsyncDisposable {
  /** For the methods of this package. */
  readonly parts: RepoParts
  /**
   * Makes an empty repository and announces it with the identity, once no blob of a former one under its DID is left.
   * @throws RepoError `head-moved` when there is one
   */
  createRepo(did: Did, options?: { readonly handle?: string; readonly status?: LivingStatus }): Promise<void>
  /** One commit. @throws as the methods of com.atproto.repo do */
  write(did: Did, writes: readonly RecordInput[], swapCommit?: string): Promise<NamedOutcome>
  getRecord(did: Did, collection: string, rkey: string): Promise<StoredRecord | null>
  /** Stores a blob for records to refer to within a day. `mimeType` is what the sender says. @throws as uploadBlob does */
  upload(did: Did, source: AsyncIterable<Uint8Array>, mimeType: string | null): Promise<BlobRef>
  /**
   * Takes a blob that stays where it is on the web, for records to refer to within a day. A refusal says why.
   * @throws TypeError without `remoteBlobs`; RepoServerError `quota-exceeded`
   */
  addRemoteBlob(did: Did, url: string, limits?: BlobLimits): Promise<RemoteResult<BlobRef>>
  /** Replaces the repository of a deactivated account. */
  importCar(did: Did, car: ReadableStream<Uint8Array>): Promise<void>
  /** Turns a repository off or on, and announces it. */
  setStatus(did: Did, status: LivingStatus): Promise<void>
  announceIdentity(did: Did, handle: string | null): Promise<void>
  /** Removes a repository: it is gone when this resolves. What it had goes afterwards (`removals` of the parts). */
  remove(did: Did): Promise<void>
  /**
   * What nobody waits for: removes what repositories, unused blobs and imports left, and asks for some remote blobs again. Any
   * number of processes may do it. @throws what failed first, once the rest is done
   */
  upkeep(): Promise<void>
}

/** A host over a store. */
export function createRepoHost(options: RepoHostOptions): RepoHost {
  const { store, remoteBlobs, accounts, locks = createKeyedLock(), tids = createTidClock() } = options
  const limits = { ...REPO_HOST_LIMITS, ...options.limits }
  const onError = options.onError ?? (() => {})
  const sequencer =
    options.sequencer ??
    createSequencer({ log: store.log, onError, page: { count: 500, bytes: limits.streamBytes } })
  const unlisten = options.onEvent === undefined ? () => {} : store.onEvent(options.onEvent)

  const statusOf = async (did: Did): Promise<RepoStatus | null> =>
    accounts.statusOf === undefined
      ? ((await store.repos.getHead(did))?.status ?? null)
      : accounts.statusOf(did)
  const find = async (identifier: string): Promise<Did | null> => {
    if (accounts.find !== undefined) return accounts.find(identifier)
    const did = identifier as Did
    return (await store.repos.getHead(did)) === null ? null : did
  }

  const files = filesBeside(options.files, remoteBlobs)
  const uploads = createUploads({
    store,
    files,
    remote: remoteBlobs,
    limit: limits.blobBytes,
    onError,
    ...(options.maxBlobBytes === undefined ? {} : { maxBytes: options.maxBlobBytes }),
  })
  const signerOf = (did: Did): Awaitable<Keypair> => accounts.keyOf(did)
  const checkImport = options.bound?.checkImport
  const imports = createRepoImports({
    store,
    statusOf,
    signerOf,
    locks,
    tids,
    limits: { ...IMPORT_LIMITS, imports: limits.imports.total },
    ...(checkImport === undefined ? {} : { checkRecords: checkImport }),
  })
  const writer = createRepoWriter({
    store,
    signerOf,
    locks,
    tids,
    discard: (did, cids) => uploads.discard(did, cids),
    ...(options.bound === undefined ? {} : { bound: options.bound }),
  })
  const checks: RecordChecks = {
    lexicons: options.lexicons ?? BUNDLED_LEXICONS,
    nextTid: () => tids.next(),
    isUnacceptable: options.isUnacceptable,
  }
  const removals = createRemovals(store, files)
  const reader = createRecordReader(store.records, store.repos)

  const upkeep = (): Promise<void> =>
    doAll([uploads.collect(), imports.clean(), removals.run(), remoteBlobs?.recheck()])
  const rounds = startRounds(upkeep, options.upkeepMs ?? 10 * 60_000, onError)

  const checked = async ({
    action,
    collection,
    rkey,
    record,
    validate,
  }: RecordInput): Promise<RecordWrite> => {
    if (action === 'delete') {
      if (rkey !== undefined) return { action, collection, rkey }
      throw new RepoServerError('invalid-request', `A record key is required; collection=${collection}`)
    }
    const given = { collection, rkey, record: record ?? {}, validate }
    const { rkey: key, ...checkedRecord } = await checkRecord(given, checks)
    return { action, collection, rkey: key, record: checkedRecord }
  }

  return {
    parts: {
      options: { ...options, access: options.access ?? NOBODY },
      limits,
      writer,
      reader,
      uploads,
      blobs: { store: options.files, redirect: redirectTo(remoteBlobs, options.redirectBlob) },
      imports,
      exports: createRepoExports(store.repos),
      checks,
      sequencer,
      exportGate: createGate('exports', limits.exports),
      removals,
      find,
      statusOf,
    },
    createRepo: async (did, { handle, status = 'active' } = {}) => {
      await removals.blobsGone(did)
      await locks.run(did, async () => {
        const signer = await accounts.keyOf(did)
        const commit = await applyWrites({
          did,
          head: null,
          store: store.repos,
          writes: [],
          signer,
          rev: tids.next(),
        })
        const body = toCommitEvent(commit, new Date().toISOString() as Datetime)
        const events =
          status === 'active'
            ? [
                identityEvent(did, handle ?? null),
                accountEvent(did, status),
                { did, type: '#commit' as const, body },
                syncEvent(commit),
              ]
            : []
        assertApplied(
          await store.apply({ type: 'commit', did, commit, records: [], claims: [], events, status }),
        )
      })
    },
    write: async (did, writes, swapCommit) => {
      const prepared = await Promise.all(writes.map(checked))
      const outcome = await writer.write(did, prepared, swapCommit)
      return { ...outcome, uris: prepared.map(({ collection, rkey }) => recordUri(did, collection, rkey)) }
    },
    getRecord: (did, collection, rkey) => reader.get(did, collection, rkey),
    upload: (did, source, mimeType) => uploads.upload(did, source, mimeType),
    addRemoteBlob: (did, url, bounds) => uploads.addRemote(did, url, bounds),
    importCar: async (did, car) => {
      await imports.importCar(did, car)
    },
    setStatus: async (did, status) => {
      imports.stop(did)
      await locks.run(did, async () => {
        const head = await store.repos.getHead(did)
        const events = [accountEvent(did, status)]
        if (head !== null && status === 'active') {
          const commitBytes = (await store.repos.getBlocks(did, [head.commit])).get(head.commit)
          if (commitBytes !== undefined) {
            events.push(syncEvent({ did, rev: head.rev, commit: head.commit, commitBytes }))
          }
        }
        assertApplied(await store.apply({ type: 'status', did, status, events }))
      })
    },
    announceIdentity: async (did, handle) => {
      assertApplied(await store.apply({ type: 'announcement', did, events: [identityEvent(did, handle)] }))
    },
    remove: async (did) => {
      imports.stop(did)
      await locks.run(did, async () => {
        assertApplied(await store.apply({ type: 'removal', did, events: [accountEvent(did, 'deleted')] }))
      })
      removals.run().catch(onError)
    },
    upkeep,
    [Symbol.asyncDispose]: async () => {
      unlisten()
      await Promise.all([rounds.end(), uploads.close(), removals.close()])
      if (options.sequencer === undefined) await sequencer.close()
    },
  }
}
