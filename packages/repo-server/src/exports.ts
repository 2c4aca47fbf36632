import { setImmediate } from 'node:timers/promises'

import { writeCarStream, type CarBlock } from '@avocet/car'
import { formatCid, type CID } from '@avocet/data'
import { exportRepo, exportSince, getRecordProof } from '@avocet/repo'
import type { Did } from '@avocet/syntax'

import { RepoServerError } from './error.ts'
import type { RepoReads } from './store.ts'

/** Parts of repositories as CAR files. */
export interface RepoExports {
  /** The whole repository, or the blocks added after `since`. @throws RepoServerError `repo-not-found` */
  repo(did: Did, since: string | undefined): Promise<AsyncIterable<Uint8Array>>
  /** What proves that a record is there, or is not. @throws RepoServerError `repo-not-found` */
  record(did: Did, path: string): Promise<Uint8Array>
  /**
   * Some blocks, each once, a few in memory at a time.
   * @throws RepoServerError `block-not-found` naming those that are missing, before the stream begins
   */
  blocks(did: Did, cids: readonly CID[]): Promise<AsyncIterable<Uint8Array>>
}

/** Exports from `store`. */
export function createRepoExports(store: RepoReads): RepoExports {
  const requireHead = async (did: Did): Promise<void> => {
    if ((await store.getHead(did)) === null) {
      throw new RepoServerError('repo-not-found', `Could not find repo for DID: ${did}`)
    }
  }
  return {
    repo: async (did, since) => {
      await requireHead(did)
      return readAhead(inTurns(since === undefined ? exportRepo(store, did) : exportSince(store, did, since)))
    },
    record: async (did, path) => {
      await requireHead(did)
      return getRecordProof(store, did, path)
    },
    blocks: async (did, cids) => {
      const wanted = [...new Map(cids.map((cid) => [formatCid(cid), cid])).values()]
      const missing: CID[] = []
      let held: CarBlock[] | null = []
      let size = 0
      for await (const { cid, bytes } of readBlocks(store, did, wanted)) {
        if (bytes === null) {
          missing.push(cid)
          continue
        }
        size += bytes.length
        if (size > AHEAD_BYTES) held = null
        held?.push({ cid, bytes })
      }
      if (missing.length > 0) throw blocksNotFound(missing)
      // Those that are too much to hold are read once more, as they are asked for.
      return inTurns(writeCarStream([], held ?? requireBlocks(readBlocks(store, did, wanted))))
    },
  }
}

/** Blocks read at a time: each may be as large as a record, and a request names hundreds. */
const BLOCKS_AT_ONCE = 16

/** Blocks by their CIDs, in that order; null for one that is not there. */
async function* readBlocks(
  store: RepoReads,
  did: Did,
  cids: readonly CID[],
): AsyncGenerator<{ cid: CID; bytes: Uint8Array | null }, void> {
  for (let from = 0; from < cids.length; from += BLOCKS_AT_ONCE) {
    const page = cids.slice(from, from + BLOCKS_AT_ONCE)
    const found = await store.getBlocks(did, page)
    for (const cid of page) yield { cid, bytes: found.get(cid) ?? null }
  }
}

/** The same blocks. @throws RepoServerError `block-not-found` for one that went since it was looked for */
async function* requireBlocks(
  blocks: AsyncIterable<{ cid: CID; bytes: Uint8Array | null }>,
): AsyncGenerator<CarBlock, void> {
  for await (const { cid, bytes } of blocks) {
    if (bytes === null) throw blocksNotFound([cid])
    yield { cid, bytes }
  }
}

const blocksNotFound = (cids: readonly CID[]): RepoServerError =>
  new RepoServerError('block-not-found', `Could not find cids: ${cids.map(formatCid).join(',')}`)

/** Work on a stream after which others get their turn, in milliseconds. */
const TURN_MS = 8

/** The same chunks. A stream that nobody slows down would else be read to its end before anything else is done. */
async function* inTurns(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let began = performance.now()
  for await (const chunk of chunks) {
    yield chunk
    if (performance.now() - began < TURN_MS) continue
    await setImmediate()
    began = performance.now()
  }
}

/** Bytes read before an export is begun: a repository that fits is known to be whole when its status goes out. */
const AHEAD_BYTES = 256 * 1024

/** Reads the first chunks, so that what cannot be read becomes an answer with a status, not a connection that breaks off. */
async function readAhead(source: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = source[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  let size = 0
  let ended = false
  while (size < AHEAD_BYTES && !ended) {
    const step = await iterator.next()
    if (step.done === true) ended = true
    else {
      first.push(step.value)
      size += step.value.length
    }
  }
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const value = first.shift()
        if (value !== undefined) return { done: false, value }
        return ended ? { done: true, value: undefined } : iterator.next()
      },
      return: async () => {
        first.length = 0
        if (!ended) await iterator.return?.()
        return { done: true, value: undefined }
      },
    }),
  }
}
