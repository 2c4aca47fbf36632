// https://atproto.com/specs/repository#car-file-serialization
// Reads the CAR of a whole repository as it arrives. Every block is checked against its hash, every node against the
// format and its place, and each record comes out only when the path from the signed commit down to it is proved.

import { readCarStream, type CarBlock } from '@avocet/car'
import { type PublicKey, verifySignature, type VerifySignature } from '@avocet/crypto'
import type { CID } from '@avocet/data'
import { decodeNode, type Link, type TreeNode } from '@avocet/mst'
import type { Did } from '@avocet/syntax'
import { createBlockBuffer, type BlockBuffer, type ByteBudget, type Recall } from './block-buffer.ts'
import { type Commit, readCommit } from './commit.ts'
import { Entry, type RepoEntry } from './entry.ts'
import { RepoError } from './error.ts'
import { missingBlock, typed } from './load.ts'
import { badSignature } from './verify.ts'

/** A block of a repository in pre-order: a node, or the record at `path`. */
export interface RepoBlock extends CarBlock {
  readonly path: string | null
  readonly isRepeat: boolean
}

/** Bounds of a read, and whose repository it must be. */
export interface ReadRepoBounds {
  /** Refuse the repository of anybody else. */
  readonly did?: Did
  /** Largest CAR, in bytes. Default: no limit, since memory does not depend on it. */
  readonly maxSize?: number
  /**
   * Most bytes to hold back when blocks come in another order than pre-order. Default 256 MiB. A CAR in pre-order, as
   * the specification asks for, needs next to none; other servers send newest blocks first, and need about their size.
   */
  readonly maxBuffered?: number
  /** Shared with other reads: what is held back is taken from it, and it may be used up before `maxBuffered` is. */
  readonly budget?: ByteBudget
  /**
   * Asked for a record that stands at several paths, came once, and is not at hand any more (the last 8 MiB are). Default: such
   * a CAR fails with `missing-block`. At most 10 000 times; what it gives is checked against the CID.
   */
  readonly recall?: Recall
  /** Most records. Default 10 million. */
  readonly maxRecords?: number
}

/** Options of {@link readRepo}: the key that must have signed the commit, or, by name, that no signature is checked. */
export type ReadRepoOptions = ReadRepoBounds &
  (
    | { readonly key: PublicKey; readonly verify?: VerifySignature; readonly unsafeSkipSignature?: never }
    | { readonly unsafeSkipSignature: true; readonly key?: never; readonly verify?: never }
  )

/** Whether the bytes are the signature of a message by the key that must have signed it: `VerifySignature` with the key left to the caller. */
export type CheckSignature = (message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>

/** Options of {@link readRepoBy}: what checks the signature, or, by name, that none is checked. */
export type ReadRepoByOptions = ReadRepoBounds &
  (
    | { readonly verify: CheckSignature; readonly unsafeSkipSignature?: never }
    | { readonly unsafeSkipSignature: true; readonly verify?: never }
  )

/** A repository being read. Iterate one of `entries`, `batches`, `blocks` and `blockBatches`, once; ending early closes the source. */
export interface RepoReader extends Pick<Commit, 'did' | 'rev' | 'data' | 'prev'> {
  readonly commit: CID
  readonly commitBytes: Uint8Array
  /** The records, in key order. Throws at the end, at the latest, if anything was missing or wrong. */
  readonly entries: AsyncIterable<RepoEntry>
  /** The same, some hundred at a time: as many as can be had without waiting. */
  readonly batches: AsyncIterable<readonly RepoEntry[]>
  /** The nodes and records in pre-order. A record comes once for each path that has it. */
  readonly blocks: AsyncIterable<RepoBlock>
  /** The same, some hundred at a time. */
  readonly blockBatches: AsyncIterable<readonly RepoBlock[]>
  /** Closes the source without reading on; for `await using`, too, where the engine has its symbol. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Where a CAR comes from. */
export type CarSource = Uint8Array | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>

const BATCH_SIZE = 500
/** Bytes of a batch that came before and are copied: one record may stand at every path. */
const BATCH_REPEATED = 1024 * 1024
const DEFAULT_MAX_BUFFERED = 256 * 1024 * 1024
const DEFAULT_MAX_RECORDS = 10_000_000

/**
 * Reads a repository from its CAR. Resolves when the commit is there and is verified.
 *
 * @throws {RepoError} `no-key`, `malformed-commit`, `unsupported-version`, `did-mismatch`, `bad-signature`,
 *   `missing-block`, `malformed-repo`, `buffer-exceeded`, `buffers-full`, from the promise or while iterating;
 *   CarError for what is not a CAR.
 */
export async function readRepo(source: CarSource, options: ReadRepoOptions): Promise<RepoReader> {
  const { key, verify, unsafeSkipSignature, ...bounds } = options
  // Types do not reach JavaScript, `any` or a variable that was never filled: no key must never mean no check.
  if ((key ?? null) !== null) {
    const check = verify ?? verifySignature
    return await readRepoBy(source, { ...bounds, verify: (message, sig) => check(key!, message, sig) })
  }
  if (unsafeSkipSignature === true) return await readRepoBy(source, { ...bounds, unsafeSkipSignature })
  throw noKey('readRepo needs the key that signs the commits')
}

/**
 * The same by a check of the caller's own, which may be asynchronous. For pages: it brings no curves into a bundle, so that
 * `verifySignature` of `@avocet/crypto/web` can stand there, or nothing.
 *
 * @throws {RepoError} as {@link readRepo}
 */
export async function readRepoBy(source: CarSource, options: ReadRepoByOptions): Promise<RepoReader> {
  const { did, maxSize, maxBuffered = DEFAULT_MAX_BUFFERED, maxRecords = DEFAULT_MAX_RECORDS } = options
  const { verify } = options
  const isUnsafe: unknown = options.unsafeSkipSignature
  if (typeof verify !== 'function' && isUnsafe !== true) {
    throw noKey('readRepoBy needs the check of signatures')
  }
  const stream = source instanceof Uint8Array ? once(source) : source
  const { roots, batches } = await readCarStream(stream, maxSize === undefined ? {} : { maxSize })
  const buffer = createBlockBuffer(
    batches[Symbol.asyncIterator](),
    maxBuffered,
    options.budget,
    options.recall,
  )
  try {
    const commit = roots[0]
    if (commit === undefined) throw new RepoError('malformed-repo', 'CAR has no root')
    const commitBytes = (await buffer.take(commit, false)) ?? missing(commit, 'commit block is missing')
    const read = readCommit(commitBytes)
    if (did !== undefined && read.did !== did) {
      throw new RepoError('did-mismatch', `repository is of somebody else; did=${did} commit=${read.did}`)
    }
    if (typeof verify === 'function' && !(await verify(read.unsigned, read.sig))) {
      throw badSignature(read)
    }
    const walk = (): AsyncGenerator<readonly RepoBlock[], void> => walkBatches(buffer, read.data, maxRecords)
    return {
      did: read.did,
      rev: read.rev,
      data: read.data,
      prev: read.prev,
      commit,
      commitBytes,
      entries: iterable(() => flatten(onlyRecords(walk()))),
      batches: iterable(() => onlyRecords(walk())),
      blocks: iterable(() => flatten(walk())),
      blockBatches: iterable(walk),
      close: () => buffer.close(),
      [Symbol.asyncDispose]: () => buffer.close(),
    }
  } catch (error) {
    await buffer.close()
    throw error
  }
}

function noKey(need: string): RepoError {
  return new RepoError('no-key', `${need}, or unsafeSkipSignature: true`)
}

interface Level {
  readonly node: TreeNode
  /** Index of the next step: child 0, record 0, child 1, record 1, … */
  step: number
  readonly low: string
  readonly high: string
}

/** The pre-order walk, handed out in batches; it waits only when the next block in order is not there yet. */
async function* walkBatches(
  buffer: BlockBuffer,
  root: CID,
  maxRecords: number,
): AsyncGenerator<readonly RepoBlock[], void> {
  try {
    let batch: RepoBlock[] = []
    let repeated = 0
    let records = 0
    const levels: Level[] = []
    let wanted: CID | null = root
    let path: string | null = null
    let low = ''
    let high = ''
    while (wanted !== null) {
      let bytes = buffer.takeNow(wanted, path !== null)
      if (bytes === undefined) {
        if (batch.length > 0) {
          yield batch
          batch = []
          repeated = 0
        }
        bytes = (await buffer.take(wanted, path !== null)) ?? missing(wanted, 'block is missing', path)
      }
      const { isRepeat } = buffer
      batch.push(
        path === null ? { cid: wanted, bytes, path, isRepeat } : new Entry(path, wanted, bytes, isRepeat),
      )
      if (isRepeat) repeated += bytes.length
      if (path === null) {
        const layer = levels.length === 0 ? null : levels.at(-1)!.node.layer - 1
        const [cid, from, to]: [CID, string, string] = [wanted, low, high]
        const node = typed(() => decodeNode(bytes, layer, cid, from, to))
        levels.push({ node, step: 0, low, high })
      } else if (++records > maxRecords) {
        throw new RepoError('malformed-repo', `more records than allowed; max=${maxRecords}`)
      }
      if (batch.length >= BATCH_SIZE || repeated >= BATCH_REPEATED) {
        yield batch
        batch = []
        repeated = 0
      }
      // The next child or record from left to right, up the levels where one is through.
      wanted = null
      for (let level = levels.at(-1); level !== undefined && wanted === null; level = levels.at(-1)) {
        const { node } = level
        const index = level.step >> 1
        const isRecord = (level.step & 1) === 1
        level.step++
        if (isRecord) {
          if (index >= node.keys.length) {
            levels.pop()
            continue
          }
          wanted = node.values[index]!.cid
          path = node.keys[index]!
        } else {
          wanted = (node.children[index] as Link | null)?.cid ?? null
          path = null
          low = index > 0 ? node.keys[index - 1]! : level.low
          high = node.keys[index] ?? level.high
        }
      }
    }
    if (batch.length > 0) yield batch
    // What follows the last block needed is read to its end, since a CAR that breaks off is not whole.
    await buffer.drain()
  } finally {
    await buffer.close()
  }
}

async function* onlyRecords(
  batches: AsyncGenerator<readonly RepoBlock[], void>,
): AsyncGenerator<readonly RepoEntry[], void> {
  for await (const batch of batches) {
    const records = batch.filter((block): block is RepoBlock & RepoEntry => block.path !== null)
    if (records.length > 0) yield records
  }
}

async function* flatten<T>(batches: AsyncGenerator<readonly T[], void>): AsyncGenerator<T, void> {
  for await (const batch of batches) yield* batch
}

function iterable<T>(start: () => AsyncGenerator<T, void>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: start }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes
}

function missing(cid: CID, what: string, path?: string | null): never {
  throw missingBlock(cid, what, path ? { path } : {})
}
