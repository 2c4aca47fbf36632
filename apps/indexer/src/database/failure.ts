// What stops an indexer that runs: the disk below its database, in words for the person who runs it.

import type { RepoStateStore } from '@avocet/firehose'
import { IndexerError } from '../errors.ts'

/** What failed, and what to do. */
type Words = readonly [what: string, next: string]

const FULL: Words = ['the disk is full', 'Make room there']
const READ_ONLY: Words = ['the disk is read-only', 'Mount it for writing']
const REFUSES: Words = ['the disk refuses to read or write', 'See to the disk']

/** By SQLite's result codes, the low byte: https://www.sqlite.org/rescode.html. */
const SQLITE: ReadonlyMap<number, Words> = new Map([
  [8, READ_ONLY],
  [10, REFUSES],
  [13, FULL],
])
const SYSTEM: ReadonlyMap<string, Words> = new Map([
  ['ENOSPC', FULL],
  ['EDQUOT', ['the disk quota is used up', 'Make room there']],
  ['EROFS', READ_ONLY],
  ['EIO', REFUSES],
])
const MAX_DEPTH = 6

/** What failed and what to do, looked for along an error's causes; null when it is not the disk. */
export function diskFailure(error: unknown): { readonly what: string; readonly next: string } | null {
  for (let [current, depth] = [error, 0]; current instanceof Error && depth < MAX_DEPTH; depth++) {
    const { code, errcode } = current as { code?: unknown; errcode?: unknown }
    const known =
      (typeof errcode === 'number' ? SQLITE.get(errcode & 0xff) : undefined) ??
      (typeof code === 'string' ? SYSTEM.get(code) : undefined)
    if (known !== undefined) return { what: known[0], next: `${known[1]} and start it again` }
    current = current.cause
  }
  return null
}

/** An error that ends a run, as it is told: one of the disk names the folder and the next step. */
export function describeEnd(error: unknown, folder: string | null): unknown {
  const failure = error instanceof IndexerError ? null : diskFailure(error)
  if (failure === null) return error
  const what = failure.what.replace('the', 'The')
  const message = `${what}: ${folder ?? 'memory'}. ${failure.next}: it goes on where it stopped`
  return new IndexerError('disk-failed', message, { cause: error })
}

/**
 * A state store that stores nothing more once rows could not be written because of the disk: otherwise an event that had no room
 * would be counted as refused, and passed over, as soon as there is room for its letter.
 */
export function stopAtDiskFailure<Tx>(state: RepoStateStore<Tx>): {
  readonly state: RepoStateStore<Tx>
  /** Runs what writes an event's rows. */
  readonly apply: (write: () => void) => void
} {
  let failed: { readonly error: unknown } | null = null
  return {
    state: {
      ...state,
      save(change, alongside) {
        if (failed !== null) throw failed.error
        return state.save(change, alongside)
      },
    },
    apply(write) {
      try {
        write()
      } catch (error) {
        if (diskFailure(error) !== null) failed ??= { error }
        throw error
      }
    },
  }
}
