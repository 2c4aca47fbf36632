// https://atproto.com/specs/repository#car-file-serialization
// Reads the CAR of a whole repository and believes it: no hash, no signature, no place in the tree is checked. For exports of one's own,
// and for pages that show and do not rely on what they show: in a bundle it takes half of what proves.

import { type CarChunks, unsafeReadCarStream } from '@avocet/car'
import { decode } from '@avocet/cbor'
import { type CID, type DataValue, isCid, latin1 } from '@avocet/data'
import { isValidKey } from '@avocet/mst'
import { createAwaitedBlocks, type PathLink } from './awaited-blocks.ts'
import { type Commit, parseCommit } from './commit.ts'
import { Entry, type RepoEntry } from './entry.ts'
import { RepoError } from './error.ts'

/** Bounds of {@link unsafeReadRepo}. */
export interface UnsafeReadRepoOptions {
  /** Largest CAR, in bytes. Default: no limit. */
  readonly maxSize?: number
  /** Most bytes to hold: of blocks that came before their link, and of paths that wait for their block. Default 256 MiB. */
  readonly maxBuffered?: number
}

/** A repository as somebody tells it. Iterate `entries` once, or leave it: ending early closes the source. */
export interface UnverifiedRepo extends Pick<Commit, 'did' | 'rev' | 'data' | 'prev'> {
  readonly commit: CID
  /**
   * The records as they come: in the order of their keys where the CAR is in pre-order and no record stands at two paths. Throws
   * at the end where one was missing.
   */
  readonly entries: AsyncIterable<RepoEntry>
}

/**
 * Reads a repository from its CAR without any check that takes a hash or a key: whoever made the file may have put any record
 * there. `readRepo` proves what it reads. Resolves when the commit is there.
 *
 * @throws {RepoError} `malformed-commit`, `unsupported-version`, `missing-block`, `malformed-repo`, `buffer-exceeded`, from the
 *   promise or while iterating; CarError for what is not a CAR.
 */
export async function unsafeReadRepo(
  source: Uint8Array | CarChunks,
  options: UnsafeReadRepoOptions = {},
): Promise<UnverifiedRepo> {
  const { maxBuffered = 256 * 1024 * 1024, ...bounds } = options
  const stream = source instanceof Uint8Array ? once(source) : source
  const { roots, blocks } = await unsafeReadCarStream(stream, bounds)
  const arriving = blocks[Symbol.asyncIterator]()
  try {
    const commit = roots[0]
    if (commit === undefined) throw new RepoError('malformed-repo', 'CAR has no root')
    const awaited = createAwaitedBlocks(maxBuffered)
    awaited.want({ cid: commit, path: '' })
    let found = awaited.next()
    while (found === undefined) {
      const { value, done } = await arriving.next()
      if (done === true) throw new RepoError('missing-block', `commit is missing; cid=${commit.toString()}`)
      awaited.arrive(value)
      found = awaited.next()
    }
    const { did, rev, data, prev } = parseCommit(found.bytes).fields
    const entries = async function* (): AsyncGenerator<RepoEntry, void> {
      try {
        awaited.want({ cid: data, path: '' })
        for (;;) {
          for (let next = awaited.next(); next !== undefined; next = awaited.next()) {
            const { link, bytes, isRepeat } = next
            if (link.path === '') for (const below of linksOf(bytes).toReversed()) awaited.want(below)
            else yield new Entry(link.path, link.cid, bytes, isRepeat)
          }
          const { value, done } = await arriving.next()
          if (done === true) break
          awaited.arrive(value)
        }
        const missing = awaited.missing()
        if (missing === undefined) return
        const { cid, path } = missing
        throw new RepoError('missing-block', `block is missing; cid=${cid.toString()} path=${path}`, { path })
      } finally {
        await arriving.return?.()
      }
    }
    return { did, rev, data, prev, commit, entries: { [Symbol.asyncIterator]: entries } }
  } catch (error) {
    await arriving.return?.()
    throw error
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes
}

/** The links of a node from left to right, its keys in order and well-formed. @throws {RepoError} `malformed-repo` */
function linksOf(bytes: Uint8Array): PathLink[] {
  let node: DataValue
  try {
    node = decode(bytes)
  } catch (cause) {
    throw new RepoError('malformed-repo', 'tree node is not valid CBOR', { cause })
  }
  const { l: first, e: entries } = (node ?? {}) as { readonly l?: unknown; readonly e?: unknown }
  const links: PathLink[] = []
  const add = (cid: unknown, path: string): void => {
    if (isCid(cid)) links.push({ cid, path })
    else if (path !== '' || cid !== null) throw malformed('no link')
  }
  add(first, '')
  if (!Array.isArray(entries)) throw malformed('no entries')
  let key = ''
  for (const entry of entries as readonly DataValue[]) {
    const { k: suffix, p: shared, v, t } = (entry ?? {}) as { readonly [name: string]: unknown }
    if (!(suffix instanceof Uint8Array) || typeof shared !== 'number') throw malformed('no key')
    const last = key
    if (shared < 0 || shared > last.length) throw malformed('prefix longer than the key before')
    key = last.slice(0, shared) + latin1(suffix, 0, suffix.length)
    if (!isValidKey(key) || key <= last) throw malformed('keys not in order')
    add(v, key)
    add(t, '')
  }
  return links
}

function malformed(reason: string): RepoError {
  return new RepoError('malformed-repo', `malformed tree node: ${reason}`)
}
