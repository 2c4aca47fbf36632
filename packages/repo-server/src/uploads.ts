import {
  BlobError,
  sniffMime,
  type BlobLimits,
  type BlobStore,
  type BlobUpkeep,
  type RemoteBlobs,
  type RemoteResult,
  type StoredBlob,
} from '@avocet/blobs'
import { setTimeout as sleep } from 'node:timers/promises'

import { formatCid, type BlobRef } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import { untilDone } from './blob-turns.ts'
import type { BlobClaim, Outcome } from './change.ts'
import { createClosing } from './closing.ts'
import { RepoServerError } from './error.ts'
import { refuseBytes } from './refusals.ts'
import type { Awaitable, RepoServerStore } from './store.ts'

/** Taking in blobs, and forgetting those that were never used. */
export interface Uploads {
  /**
   * Stores a blob and tells how a record refers to it.
   * @param declared the sender's media type
   * @param permit asked where the bytes show another type than that; what it throws ends the upload, of which nothing is kept
   */
  upload(
    did: Did,
    source: AsyncIterable<Uint8Array>,
    declared: string | null,
    permit?: (mimeType: string) => Awaitable<void>,
  ): Promise<BlobRef>
  /**
   * Takes a blob that stays at its URL, and tells how a record refers to it. It counts as an uploaded one.
   * @throws TypeError where there are no remote blobs
   */
  addRemote(did: Did, url: string, limits?: BlobLimits): Promise<RemoteResult<BlobRef>>
  /**
   * Removes the files of blobs that a commit left without a reference. Never rejects, and does not wait long for a store
   * that is slow: the commit stands.
   */
  discard(did: Did, cids: readonly string[]): Promise<void>
  /** Removes uploads that no record has referred to within a day, and what the uploads of a killed process left. */
  collect(): Promise<number>
  /** Removes no more; resolves when what is being removed is. What is left then is an orphan, collected after the next start. */
  close(): Promise<void>
}

/** How long a removal is waited for, so that who deletes a record finds its blobs gone. */
const REMOVAL_MS = 1000
/** One write may leave hundreds of blobs, each a request where they are in a bucket. */
const REMOVED_AT_ONCE = 8
const TEMPORARY_MS = 24 * 60 * 60 * 1000
// Without `*`: a type of anything is none.
const MIME = /^[a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64}$/

/** The type of a blob as its sender says it: without parameters, and `application/octet-stream` for none. */
export function declaredType(declared: string | null): string {
  const claimed = declared?.split(';')[0]!.trim().toLowerCase() ?? ''
  return MIME.test(claimed) ? claimed : 'application/octet-stream'
}

/** What uploads compose. */
export interface UploadParts {
  readonly store: Pick<RepoServerStore, 'blobs' | 'apply' | 'upkeep' | 'blobTurns'>
  /** Removing from it reaches `remote`, too. */
  readonly files: BlobStore & BlobUpkeep
  readonly remote?: RemoteBlobs | undefined
  /** Most bytes of one blob. */
  readonly limit: number
  /** Bytes that all blobs of an account may have together; `Infinity` for no bound, the default. */
  readonly maxBytes?: (did: Did) => Awaitable<number>
  /** Clock, ms since 1970. */
  readonly now?: () => number
  /** Told of removals that failed. */
  readonly onError?: (error: unknown) => void
}

/** Uploads into a store of blobs. */
export function createUploads(parts: UploadParts): Uploads {
  const { store, files, limit, maxBytes = () => Infinity, now = Date.now, onError = () => {} } = parts
  // Uploading and discarding the same bytes must not overlap, or the file of a live row would be removed: what is to be
  // discarded while an account uploads waits until it does not.
  const uploading = new Map<Did, { count: number; waiting: Set<string> }>()

  // And the other way round: an upload waits for removals under way, or they might take what it stored.
  const removing = new Map<Did, Promise<void>>()

  const closing = createClosing()
  const { signal } = closing

  // Where other processes store and remove bytes, too, the store sees to both.
  const turns = store.blobTurns

  const begin = async (did: Did): Promise<void> => {
    if (turns !== undefined) return
    for (let busy = removing.get(did); busy !== undefined; busy = removing.get(did)) await busy
    const state = uploading.get(did) ?? { count: 0, waiting: new Set() }
    state.count += 1
    uploading.set(did, state)
  }
  const end = async (did: Did): Promise<void> => {
    if (turns !== undefined) return
    const state = uploading.get(did)!
    state.count -= 1
    if (state.count > 0) return
    uploading.delete(did)
    await discard(did, [...state.waiting])
  }

  const discard: Uploads['discard'] = async (did, cids) => {
    const state = uploading.get(did)
    if (state !== undefined) return cids.forEach((cid) => state.waiting.add(cid))
    const before = removing.get(did)
    const task = closing.during(remove(did, cids, before)).finally(() => {
      if (removing.get(did) === task) removing.delete(did)
    })
    removing.set(did, task)
    await Promise.race([task, sleep(REMOVAL_MS, undefined, { ref: false })])
  }

  const remove = async (did: Did, cids: readonly string[], before?: Promise<void>): Promise<void> => {
    await before
    // The row is gone: what is left is an orphan, collected after the next start.
    const attempt = (task: Promise<void>): Promise<void> =>
      task.catch((error) => {
        if (error !== signal.reason) onError(error)
      })
    const one = async (cid: string): Promise<void> => {
      if ((await store.blobs.get(did, cid)) === null) await files.remove(did, cid)
    }
    const removeOrphans = async (orphans: readonly string[]): Promise<void> => {
      await Promise.all(orphans.map((cid) => attempt(files.remove(did, cid))))
    }
    for (let at = 0; at < cids.length && !signal.aborted; at += REMOVED_AT_ONCE) {
      const some = cids.slice(at, at + REMOVED_AT_ONCE)
      await (turns === undefined
        ? Promise.all(some.map((cid) => attempt(one(cid))))
        : attempt(untilDone(did, () => turns.remove(did, some, removeOrphans), signal)))
    }
  }

  /** Stores the bytes; what an account's room is too small for is refused as soon as that shows. */
  const put = async (did: Did, source: AsyncIterable<Uint8Array>, max: number): Promise<StoredBlob> => {
    const room = max === Infinity ? max : max - (await store.blobs.bytes(did))
    if (room <= 0) {
      const { code, message } = refuseBytes(max)
      throw new RepoServerError(code, message)
    }
    try {
      return await files.put(did, source, Math.min(limit, room))
    } catch (error) {
      if (!(error instanceof BlobError && error.code === 'too-large')) throw error
      throw room < limit
        ? new RepoServerError('quota-exceeded', `The account has room for ${room} bytes of blobs`)
        : new RepoServerError('blob-too-large', error.message)
    }
  }

  /** Runs an upload; `announce` is called before bytes are put under their CID. */
  const during = async <T>(did: Did, work: (announced: Announced) => Promise<T>): Promise<T> => {
    const announced: Announced = {
      ticket: undefined,
      now: async () => {
        if (turns !== undefined) announced.ticket = await turns.announce(did)
      },
      over: async () => {
        const { ticket } = announced
        announced.ticket = undefined
        if (ticket !== undefined) await turns!.withdraw(ticket).catch(onError)
      },
    }
    await begin(did)
    try {
      return await work(announced)
    } finally {
      await announced.over()
      await end(did)
    }
  }

  /** Stores the row of a blob, and returns the type it is known by; the file of one whose row is refused goes. */
  const keep = async (did: Did, blob: BlobClaim, max: number, announced: Announced): Promise<string> => {
    const { ticket } = announced
    let outcome: Outcome
    try {
      outcome = await store.apply({ type: 'upload', did, blob, now: now(), maxBytes: max, ticket })
    } catch (error) {
      await announced.over()
      await discard(did, [blob.cid])
      throw error
    }
    if (outcome.status === 'refused') {
      await announced.over()
      await discard(did, [blob.cid])
      throw new RepoServerError(outcome.code, outcome.message)
    }
    const row = await store.blobs.get(did, blob.cid)
    // A day old already, and collected meanwhile.
    if (row === null) throw new RepoServerError('blob-not-found', `Could not find blob: ${blob.cid}`)
    if (row.takedownRef !== null) {
      throw new RepoServerError('invalid-request', 'Blob has been taken down, it cannot be uploaded again')
    }
    return row.mimeType
  }

  return {
    upload: (did, source, declared, permit) =>
      during(did, async (announced) => {
        const max = await maxBytes(did)
        const { cid, size, head } = await put(did, announcing(source, announced), max)
        const claimed = declaredType(declared)
        const mimeType = sniffMime(head) ?? claimed
        const key = formatCid(cid)
        if (mimeType !== claimed) {
          try {
            await permit?.(mimeType)
          } catch (error) {
            await announced.over()
            await discard(did, [key])
            throw error
          }
        }
        return {
          $type: 'blob',
          ref: cid,
          mimeType: await keep(did, { cid: key, mimeType, size }, max, announced),
          size,
        }
      }),
    addRemote: async (did, url, limits = {}) => {
      const { remote } = parts
      if (remote === undefined) throw new TypeError('the host has no remote blobs; give it `remoteBlobs`')
      return during(did, async (announced) => {
        const max = await maxBytes(did)
        await announced.now()
        const found = await remote.add(did, url, {
          ...limits,
          maxSize: Math.min(limits.maxSize ?? limit, limit),
        })
        if (!found.ok) return found
        const { ref } = found.value
        const { size } = ref
        const claim = { cid: formatCid(ref.ref), mimeType: ref.mimeType, size }
        const mimeType = await keep(did, claim, max, announced)
        return { ok: true, value: { ...ref, mimeType } }
      })
    },
    discard,
    close: () => closing.close(),
    collect: async () => {
      await files.clean()
      const expired = await store.upkeep.expireUploads(now() - TEMPORARY_MS)
      for (const { did, cid } of expired) await discard(did, [cid])
      return expired.length
    },
  }
}

/** The announcement that an upload puts bytes under their CID. */
interface Announced {
  /** Absent until it is made, and where there are no other processes. */
  ticket: string | undefined
  now(): Promise<void>
  /** Before what was put is removed, and when the upload has ended. */
  over(): Promise<void>
}

/** The bytes of an upload, announced when the last has come: before, they have no CID, and a sender may take its time. */
async function* announcing(
  source: AsyncIterable<Uint8Array>,
  announced: Announced,
): AsyncGenerator<Uint8Array> {
  yield* source
  await announced.now()
}
