import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { cidFromDigest, formatCid, type CID } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { SNIFF_BYTES } from './sniff.ts'

/** A blob whose bytes are safely on disk. */
export interface StoredBlob {
  readonly cid: CID
  /** Bytes. */
  readonly size: number
  /** The first bytes, for sniffing. */
  readonly head: Uint8Array
}

/** Where the bytes of blobs live. Which of them may be served is not its concern: rows in the database say that. */
export interface BlobFiles {
  /**
   * Streams bytes to a temporary file while hashing them, syncs it, and moves it to its place.
   * @throws PdsError `blob-too-large` past `limit` bytes
   */
  put(did: Did, source: AsyncIterable<Uint8Array>, limit: number): Promise<StoredBlob>
  /** The bytes from `start` to `end` (inclusive), or null if there is no such file. */
  open(
    did: Did,
    cid: string,
    range?: { start: number; end: number },
  ): Promise<AsyncIterable<Uint8Array> | null>
  remove(did: Did, cid: string): Promise<void>
  removeAll(did: Did): Promise<void>
  /** Removes what uploads cut short left behind. */
  clean(olderThanMs: number): Promise<number>
}

/** Blobs as files: `<folder>/<did>/<cid>`, unfinished ones in `<folder>/temporary`. */
export async function openDiskBlobs(folder: string): Promise<BlobFiles> {
  const temporary = join(folder, 'temporary')
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  const folderOf = (did: Did): string => join(folder, did.replaceAll(/[^a-zA-Z0-9:._-]/g, '_'))

  const write = async (
    path: string,
    source: AsyncIterable<Uint8Array>,
    limit: number,
  ): Promise<StoredBlob> => {
    await using file = await open(path, 'wx', 0o600)
    const hash = createHash('sha256')
    const head = new Uint8Array(SNIFF_BYTES)
    let size = 0
    for await (const chunk of source) {
      if (size + chunk.length > limit) throw new PdsError('blob-too-large', `Blob is too large; max=${limit}`)
      if (size < SNIFF_BYTES) head.set(chunk.subarray(0, SNIFF_BYTES - size), size)
      hash.update(chunk)
      await file.write(chunk)
      size += chunk.length
    }
    await file.sync()
    const digest = new Uint8Array(hash.digest())
    return { cid: cidFromDigest('raw', digest), size, head: head.subarray(0, Math.min(size, SNIFF_BYTES)) }
  }

  return {
    put: async (did, source, limit) => {
      const path = join(temporary, randomUUID())
      try {
        const blob = await write(path, source, limit)
        await mkdir(folderOf(did), { recursive: true, mode: 0o700 })
        await rename(path, join(folderOf(did), formatCid(blob.cid)))
        await syncFolder(folderOf(did))
        return blob
      } catch (error) {
        await rm(path, { force: true })
        throw error
      }
    },
    open: async (did, cid, range) => {
      const path = join(folderOf(did), cid)
      try {
        const handle = await open(path, 'r')
        return createReadStream('', { fd: handle, ...range }) as AsyncIterable<Buffer>
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    remove: (did, cid) => rm(join(folderOf(did), cid), { force: true }),
    removeAll: (did) => rm(folderOf(did), { recursive: true, force: true }),
    clean: async (olderThanMs) => {
      let removed = 0
      for (const name of await readdir(temporary)) {
        const path = join(temporary, name)
        const { mtimeMs } = await stat(path)
        if (Date.now() - mtimeMs < olderThanMs) continue
        await rm(path, { force: true })
        removed++
      }
      return removed
    },
  }
}

/** A rename is durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}
