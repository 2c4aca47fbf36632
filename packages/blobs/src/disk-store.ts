import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, opendir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { formatCid } from '@avocet/data'
import { assertDid, type Did } from '@avocet/syntax'

import { createIntake } from './intake.ts'
import { dropHeld, HELD_FOLDER, REMOVED_FOLDER } from './removal-hold.ts'
import type { BlobEntry, BlobReader, BlobStore, BlobUpkeep, StoredBlob } from './store.ts'

/** Files listed at a time. */
const LISTED = 200
/** In a folder that processes share, an upload that nobody wrote to for so long is nobody's, in milliseconds. */
const ABANDONED_MS = 24 * 60 * 60 * 1000

/** Settings of {@link openDiskBlobs}. */
export interface DiskBlobOptions {
  /** Whether what is to be removed is moved to `<folder>/held`, as while a backup is made. Default: it is not. */
  readonly isHeld?: () => Promise<boolean>
  /**
   * Whether other processes write to the folder too. Then unfinished uploads, which may be theirs, are removed a day after
   * somebody wrote to them, instead of when the process that began them is gone.
   */
  readonly isShared?: boolean
}

/** The name of the folder of an account's blobs. */
export const blobFolderName = (did: string): string => did.replaceAll(/[^a-zA-Z0-9:._-]/g, '_')

/** Where the blobs of an account are. @throws SyntaxFault for what is no DID, so that no path leads elsewhere */
function accountFolder(folder: string, did: Did): string {
  assertDid(did)
  return join(folder, blobFolderName(did))
}

/** Where a blob is, or null for a name that no file here can have. */
function blobPath(folder: string, did: Did, cid: string): string | null {
  return /^[^./\\\0][^/\\\0]*$/.test(cid) ? join(accountFolder(folder, did), cid) : null
}

/** The blobs in a folder as they are, which need not be there: nothing is made or changed. */
export function readDiskBlobs(folder: string): BlobReader {
  return {
    open: async (did, cid, range) => {
      const path = blobPath(folder, did, cid)
      if (path === null || (await ifPresent(stat(path))) === null) return null
      return readRange(path, range)
    },
    list: async function* (did) {
      const account = accountFolder(folder, did)
      let entries: BlobEntry[] = []
      try {
        for await (const { name } of await opendir(account)) {
          const known = await ifPresent(stat(join(account, name)))
          if (known === null) continue
          entries.push({ cid: name, size: known.size, writtenAt: known.mtimeMs })
          if (entries.length < LISTED) continue
          yield entries
          entries = []
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
      if (entries.length > 0) yield entries
    },
  }
}

/**
 * Blobs as files: `<folder>/<did>/<cid>`, unfinished ones in `<folder>/temporary`, folders on their way out in
 * `<folder>/removed`.
 * Removing an account's blobs puts them out of reach at once; they are deleted by and by.
 */
export async function openDiskBlobs(
  folder: string,
  { isHeld = () => Promise.resolve(false), isShared = false }: DiskBlobOptions = {},
): Promise<BlobStore & BlobUpkeep> {
  const temporary = join(folder, 'temporary')
  const discarded = join(folder, REMOVED_FOLDER)
  const held = join(folder, HELD_FOLDER)
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  await mkdir(discarded, { recursive: true, mode: 0o700 })
  // Whatever the clock says: nobody ends the uploads of a process that was killed.
  const unfinished = new Set(isShared ? [] : await readdir(temporary))
  const folderOf = (did: Did): string => accountFolder(folder, did)

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
    const intake = createIntake(limit)
    for await (const chunk of source) {
      intake.add(chunk)
      await file.write(chunk)
    }
    await file.sync()
    return intake.end()
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
    ...readDiskBlobs(folder),
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
    remove: async (did, cid) => {
      const path = blobPath(folder, did, cid)
      if (path === null) return
      if ((await isHeld()) && (await putAside(blobFolderName(did), cid))) return
      await rm(path, { force: true })
    },
    removeAll: async (did) => putAway(folderOf(did)),
    keepOnly: async (dids, before) => {
      const kept = new Set<string>()
      for (const did of dids) kept.add(basename(folderOf(did)))
      let removed = 0
      for (const name of await readdir(folder)) {
        if (!name.startsWith('did:') || kept.has(name)) continue
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
      if (isShared) await removeAbandoned(temporary)
      for (const name of unfinished) {
        await rm(join(temporary, name), { force: true })
        unfinished.delete(name)
      }
    },
  }
}

/** Removes the uploads that nobody wrote to for a day. */
async function removeAbandoned(temporary: string): Promise<void> {
  const before = Date.now() - ABANDONED_MS
  for (const name of await readdir(temporary)) {
    const path = join(temporary, name)
    const known = await ifPresent(stat(path))
    if (known !== null && known.mtimeMs < before) await rm(path, { force: true })
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
