// The wanted collections of a large repo, read by themselves: a proof that shows where they begin, then the blocks of their ranges.
// Spec: lexicons com.atproto.sync.getRecord, getBlocks; https://atproto.com/specs/repository#mst-structure

import { type Car, CarError } from '@avocet/car'
import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { type BlockMap, type CID, cidEquals, cidKey, CidMap, formatCid } from '@avocet/data'
import { entryBounds, type KeyRange, MstError, walkRanges } from '@avocet/mst'
import { type ByteBudget, type EncodedEntry, type RepoReader, verifyCommit } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import type { RepoParts } from './copies.ts'
import type { StoredRecord } from './differences.ts'
import { ResyncError } from './errors.ts'

/** What is read, and what it is compared with. */
export type SparseOptions = {
  readonly did: Did
  readonly key: PublicKey
  readonly verify?: VerifySignature
  /** Exact names, or namespaces that end in `.*`; at least one. */
  readonly collections: readonly string[]
  /** A repo of fewer records, about, is read whole. */
  readonly minRecords: number
  /** What the app has, in order of path: it is not asked for again. */
  readonly stored: () => Iterable<StoredRecord> | AsyncIterable<StoredRecord>
  /** Bytes of records that several reads hold together. */
  readonly budget?: ByteBudget
  /** The commit at which the host did not give what it told of. */
  readonly failedAt: CID | null
}

/** The newest commit, its signature checked, and the records of the collections in order of path, each proved to be all there are. */
export type SparseRepo = Pick<RepoReader, 'rev' | 'commit' | 'data'> & {
  readonly batches: AsyncIterable<readonly EncodedEntry[]>
}

/** CIDs in a request: an address of less than the 8 kB that proxies let pass. */
const MAX_CIDS = 100
/** Bytes of an answer with blocks; where it is larger, half of them are asked for. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** Bytes of a proof. */
const MAX_PROOF_BYTES = 2 * 1024 * 1024
/** Requests for nodes. */
const MAX_ROUNDS = 64
/** Collections whose beginning is asked for by a proof; the others are reached node by node. */
const MAX_PROOFS = 8
/** Where more records are wanted, or more than such a part of the repo, the export is the better way. */
const MAX_RECORDS = 10_000
const MAX_SHARE = 1 / 8

/**
 * The host does not give what it told of: mostly since the repo was written to meanwhile, after which hosts do not find what was of the
 * state before. Begun again it fits, unless it is the same `commit` again.
 */
export class RepoMoved extends Error {
  readonly commit: CID

  constructor(commit: CID) {
    super(`host does not give what it told of; commit=${formatCid(commit)}`)
    this.commit = commit
  }
}

/**
 * Finds the records of the collections.
 *
 * @returns null where the export is the better way, or the only one: the repo is small, the collections are much of it, the host does
 *   not answer such questions, or not soundly
 * @throws ResyncError `host-busy`; {@link RepoMoved}. So do the batches, which fail besides with `fetch-failed`.
 */
export async function openSparse(parts: RepoParts, options: SparseOptions): Promise<SparseRepo | null> {
  const { did, key, verify, collections, minRecords } = options
  const [first, ...others] = collections
  const proof = await proofOf(parts, first!)
  const commit = proof?.roots[0]
  if (proof === null || commit === undefined) return null
  if (options.failedAt !== null && cidEquals(commit, options.failedAt)) return null
  const blocks = mapOf(proof)
  const read = verifyCommit({ blocks, commit, did, key, ...(verify === undefined ? {} : { verify }) })
  if (!read.ok) return null
  const { rev, data } = read.value
  const walk = walkRanges(data, collections.map(rangeOf))
  try {
    walk.advance(blocks)
    if (walk.estimate === null || walk.estimate < minRecords) return null
    for (const pattern of others.slice(0, MAX_PROOFS - 1)) {
      const another = await proofOf(parts, pattern)
      if (another !== null) walk.advance(mapOf(another))
    }
    const most = Math.min(MAX_RECORDS, walk.estimate * MAX_SHARE)
    for (let rounds = 0; ; rounds++) {
      if (rounds === MAX_ROUNDS || walk.count > most) return null
      const [before] = walk.missing
      if (before === undefined) break
      const nodes = await blocksOf(parts, walk.missing.slice(0, MAX_CIDS), commit)
      if (nodes === null) return null
      walk.advance(nodes)
      if (walk.missing[0] !== undefined && cidEquals(walk.missing[0], before)) throw new RepoMoved(commit)
    }
  } catch (error) {
    if (error instanceof MstError) return null
    throw error
  }
  const found = walk.entries().map(([path, cid]) => ({ path, cid }))
  const batches = (): ReturnType<typeof records> => records(parts, found, commit, options)
  return { rev, commit, data, batches: { [Symbol.asyncIterator]: batches } }
}

/** The records found, some at a time; those that the app has come without their bytes. */
async function* records(
  parts: RepoParts,
  found: readonly StoredRecord[],
  commit: CID,
  { did, stored, budget }: SparseOptions,
): AsyncGenerator<readonly EncodedEntry[], void> {
  const known = await alsoIn(found, stored())
  for (let at = 0, size = MAX_CIDS; at < found.length;) {
    const news = new Map<string, CID>()
    let end = at
    for (; end < found.length && news.size < size; end++) {
      const entry = found[end]!
      if (!known.has(entry)) news.set(cidKey(entry.cid), entry.cid)
    }
    if (budget?.take(MAX_ANSWER_BYTES) === false) {
      throw new ResyncError('fetch-failed', `too much is read at once; did=${did}`)
    }
    try {
      const blocks = await blocksOf(parts, [...news.values()], commit)
      if (blocks === null) {
        if (size === 1) throw new ResyncError('fetch-failed', `record is too large; did=${did}`)
        size = Math.ceil(size / 2)
        continue
      }
      yield found.slice(at, end).map((entry) => {
        if (known.has(entry)) return new Unread(entry, commit)
        const bytes = blocks.get(entry.cid)
        if (bytes === undefined) throw new RepoMoved(commit)
        const isRepeat = !news.delete(cidKey(entry.cid))
        return { ...entry, bytes, isRepeat }
      })
      at = end
    } finally {
      budget?.give(MAX_ANSWER_BYTES)
    }
  }
}

/** A record that the app has. */
class Unread implements EncodedEntry {
  readonly path: string
  readonly cid: CID
  readonly #commit: CID

  constructor({ path, cid }: StoredRecord, commit: CID) {
    this.path = path
    this.cid = cid
    this.#commit = commit
  }

  /** The app has it no more. */
  get bytes(): never {
    throw new RepoMoved(this.#commit)
  }
}

/** Those of one list that are also in another, both in order of path. */
async function alsoIn(
  list: readonly StoredRecord[],
  other: Iterable<StoredRecord> | AsyncIterable<StoredRecord>,
): Promise<ReadonlySet<StoredRecord>> {
  const both = new Set<StoredRecord>()
  let at = 0
  for await (const { path, cid } of other) {
    while (at < list.length && list[at]!.path < path) at++
    if (at === list.length) break
    if (list[at]!.path === path && cidEquals(list[at]!.cid, cid)) both.add(list[at]!)
  }
  return both
}

/** The path to where a collection begins: no record key is before this one. */
const proofOf = (parts: RepoParts, pattern: string): Promise<Car | null> =>
  orNone(parts.record(firstOf(pattern), '-', MAX_PROOF_BYTES))

/** Null for what the host does not answer, or not soundly: the export tells what it is about. */
async function orNone(answer: Promise<Car | null>): Promise<Car | null> {
  try {
    return await answer
  } catch (error) {
    if (isRefusal(error)) return null
    throw error
  }
}

/** Null: more bytes than allowed. @throws {@link RepoMoved} */
async function blocksOf(parts: RepoParts, cids: readonly CID[], commit: CID): Promise<BlockMap | null> {
  if (cids.length === 0) return new CidMap()
  try {
    const car = await parts.blocks(cids, MAX_ANSWER_BYTES)
    return car === null ? null : mapOf(car)
  } catch (error) {
    throw isRefusal(error) ? new RepoMoved(commit) : error
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof CarError || (error instanceof ResyncError && error.code !== 'host-busy')

const mapOf = ({ blocks }: Car): BlockMap => new CidMap(blocks.map(({ cid, bytes }) => [cid, bytes]))

/** A namespace, without its star: `com.example.`. Null for the name of a collection. */
const namespaceIn = (pattern: string): string | null => (pattern.endsWith('.*') ? pattern.slice(0, -1) : null)

function rangeOf(pattern: string): KeyRange {
  return entryBounds({ prefix: namespaceIn(pattern) ?? `${pattern}/` })!
}

/** A collection that stands where these begin: a name has at least three parts. */
function firstOf(pattern: string): string {
  const namespace = namespaceIn(pattern)
  if (namespace === null) return pattern
  return namespace.split('.').length < 3 ? `${namespace}a.a` : `${namespace}a`
}
