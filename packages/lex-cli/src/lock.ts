import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeText } from './folder.ts'

/** One lexicon as it was installed. */
export type LockEntry = {
  /** The record it came from, or `folder:<path>`. */
  readonly source: string
  /** The CID of the record; for a folder, of the document as a record would hold it. */
  readonly cid: string
}

/** What is installed: what was asked for, and everything with its CID. */
export type Lock = {
  readonly version: 1
  readonly roots: readonly string[]
  readonly lexicons: { readonly [nsid: string]: LockEntry }
}

/** The name of the lock file in a folder of lexicons. */
export const LOCK_FILE = 'lexicons.lock.json'

/**
 * The lock of a folder; an empty one where there is none.
 *
 * @throws Error for a file that is no lock.
 */
export async function readLock(folder: string): Promise<Lock> {
  const path = join(folder, LOCK_FILE)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (text === null) return { version: 1, roots: [], lexicons: {} }
  const json = JSON.parse(text) as Partial<Lock> | null
  const entries = Object.values(json?.lexicons ?? {})
  const valid =
    json?.version === 1 &&
    Array.isArray(json.roots) &&
    entries.every((entry) => typeof entry?.cid === 'string' && typeof entry.source === 'string')
  if (!valid) throw new Error(`${path} is no lock file of this version; delete it and install again`)
  return json as Lock
}

/** Writes the lock of a folder, in the order of the NSIDs. */
export async function writeLock(folder: string, lock: Lock): Promise<void> {
  const lexicons = Object.fromEntries(Object.entries(lock.lexicons).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  const sorted: Lock = { version: 1, roots: lock.roots.toSorted(), lexicons }
  await writeText(join(folder, LOCK_FILE), `${JSON.stringify(sorted, null, 2)}\n`)
}
