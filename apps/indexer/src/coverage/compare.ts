// A repo as its own host gives it, compared record for record with what is stored: what is missing, what is another version, what should
// not be there, and what is not what was signed. The export is verified whole before it says anything.

import { setImmediate, setTimeout as delay } from 'node:timers/promises'
import { type CID, cidEquals, cidForCbor, cidFromBytes, formatCid } from '@avocet/data'
import type { VerifySignature } from '@avocet/crypto'
import {
  createResync,
  type HostFetch,
  newRepo,
  repoFetcher,
  type ResolveKey,
  ResyncError,
  type ResyncErrorCode,
} from '@avocet/firehose'
import type { ByteBudget } from '@avocet/repo'
import type { Database } from '@avocet/sqlite'
import type { Did } from '@avocet/syntax'
import { createNames } from '../database/names.ts'
import { createRecordReader } from '../queries/records.ts'
import type { IsWanted } from '../sync/collections.ts'
import { storedPaths } from '../sync/stored-paths.ts'

/** One record that is not as its host has it. */
export type Difference = {
  /** `damaged`: what is stored for the CID are other bytes. */
  readonly kind: 'missing' | 'changed' | 'extra' | 'damaged'
  /** `collection/rkey`. */
  readonly path: string
  /** The CID at the host; null: there is no such record. */
  readonly expected: string | null
  /** The CID here, or of the bytes that are here; null: there is no such record. */
  readonly found: string | null
}

/** What came of a comparison. */
export type Comparison = {
  readonly did: Did
  /** The rev of the export, and the one of the index afterwards. */
  readonly rev: string
  readonly indexRev: string | null
  /** Wanted records that the host has. */
  readonly records: number
  /** Those that differ for certain, the first `MAX_DIFFERENCES` of them in order of path, and how many there are. */
  readonly differences: readonly Difference[]
  readonly different: number
  /** Records that changed all the time: nothing can be said of them. */
  readonly unsettled: number
  /** How often the repo was fetched. */
  readonly fetches: number
}

/** Why nothing can be said. Of the codes `repo-…` only the host itself is believed. */
export type CompareError = {
  readonly code: ResyncErrorCode | 'no-identity'
  readonly message: string
  /** Not before this many ms; null: whenever. */
  readonly retryAfterMs: number | null
}

/** What is needed to compare. */
export type CompareOptions = {
  readonly db: Database
  readonly isWanted: IsWanted
  readonly resolveKey: ResolveKey
  /** For exports. Guarded against addresses inside the network. */
  readonly fetch: HostFetch
  /** For small questions meanwhile. */
  readonly ask: HostFetch
  readonly verify: VerifySignature
  readonly budget?: ByteBudget
  /** Bytes of an export. */
  readonly maxSize?: number
  /** How long what is on its way may take to arrive, ms. */
  readonly settleMs?: number
}

/** Compares a repo; `signal` ends it with a throw. */
export type CompareRepo = (
  did: Did,
  signal: AbortSignal,
) => Promise<
  { readonly ok: true; readonly value: Comparison } | { readonly ok: false; readonly error: CompareError }
>

/** Differences that are kept in memory. */
export const MAX_DIFFERENCES = 10_000
/** A repo in which something differs is fetched again, as it may have changed meanwhile. */
const MAX_FETCHES = 3
const SETTLE_MS = 10_000
const POLL_MS = 200
/** Stored bytes that are hashed in one turn of the event loop, and records. */
const TURN_BYTES = 1024 * 1024
const TURN_RECORDS = 256

/** What one reading of a repo showed. */
type Look = {
  readonly rev: string
  readonly records: number
  readonly found: Map<string, Difference>
  readonly different: number
}

const STORED = `SELECT records.cid, coalesce(records.bytes, contents.bytes) AS bytes
  FROM records LEFT JOIN contents ON contents.id = records.content WHERE records.repo = ? AND collection = ? AND rkey = ?`
type Stored = { readonly cid: CID; readonly actual: CID }

/** A comparer on an open database, which may be read-only, and may change meanwhile. */
export function createCompare(options: CompareOptions): CompareRepo {
  const { db, isWanted, resolveKey, settleMs = SETTLE_MS } = options
  const records = createRecordReader(db)
  const names = createNames(db)
  const fetchRepo = repoFetcher({ fetch: options.fetch, fetchBlocks: options.ask })

  /** The record at a path, and the CID of the bytes that are there. What is kept without bytes is taken at its word. */
  const storedAt = (did: string, path: string): (Stored & { bytes: number }) | null => {
    const slash = path.indexOf('/')
    const [repo, collection] = [names.find(did), names.find(path.slice(0, slash))]
    if (repo === null || collection === null) return null
    const row = db.prepare(STORED).get(repo, collection, path.slice(slash + 1)) as
      | { cid: Uint8Array; bytes: Uint8Array | null }
      | undefined
    if (row === undefined) return null
    const cid = cidFromBytes(row.cid)
    return {
      cid,
      actual: row.bytes === null ? cid : cidForCbor(row.bytes),
      bytes: row.bytes?.length ?? 0,
    }
  }

  /** The stored records in order of the tree, each hashed. */
  async function* storedRecords(
    did: Did,
    onDamage: (difference: Difference) => void,
    onRecord: () => void,
  ): AsyncGenerator<{ path: string; cid: CID }, void, undefined> {
    const collections: string[] = []
    for (const collection of records.eachCollection(did))
      if (isWanted(collection)) collections.push(collection)
    let [bytes, count] = [0, 0]
    for (const { path } of storedPaths(db, did, collections)) {
      const stored = storedAt(did, path)
      if (stored === null) continue
      const { cid, actual } = stored
      if (!cidEquals(cid, actual)) {
        onDamage({ kind: 'damaged', path, expected: formatCid(cid), found: formatCid(actual) })
      }
      onRecord()
      yield { path, cid }
      bytes += stored.bytes
      if (++count % TURN_RECORDS === 0 || bytes >= TURN_BYTES) {
        bytes = 0
        await setImmediate()
      }
    }
  }

  const look = async (did: Did, forceRefresh: boolean, signal: AbortSignal): Promise<Look> => {
    const identity = await resolveKey(did, { forceRefresh, signal })
    if (identity === null) throw new ResyncError('repo-not-found', `nobody has the account; did=${did}`)
    const found = new Map<string, Difference>()
    let [stored, different, missing, extra] = [0, 0, 0, 0]
    const note = (difference: Difference): void => {
      // One record differs once: what is damaged may be another version as well.
      if (!found.has(difference.path)) different++
      if (found.size < MAX_DIFFERENCES || found.has(difference.path)) found.set(difference.path, difference)
    }
    const resync = createResync({
      fetchRepo,
      stored: (of) => storedRecords(of, note, () => stored++),
      wanted: isWanted,
      maxPartBytes: TURN_BYTES,
      ...(options.maxSize === undefined ? {} : { maxSize: options.maxSize }),
      ...(options.budget === undefined ? {} : { budget: options.budget }),
      verify: options.verify,
    })
    let rev = ''
    for await (const part of resync({ did, repo: newRepo(did), identity, reason: 'compare', signal })) {
      signal.throwIfAborted()
      rev = part.rev
      for (const { action, path, cid, prev } of part.ops) {
        if (action === 'create') missing++
        if (action === 'delete') extra++
        note({
          kind: action === 'create' ? 'missing' : action === 'delete' ? 'extra' : 'changed',
          path,
          expected: cid === null ? null : formatCid(cid),
          found: prev === null ? null : formatCid(prev),
        })
      }
    }
    return { rev, records: stored + missing - extra, found, different }
  }

  /** Whether the index has by now what the host was seen to have. */
  const hasArrived = (did: Did, { path, expected }: Difference): boolean => {
    const stored = storedAt(did, path)
    if (stored === null) return expected === null
    return formatCid(stored.cid) === expected && cidEquals(stored.cid, stored.actual)
  }
  const revOf = (did: Did): string | null =>
    (db.prepare('SELECT rev FROM repos WHERE did = ?').get(did)?.['rev'] as string | null | undefined) ?? null

  /** Gives what is on its way time to arrive. */
  const settle = async (did: Did, { rev, found }: Look, signal: AbortSignal): Promise<void> => {
    const until = performance.now() + settleMs
    while (performance.now() < until) {
      await delay(Math.min(POLL_MS, settleMs), undefined, { signal })
      const isBehind = (revOf(did) ?? '') < rev
      if (!isBehind && performance.now() > until - settleMs * 0.8) return
      if ([...found.values()].slice(0, 100).every((difference) => hasArrived(did, difference))) return
    }
  }

  const compare = async (did: Did, signal: AbortSignal): Promise<Comparison> => {
    const refreshed = (error: unknown): boolean =>
      error instanceof ResyncError && error.code === 'invalid-repo'
    // A key or a host that changed makes a copy look wrong: the newest document decides.
    let last = await look(did, false, signal).catch((error: unknown) => {
      if (!refreshed(error)) throw error
      return look(did, true, signal)
    })
    let fetches = 1
    let certain: Difference[] = []
    let unsettled = 0
    while (last.different > 0) {
      await settle(did, last, signal)
      const open = new Map([...last.found].filter(([, difference]) => !hasArrived(did, difference)))
      certain = certain.filter(({ path }) => open.has(path))
      if (open.size === 0 && last.different === last.found.size) {
        last = { ...last, different: 0 }
        certain = []
        unsettled = 0
        break
      }
      if (fetches === MAX_FETCHES) break
      const next = await look(did, true, signal)
      fetches++
      // What differs from the same again, after all that time, is no change on its way.
      certain = [...next.found.values()].filter(
        ({ path, expected }) => open.has(path) && open.get(path)!.expected === expected,
      )
      unsettled = next.found.size - certain.length
      last = next
      if (unsettled === 0) break
    }
    const different = last.different === last.found.size ? certain.length : last.different - unsettled
    const { rev, records: count } = last
    return {
      did,
      rev,
      indexRev: revOf(did),
      records: count,
      differences: certain.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      different,
      unsettled,
      fetches,
    }
  }

  return async (did, signal) => {
    try {
      return { ok: true, value: await compare(did, signal) }
    } catch (error) {
      if (signal.aborted) throw error
      const known = error instanceof ResyncError
      const message = error instanceof Error ? error.message : String(error)
      return {
        ok: false,
        error: known
          ? { code: error.code, message, retryAfterMs: error.retryAfterMs }
          : { code: 'no-identity', message, retryAfterMs: null },
      }
    }
  }
}
