import type { Signer } from '@avocet/crypto'
import { cidEquals, formatCid } from '@avocet/data'
import { applyWrites, toCommitEvent, type RepoHead, type RepoSnapshot, type StoredHead } from '@avocet/repo'
import type { Datetime, Did, Tid, TidClock } from '@avocet/syntax'

import type { CommitChange, Outcome } from './change.ts'
import { RepoServerError } from './error.ts'
import type { KeyedLock } from './locks.ts'
import {
  claimsOf,
  growth,
  planWrites,
  recordChanges,
  type Plan,
  type PlanReads,
  type RecordWrite,
} from './plan.ts'
import { refuseClaim, refuseStatus, type Refusal } from './refusals.ts'
import { revAfter } from './revs.ts'
import type { Awaitable, RepoServerStore, WriteTurn } from './store.ts'

/** What became of the writes: `commit` is null when nothing had to change. */
export interface WriteOutcome {
  readonly commit: { readonly cid: string; readonly rev: Tid } | null
  /** One per write: the record's CID, null for a deletion. */
  readonly cids: readonly (string | null)[]
}

/** Writes records: one commit, its rows and its event are one transaction. */
export interface RepoWriter {
  /**
   * @param swapCommit refuses unless this is the newest commit
   * @throws RepoServerError `invalid-swap`, `record-exists`, `record-not-found`, `blob-not-found`, `mime-mismatch`,
   *   `invalid-size`, `repo-not-found`, `account-deactivated`, `account-takendown`, `rev-ahead`, `repo-busy`; RepoError of
   *   `applyWrites`
   */
  write(did: Did, writes: readonly RecordWrite[], swapCommit?: string | null): Promise<WriteOutcome>
}

/** Bounds on how many records one repository may have. */
export interface RecordBound {
  /** Before a commit on `rev` that adds so many records (or removes them): throws to refuse it. */
  check(did: Did, rev: Tid, added: number): Awaitable<void>
  /** After that commit, which made `rev` of `before`. */
  note(did: Did, before: Tid, rev: Tid, added: number): void
}

/** What a writer composes. */
export interface RepoWriterParts {
  readonly store: Pick<
    RepoServerStore,
    'repos' | 'records' | 'blobs' | 'apply' | 'ground' | 'recent' | 'turn'
  >
  /** The key that signs for an account. */
  readonly signerOf: (did: Did) => Awaitable<Signer>
  /** Shared by all that writes to these repositories in this process, so that a race is lost to other processes only. */
  readonly locks: KeyedLock
  readonly tids: TidClock
  readonly bound?: RecordBound
  /** Removes the bytes of blobs that a commit left without a reference. Must not reject. */
  readonly discard: (did: Did, cids: readonly string[]) => Promise<void>
}

/** How often a commit is made before its caller is told to come back. */
const ATTEMPTS = 20
/** After so many lost races a writer waits for its turn: processes in step with each other would lose to one for ever. */
const RACES = 2

/** A writer; writes to one repository run in the order they came, those to different ones side by side. */
export function createRepoWriter(parts: RepoWriterParts): RepoWriter {
  const { store, signerOf, locks, tids, bound, discard } = parts

  /** The plan of some writes on a head, and the change it comes to; null when nothing has to change. */
  const build = async (
    did: Did,
    writes: readonly RecordWrite[],
    snapshot: RepoSnapshot,
    rows: PlanReads,
  ): Promise<{ change: CommitChange | null; plan: Plan }> => {
    const { head } = snapshot
    const plan = await planWrites(did, writes, rows)
    const { steps } = plan
    const claims = claimsOf(steps)
    for (const claim of claims) {
      // At once on SQLite.
      throwIfRefused(refuseClaim(claim, await store.blobs.get(did, claim.cid)))
    }
    if (steps.length === 0) return { change: null, plan }
    await bound?.check(did, head.rev, growth(steps))
    const commit = await applyWrites({
      did,
      head,
      store: snapshot,
      writes: steps.map((step) => step.write),
      signer: await signerOf(did),
      rev: revAfter(tids, did, head.rev),
    })
    const body = toCommitEvent(commit, new Date().toISOString() as Datetime)
    const change: CommitChange = {
      type: 'commit',
      did,
      commit,
      records: recordChanges(steps),
      claims,
      events: [{ did, type: '#commit', body }],
    }
    return { change, plan }
  }

  /** Builds on the newest head. Its snapshot is closed before anything is written. Null where that head is the newest no more. */
  const prepare = async (
    did: Did,
    writes: readonly RecordWrite[],
    swapCommit: string | null | undefined,
  ): Promise<Awaited<ReturnType<typeof build>> | null> => {
    let head: StoredHead | null = null
    try {
      const ground = await store.ground?.(did, writes)
      await using snapshot = ground === undefined ? await store.repos.snapshot(did) : (ground?.repo ?? null)
      if (snapshot === null) throw repoNotFound(did)
      head = snapshot.head
      throwIfRefused(refuseStatus(head.status, did))
      checkSwap(head, swapCommit)
      const rows = !ground
        ? store.records
        : { ...store.records, get: (_did: Did, c: string, r: string) => ground.get(c, r) }
      return await build(did, writes, snapshot, rows)
    } catch (error) {
      // Rows are read beside the snapshot: another process may have moved them on, so that the two do not fit.
      const now = await store.repos.getHead(did)
      if (now === null || head === null || cidEquals(now.commit, head.commit)) throw error
      return null
    }
  }

  /** Builds on what is most likely the newest head. Null where that cannot be, or where it takes a second look. */
  const guess = async (
    did: Did,
    writes: readonly RecordWrite[],
    swapCommit: string | null | undefined,
  ): Promise<{ change: CommitChange; plan: Plan } | null> => {
    // Whether there is something to replace or remove the rows tell, which are not read here; of a new record the tree does.
    if (!writes.every(({ action }) => action === 'create')) return null
    await using snapshot = store.recent?.(did) ?? null
    if (snapshot === null) return null
    try {
      checkSwap(snapshot.head, swapCommit)
      const rows: PlanReads = { ...store.records, get: () => null }
      const { change, plan } = await build(did, writes, snapshot, rows)
      return change === null ? null : { change, plan }
    } catch {
      return null
    }
  }

  const write = async (
    did: Did,
    writes: readonly RecordWrite[],
    swapCommit: string | null | undefined,
    orphans: string[],
  ): Promise<WriteOutcome> => {
    const finish = (
      { commit }: CommitChange,
      plan: Plan,
      outcome: Extract<Outcome, { status: 'applied' }>,
    ): WriteOutcome => {
      orphans.push(...outcome.orphans)
      // Every commit but the first has one before it.
      bound?.note(did, commit.since!, commit.rev, growth(plan.steps))
      return { commit: { cid: formatCid(commit.commit), rev: commit.rev }, cids: plan.cids }
    }
    const guessed = await guess(did, writes, swapCommit)
    if (guessed !== null) {
      const outcome = await store.apply(guessed.change)
      if (outcome.status === 'applied') return finish(guessed.change, guessed.plan, outcome)
    }
    await using turns = new AsyncDisposableStack()
    let by: Pick<WriteTurn, 'apply'> = store
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt === RACES && store.turn !== undefined) {
        const turn = await store.turn(did)
        if (turn === null) break
        by = turns.use(turn)
      }
      // Each attempt follows one that came too late.
      const prepared = await prepare(did, writes, swapCommit)
      if (prepared === null) continue
      const { change, plan } = prepared
      if (change === null) return { commit: null, cids: plan.cids }
      const outcome = await by.apply(change)
      if (outcome.status === 'stale') continue
      if (outcome.status === 'refused') throw new RepoServerError(outcome.code, outcome.message)
      return finish(change, plan, outcome)
    }
    throw new RepoServerError('repo-busy', `Too many others write to this repository; did=${did}`)
  }

  return {
    write: async (did, writes, swapCommit) => {
      const orphans: string[] = []
      const outcome = await locks.run(did, () => write(did, writes, swapCommit, orphans))
      // The next write of the repository does not wait for the store of blobs.
      if (orphans.length > 0) await discard(did, orphans)
      return outcome
    },
  }
}

const repoNotFound = (did: Did): RepoServerError =>
  new RepoServerError('repo-not-found', `Could not find repo for DID: ${did}`)

function throwIfRefused(refusal: Refusal | null): void {
  if (refusal !== null) throw new RepoServerError(refusal.code, refusal.message)
}

function checkSwap(head: RepoHead, swapCommit: string | null | undefined): void {
  const current = formatCid(head.commit)
  if (swapCommit !== undefined && swapCommit !== null && swapCommit !== current) {
    throw new RepoServerError('invalid-swap', `Commit was at ${current}`)
  }
}
