import { replaceFile } from '@avocet/data/node'
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import { isObject } from '../bytes.ts'
import { decodeSession, encodeSession } from '../json.ts'
import type { Lock } from '../lock.ts'
import { createMemoryStores, type OAuthStores, type SessionData } from '../store.ts'
import { withFileLock } from './file-lock.ts'

/** Stores in a file, and the lock of those who share it. */
export interface FileStores extends OAuthStores {
  readonly lock: Lock
}

const MAX_BYTES = 16 * 1024 * 1024

/**
 * Sessions in a file that its owner alone can read (0600), for programs that people run: many processes may use it at once. A
 * write replaces the file whole, and is on the disk before it counts. Two empty files beside it (`.lock`, `.write`) are for locks.
 * Sign-ins under way are kept in memory.
 * @param path of the file; its folder is made
 */
export function createFileStores(path: string): FileStores {
  const change = async (make: (all: Map<string, string>) => boolean): Promise<void> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await withFileLock(`${path}.write`, async () => {
      const all = await readAll(path)
      if (make(all)) await writeAll(path, all)
    })
  }
  return {
    states: createMemoryStores().states,
    sessions: {
      get: async (id) => {
        const text = (await readAll(path)).get(id)
        return text === undefined ? null : decodeSession(text)
      },
      set: async (data) => {
        const text = await encodeSession(data)
        await change((all) => all.set(data.id, text).has(data.id))
      },
      delete: (id) => change((all) => all.delete(id)),
      list: async (did) => {
        const all = await Promise.all([...(await readAll(path)).values()].map(decodeSession))
        return all.filter(
          (data): data is SessionData => data !== null && (did === undefined || data.did === did),
        )
      },
    },
    lock: async (_, run) => {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      return withFileLock(`${path}.lock`, run)
    },
  }
}

/** Texts of sessions, by id. @throws for a file that is something else: it must not be written over */
async function readAll(path: string): Promise<Map<string, string>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
  if (text.length > MAX_BYTES) throw new RangeError(`the file of sessions is too large; path=${path}`)
  const value: unknown = JSON.parse(text)
  const sessions = isObject(value) && value['version'] === 1 ? value['sessions'] : null
  if (!isObject(sessions)) throw new TypeError(`not a file of sessions; path=${path}`)
  return new Map(Object.entries(sessions).map(([id, session]) => [id, JSON.stringify(session)]))
}

async function writeAll(path: string, all: ReadonlyMap<string, string>): Promise<void> {
  const sessions = Object.fromEntries([...all].map(([id, text]) => [id, JSON.parse(text) as unknown]))
  await replaceFile(path, `${JSON.stringify({ version: 1, sessions }, null, 2)}\n`)
}
