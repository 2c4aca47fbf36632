import { createMemoryRepoStore, RepoError } from '@avocet/repo'
import { createMemoryEventLog, type NewEvent } from '@avocet/sequencer'
import type { Did } from '@avocet/syntax'

import type {
  CommitChange,
  LivingStatus,
  Outcome,
  RepoServerChange,
  Replacement,
  Staging,
} from '../change.ts'
import { refuseBytes, refuseClaim, refuseStatus, type Refusal } from '../refusals.ts'
import { createListeners } from '../listeners.ts'
import type { RepoServerStore } from '../store.ts'
import { addStaged, createMemoryBlobRows, readRecords, type Entries } from './rows.ts'

/** A store that keeps nothing: for tests and tools. */
export function createMemoryRepoServerStore(): RepoServerStore {
  const repos = createMemoryRepoStore()
  const log = createMemoryEventLog()
  const entries = new Map<Did, Entries>()
  const statuses = new Map<Did, string>()
  const staged = new Map<Entries, Did>()
  const departed = new Set<Did>()
  const isStaged = (did: Did, cid: string): boolean =>
    [...staged].some(
      ([records, owner]) => owner === did && records.values().some(({ blobs: cids }) => cids.has(cid)),
    )
  const blobs = createMemoryBlobRows(entries, isStaged)
  const records = readRecords(entries, (did) => statuses.get(did) === 'active')

  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const run = last.then(work)
    last = run.catch(() => {})
    return run
  }
  const listeners = createListeners()
  const append = (events: readonly NewEvent[]): number[] => {
    const seqs = events.map((event) => log.append(undefined, event))
    listeners.tell(events, seqs)
    return seqs
  }
  const applied = (seqs: readonly number[], orphans: readonly string[] = []): Outcome => ({
    status: 'applied',
    seqs,
    orphans,
  })

  const setStatus = async (did: Did, status: LivingStatus): Promise<void> => {
    if ((await repos.getHead(did)) === null) return
    await repos.setStatus(did, status)
    statuses.set(did, status)
  }

  const applyCommit = async (change: CommitChange): Promise<Outcome> => {
    const { did, commit, claims, events } = change
    for (const claim of claims) {
      const refusal = refuseClaim(claim, await blobs.get(did, claim.cid))
      if (refusal !== null) return refusal
    }
    const before = (await repos.getHead(did))?.status
    const refusal = before === undefined ? null : refuseStatus(before, did, change.onlyWhile)
    if (refusal !== null) return refusal
    // This store takes no commit while it is another.
    const isForced = before !== undefined && before !== 'active'
    if (isForced) await repos.setStatus(did, 'active')
    let outcome = { status: 'stale' } as Outcome
    try {
      await repos.apply(commit, () => {
        outcome = applyRows(change, append(events))
      })
    } catch (error) {
      if (!(error instanceof RepoError && error.code === 'head-moved')) throw error
    } finally {
      if (isForced) await setStatus(did, before as LivingStatus)
    }
    if (before === undefined) await setStatus(did, change.status ?? 'active')
    return outcome
  }

  const applyRows = ({ did, commit, records: changes }: CommitChange, seqs: number[]): Outcome => {
    const rows = entries.get(did) ?? new Map()
    entries.set(did, rows)
    const dropped = new Set<string>()
    for (const { collection, rkey, cid, links, blobs: cids } of changes) {
      const path = `${collection}/${rkey}`
      const former = rows.get(path)
      if (cid === null) rows.delete(path)
      else {
        const row = { collection, rkey, cid, rev: commit.rev, takedownRef: former?.row.takedownRef ?? null }
        const refs = cids.map((held) => [held, former?.blobs.get(held) ?? commit.rev] as const)
        rows.set(path, { row, links, blobs: new Map(refs) })
        blobs.keep(did, cids)
      }
      for (const held of former?.blobs.keys() ?? []) if (!cids.includes(held)) dropped.add(held)
    }
    return applied(seqs, blobs.release(did, dropped))
  }

  const remove = async (did: Did, events: readonly NewEvent[]): Promise<Outcome> => {
    await repos.remove(did)
    entries.delete(did)
    statuses.delete(did)
    departed.add(did)
    const seqs = append(events)
    log.remove({ did, before: seqs.at(-1) ?? log.bounds().newest + 1 })
    return applied(seqs)
  }

  const takedown = ({ did, subject, ref }: RepoServerChange & { type: 'takedown' }): Outcome => {
    if ('cid' in subject) {
      return blobs.takedown(did, subject.cid, ref) ? applied([]) : notFound('blob-not-found')
    }
    const path = `${subject.collection}/${subject.rkey}`
    const entry = entries.get(did)?.get(path)
    if (entry === undefined) return notFound('record-not-found')
    entries.get(did)!.set(path, { ...entry, row: { ...entry.row, takedownRef: ref } })
    return applied([])
  }

  const applyNow = async (change: RepoServerChange): Promise<Outcome> => {
    const { did } = change
    switch (change.type) {
      case 'commit':
        return applyCommit(change)
      case 'status':
        await setStatus(did, change.status)
        return applied(append(change.events))
      case 'removal':
        return remove(did, change.events)
      case 'upload': {
        const { blob, maxBytes, now } = change
        const isNew = (await blobs.get(did, blob.cid)) === null
        if ((await blobs.bytes(did)) + (isNew ? blob.size : 0) > maxBytes) return refuseBytes(maxBytes)
        blobs.add(did, blob, now)
        return applied([])
      }
      case 'takedown':
        return takedown(change)
      default:
        return applied(append(change.events))
    }
  }

  const stage = (did: Did): Staging => {
    const fresh: Entries = new Map()
    staged.set(fresh, did)
    const adopt = async ({ head, blocks, onlyWhile, status, events }: Replacement): Promise<Outcome> => {
      const before = await repos.getHead(did)
      let outcome = { status: 'stale' } as Outcome
      const swap = async (): Promise<void> => {
        const now = (await repos.getHead(did))!.status
        const is = before === null ? status : now
        const refusal = onlyWhile === undefined ? null : refuseStatus(is, did, onlyWhile)
        if (refusal !== null) throw new Undone(refusal)
        const former = entries.get(did)
        for (const [path, { row }] of former ?? []) {
          const entry = fresh.get(path)
          if (entry === undefined || row.takedownRef === null) continue
          fresh.set(path, { ...entry, row: { ...entry.row, takedownRef: row.takedownRef } })
        }
        entries.set(did, fresh)
        staged.delete(fresh)
        statuses.set(did, is)
        for (const { blobs: cids } of fresh.values()) blobs.keep(did, cids.keys())
        const gone = [...(former?.values() ?? [])].flatMap(({ blobs: cids }) => [...cids.keys()])
        blobs.loosen(did, gone, Date.now())
        outcome = applied(is === 'active' ? append(events) : [])
      }
      try {
        await repos.replace(head, blocks, swap)
      } catch (error) {
        if (!(error instanceof Undone)) throw error
        return error.refusal
      }
      if (outcome.status === 'applied' && before === null) await setStatus(did, status)
      return outcome
    }
    return {
      add: async (rev, added) => addStaged(fresh, rev, added),
      // The blocks come from strangers: nobody waits for them.
      adopt,
      discard: async () => void staged.delete(fresh),
    }
  }

  return {
    repos,
    records,
    blobs,
    log,
    apply: (change) => inTurn(() => applyNow(change)),
    stage: async (did) => stage(did),
    onEvent: (listener) => listeners.add(listener),
    upkeep: {
      expireUploads: async (before) => blobs.expire(before),
      departed: () => [...departed],
      forgetBlobs: async (did) => {
        if (departed.delete(did)) blobs.remove(did)
        return false
      },
      sweep: async () => {},
      discardStaged: async () => {},
    },
  }
}

const notFound = (code: Refusal['code']): Refusal => ({
  status: 'refused',
  code,
  message: 'Subject not found',
})

/** Takes a transaction of the memory store back. */
class Undone extends Error {
  override readonly name = 'Undone'
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}
