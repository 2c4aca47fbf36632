import type { CarBlock } from '@avocet/car'
import { type CID, cidKey } from '@avocet/data'
import { RepoError } from './error.ts'

/** A link of a node: to the record at `path`, or to another node, where that is empty. */
export interface PathLink {
  readonly cid: CID
  readonly path: string
}

/** A block and the link that asked for it. */
export interface FoundBlock {
  readonly link: PathLink
  readonly bytes: Uint8Array
  /** It is of a record that stood at an earlier path, and did not come again for this one. */
  readonly isRepeat: boolean
}

/** Brings together blocks that come in any order and the links that ask for them. */
export interface AwaitedBlocks {
  /** @throws {RepoError} `buffer-exceeded`, `malformed-repo` for a node that stands at two places */
  want(link: PathLink): void
  /** @throws {RepoError} `buffer-exceeded` */
  arrive(block: CarBlock): void
  /** A block that is there and asked for, those of the link given last first. */
  next(): FoundBlock | undefined
  /** A link whose block has not come. */
  missing(): PathLink | undefined
}

/** Bytes of records that are kept for other paths that have the same. */
const MAX_RECENT = 8 * 1024 * 1024
/** What a path or a block costs beside its bytes. */
const OVERHEAD = 100

/** @param limit most bytes of blocks that nobody asked for yet, and of paths that wait. */
export function createAwaitedBlocks(limit: number): AwaitedBlocks {
  const early = new Map<string, Uint8Array>()
  const waiting = new Map<string, PathLink[]>()
  const recent = new Map<string, Uint8Array>()
  let recentSize = 0
  const found: FoundBlock[] = []
  let left = limit
  const hold = (length: number): void => {
    left -= length + OVERHEAD
    if (left < 0) throw new RepoError('buffer-exceeded', `more would be held than allowed; max=${limit}`)
  }
  const release = (length: number): void => {
    left += length + OVERHEAD
  }
  const remember = (key: string, bytes: Uint8Array): void => {
    recent.set(key, bytes)
    recentSize += bytes.length + OVERHEAD
    for (const [oldest, { length }] of recent) {
      if (recentSize <= MAX_RECENT) break
      recent.delete(oldest)
      recentSize -= length + OVERHEAD
    }
  }

  return {
    want(link) {
      const { cid, path } = link
      hold(path.length)
      const key = cidKey(cid)
      let bytes = early.get(key)
      let isRepeat = false
      if (bytes !== undefined) {
        early.delete(key)
        release(bytes.length)
        if (path !== '') remember(key, bytes)
      } else if (path !== '') {
        bytes = recent.get(key)
        isRepeat = true
      }
      if (bytes !== undefined) {
        found.push({ link, bytes, isRepeat })
        return
      }
      const others = waiting.get(key)
      if (others === undefined) waiting.set(key, [link])
      else if (path !== '' && others[0]!.path !== '') others.push(link)
      else throw new RepoError('malformed-repo', `a node stands at two places; cid=${cid.toString()}`)
    },

    arrive({ cid, bytes }) {
      const key = cidKey(cid)
      const links = waiting.get(key)
      if (links !== undefined) {
        waiting.delete(key)
        if (links[0]!.path !== '') remember(key, Uint8Array.from(bytes))
        for (let i = links.length - 1; i >= 0; i--) found.push({ link: links[i]!, bytes, isRepeat: i > 0 })
      } else if (!early.has(key) && !recent.has(key)) {
        hold(bytes.length)
        // A copy: a view would keep the whole chunk that it came in.
        early.set(key, Uint8Array.from(bytes))
      }
    },

    next() {
      const next = found.pop()
      if (next !== undefined) release(next.link.path.length)
      return next
    },

    missing() {
      for (const [link] of waiting.values()) return link
      return undefined
    },
  }
}
