import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, opendir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { cidFromDigest, formatCid, type CID } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import { PdsError } from '../errors.ts'
import { dropHeld, HELD_FOLDER, REMOVED_FOLDER } from './removal-hold.ts'
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
  /**
   * The bytes from `start` to `end` (inclusive), or null if there is no such file. The file is opened when the first byte is
   * asked for and closed on every way out, so that an answer without a body holds nothing.
   */
  open(
    did: Did,
    cid: string,
    range?: { start: number; end: number },
  ): Promise<AsyncIterable<Uint8Array> | null>
  remove(did: Did, cid: string): Promise<void>
  /** Puts all files of an account out of reach, at once; they are deleted by and by. */
  removeAll(did: Did): Promise<void>
  /** Removes what removals cut short left behind, and the unfinished uploads that were there when the folder was opened. */
  clean(): Promise<void>
  /** CIDs of an account's files that were written before `before` (ms since 1970), some at a time. */
  written(did: Did, before: number): AsyncIterable<string[]>
  /** Puts the folders away that belong to none of these accounts; how many there were. */
  keepOnly(dids: Iterable<Did>, before: number): Promise<number>
}

/** Names of files handed out at a time. */
const LISTED = 200

/** The name of the folder of an account's blobs. */
export const blobFolderName = (did: string): string => did.replaceAll(/[^a-zA-Z0-9:._-]/g, '_')

/**
 * Blobs as files: `<folder>/<did>/<cid>`, unfinished ones in `<folder>/temporary`, folders on their way out in
 * `<folder>/removed`.
 * @param isHeld whether what is to be removed is moved to `<folder>/held`, as while a backup is made
 */
export async function openDiskBlobs(
  folder: string,
  isHeld: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<BlobFiles> {
  const temporary = join(folder, 'temporary')
  const discarded = join(folder, REMOVED_FOLDER)
  const held = join(folder, HELD_FOLDER)
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  await mkdir(discarded, { recursive: true, mode: 0o700 })
  // Whatever the clock says: nobody ends the uploads of a process that was killed.
  const unfinished = new Set(await readdir(temporary))
  const folderOf = (did: Did): string => join(folder, blobFolderName(did))

  /**
   * Moves a file aside; the place it had is free at once, so that an upload of the same bytes does not meet it. False when it was
   * not there, or when the backup ended just now and took the folder for such files away.
   */
  const putAside = async (account: string, cid: string): Promise<boolean> => {
    const aside = join(held, account)
    try {
      await mkdir(aside, { recursive: true, mode: 0o700 })
    } catch (error) {
      // Taken away between one folder and the next.
      if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
    return (await ifPresent(rename(join(folder, account, cid), join(aside, cid)).then(() => true))) ?? false
  }

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

  /** A rename is one step however much is in the folder, and leaves the name free for an account that comes after. */
  const putAway = async (path: string): Promise<void> => {
    if (await isHeld()) {
      for (const cid of (await ifPresent(readdir(path))) ?? []) await putAside(basename(path), cid)
    }
    const target = join(discarded, randomUUID())
    if ((await ifPresent(rename(path, target).then(() => true))) === null) return
    // What is left of it goes with the next `clean`.
    rm(target, { recursive: true, force: true }).catch(() => {})
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
      if ((await ifPresent(stat(path))) === null) return null
      return readRange(path, range)
    },
    remove: async (did, cid) => {
      if ((await isHeld()) && (await putAside(blobFolderName(did), cid))) return
      await rm(join(folderOf(did), cid), { force: true })
    },
    removeAll: (did) => putAway(folderOf(did)),
    written: async function* (did, before) {
      let names: string[] = []
      try {
        for await (const entry of await opendir(folderOf(did))) {
          const { mtimeMs } = await stat(join(folderOf(did), entry.name)).catch(() => ({ mtimeMs: before }))
          if (mtimeMs >= before) continue
          names.push(entry.name)
          if (names.length < LISTED) continue
          yield names
          names = []
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
      if (names.length > 0) yield names
    },
    keepOnly: async (dids, before) => {
      const kept = new Set<string>(['temporary', REMOVED_FOLDER, HELD_FOLDER])
      for (const did of dids) kept.add(basename(folderOf(did)))
      let removed = 0
      for (const name of await readdir(folder)) {
        if (kept.has(name)) continue
        const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: before }))
        if (mtimeMs >= before) continue
        await putAway(join(folder, name))
        removed++
      }
      return removed
    },
    clean: async () => {
      if (!(await isHeld())) await dropHeld(folder)
      for (const name of await readdir(discarded)) {
        await rm(join(discarded, name), { recursive: true, force: true })
      }
      for (const name of unfinished) {
        await rm(join(temporary, name), { force: true })
        unfinished.delete(name)
      }
    },
  }
}

/** What a call gives, or null where there is no such file. */
async function ifPresent<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A rename is durable once its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}

async function* readRange(
  path: string,
  range: { start: number; end: number } | undefined,
): AsyncGenerator<Buffer> {
  // Ending the generator destroys the stream, which closes the file.
  for await (const chunk of createReadStream(path, range)) yield chunk as Buffer
}
