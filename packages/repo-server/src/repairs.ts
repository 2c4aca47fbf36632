import { setImmediate } from 'node:timers/promises'

import type { Keypair, Signer } from '@avocet/crypto'
import { formatCid, parseCid, type CID } from '@avocet/data'
import {
  checkRepo,
  exportRepo,
  importRepo,
  rebuildRepo,
  type RecordSource,
  type EncodedEntry,
} from '@avocet/repo'
import { SyntaxFault, tidToDate, type Did, type Tid, type TidClock } from '@avocet/syntax'

import type { StagedRecord } from './change.ts'
import { RepoServerError } from './error.ts'
import { syncEvent } from './events.ts'
import { readImported } from './import-records.ts'
import type { KeyedLock } from './locks.ts'
import { replacing } from './replacing.ts'
import { sortInTurns } from './sorting.ts'
import type { Awaitable, RepoServerStore } from './store.ts'

/** What was found of a repository, and what became of it. */
export interface RepairReport {
  readonly did: Did
  /** The revision that was found, and its time. */
  readonly rev: Tid
  readonly revTime: string
  /** Whether that is too far in the future for the repository to be written. */
  readonly isAhead: boolean
  /** What is wrong with the blocks, at most 100 lines. */
  readonly faults: readonly string[]
  /** Records that will stand. */
  readonly records: number
  /** Of these, those that only a row still led to. */
  readonly fromRows: number
  /** Rows that were not there or said something else, and rows of records that are not there. */
  readonly rowsMissing: number
  readonly rowsStale: number
  /** The new revision; null when nothing was changed. */
  readonly newRev: Tid | null
}

/** Putting a repository right. The operator asks for it; the account waits meanwhile. */
export interface Repairs {
  /**
   * Makes tree, record rows and blob references anew from the blocks, every one verified, under a new commit that is announced.
   * @param apply false only looks
   * @param clockIsRight the operator has looked at the clock of this machine, whatever it said before
   * @throws RepoServerError `repo-not-found`; `clock-behind` when the revision is in the future of a clock that once said a later time
   */
  rebuild(did: Did, apply: boolean, clockIsRight?: boolean): Promise<RepairReport>
  /** The same for a repository whose revision is in the future, and nothing for any other. */
  repairRev(did: Did, apply: boolean, clockIsRight?: boolean): Promise<RepairReport>
}

const SHOWN_FAULTS = 100
/** Rows and blocks handled at a time. */
const PAGE = 500
/** A clock this much behind the time that was believed last is not the one to make a revision older by. */
const MAX_BEHIND_MS = 5 * 60 * 1000
/** Work after which others get their turn, in milliseconds. */
const TURN_MS = 8

/** What repairs compose. */
export interface RepairParts {
  readonly store: RepoServerStore
  /** The key of an account. */
  readonly keyOf: (did: Did) => Awaitable<Pick<Keypair, 'publicKey'> & Signer>
  readonly locks: KeyedLock
  readonly tids: TidClock
  /** The time that the clock of this machine last said when it was believed, in ms since 1970. */
  readonly clock: { last(): Awaitable<number | null> }
}

/** Repairs of the repositories in a store. */
export function createRepairs(parts: RepairParts): Repairs {
  const { store, keyOf, locks, tids, clock } = parts
  const { repos, records } = store

  /** Every sound record of the tree, and what is wrong with the rest. */
  const look = async (did: Did): Promise<{ found: Map<string, CID>; faults: string[] }> => {
    const found = new Map<string, CID>()
    let began = performance.now()
    const report = await checkRepo(repos, did, {
      key: (await keyOf(did)).publicKey,
      onRecord: async ({ path, cid }) => {
        found.set(path, cid)
        if (performance.now() - began < TURN_MS) return
        await setImmediate()
        began = performance.now()
      },
    })
    const faults = report.faults.map(
      ({ code, message, cid, path }) => `${code}: ${message}; cid=${formatCid(cid)} path=${path ?? ''}`,
    )
    return { found, faults }
  }

  /** Compares the rows with the records; where the tree is damaged, rows lead to records that it lost. */
  const compareRows = async (did: Did, found: Map<string, CID>, isDamaged: boolean) => {
    const seen = { right: 0, stale: 0, fromRows: 0 }
    for await (const rows of records.all(did, PAGE)) {
      const unknown = rows.filter(({ collection, rkey }) => !found.has(`${collection}/${rkey}`))
      const blocks = isDamaged
        ? await repos.getBlocks(
            did,
            unknown.map(({ cid }) => parseCid(cid)),
          )
        : null
      for (const { collection, rkey, cid } of rows) {
        const path = `${collection}/${rkey}`
        const known = found.get(path)
        if (known !== undefined) {
          if (formatCid(known) === cid) seen.right++
          else seen.stale++
        } else if (blocks?.has(parseCid(cid)) === true) {
          found.set(path, parseCid(cid))
          seen.fromRows++
        } else seen.stale++
      }
      await setImmediate()
    }
    return seen
  }

  const sources = (did: Did, found: ReadonlyMap<string, CID>): (() => AsyncIterable<RecordSource>) => {
    const sorted = sortInTurns(found.keys())
    return async function* () {
      const paths = await sorted
      for (let from = 0; from < paths.length; from += PAGE) {
        const page = paths.slice(from, from + PAGE)
        const blocks = await repos.getBlocks(
          did,
          page.map((path) => found.get(path)!),
        )
        for (const path of page) yield { path, bytes: blocks.get(found.get(path)!)! }
        await setImmediate()
      }
    }
  }

  /** Stages rows for the records, puts the repository in place of the former, and announces it. */
  const replace = async (did: Did, found: ReadonlyMap<string, CID>, isDamaged: boolean): Promise<Tid> => {
    const head = (await repos.getHead(did))!
    const rev = isAhead(head.rev) ? tids.next() : tids.nextAfter(head.rev)
    const staging = await store.stage(did)
    const stage = (batch: readonly EncodedEntry[]): Promise<void> =>
      staging.add(
        rev,
        batch.map(readImported).filter((read): read is StagedRecord => !('reason' in read)),
      )
    const common = {
      did,
      ...replacing(store, staging, { status: 'active' }, (made) => [syncEvent(made)]),
      signer: await keyOf(did),
      rev,
      unsafeOlderRev: true,
    } as const
    try {
      if (isDamaged) {
        const from = sources(did, found)
        let batch: EncodedEntry[] = []
        for await (const { path, bytes } of from()) {
          batch.push({ path, bytes, cid: found.get(path)! })
          if (batch.length >= PAGE) await stage(batch.splice(0))
        }
        await stage(batch)
        await rebuildRepo({ ...common, records: from })
      } else {
        const source = exportRepo(repos, did)
        await importRepo({ ...common, source, unsafeSkipSignature: true, onRecords: stage })
      }
    } finally {
      await staging.discard()
    }
    return rev
  }

  const isAhead = (rev: Tid): boolean => {
    try {
      tids.nextAfter(rev)
      return false
    } catch (error) {
      if (error instanceof SyntaxFault && error.code === 'tid-ahead') return true
      throw error
    }
  }

  /** A repository looks ahead too while the clock is behind: then it is whole, and a new one would be older than it. */
  const checkClock = async (rev: Tid): Promise<void> => {
    const last = await clock.last()
    const now = Date.now()
    if (!isAhead(rev) || last === null || now >= last - MAX_BEHIND_MS) return
    const [then, says] = [last, now].map((time) => new Date(time).toISOString())
    throw new RepoServerError(
      'clock-behind',
      `The clock of this machine says ${says}, and said ${then} before: set it right, and the repository may need no repair. If it is right now, and was ahead then, give --clock-is-right`,
    )
  }

  const repair = async (
    did: Did,
    apply: boolean,
    onlyAhead: boolean,
    clockIsRight: boolean,
  ): Promise<RepairReport> => {
    const head = await repos.getHead(did)
    if (head === null) throw new RepoServerError('repo-not-found', `Could not find repo for DID: ${did}`)
    if (apply && !clockIsRight) await checkClock(head.rev)
    const { found, faults } = await look(did)
    // A commit that the key did not sign is made anew like any other; the tree below it is what it is.
    const isDamaged = faults.some((fault) => !/^(bad-signature|malformed-commit|head-mismatch):/.test(fault))
    const inTree = found.size
    const rows = await compareRows(did, found, isDamaged)
    const ahead = isAhead(head.rev)
    const newRev = apply && (ahead || !onlyAhead) ? await replace(did, found, isDamaged) : null
    return {
      did,
      rev: head.rev,
      revTime: timeOf(head.rev),
      isAhead: ahead,
      faults: faults.slice(0, SHOWN_FAULTS),
      records: found.size,
      fromRows: rows.fromRows,
      rowsMissing: inTree - rows.right,
      rowsStale: rows.stale,
      newRev,
    }
  }

  return {
    rebuild: (did, apply, clockIsRight = false) =>
      locks.run(did, () => repair(did, apply, false, clockIsRight)),
    repairRev: (did, apply, clockIsRight = false) =>
      locks.run(did, () => repair(did, apply, true, clockIsRight)),
  }
}

/** The time of a revision, which may be past what a date can hold. */
function timeOf(rev: Tid): string {
  const date = tidToDate(rev)
  return Number.isNaN(date.getTime()) ? 'past all dates' : date.toISOString()
}
