import { parseCid, type BlobRef } from '@avocet/data'
import type { Did } from '@avocet/syntax'

import { fetchRemote, refuse, remoteUrl, type RemoteFetch, type RemoteResult } from './remote-fetch.ts'
import type { RemoteBlob, RemoteBlobRows } from './remote-rows.ts'

/** What a field of a lexicon accepts (https://atproto.com/specs/lexicon#blob), and a service besides. */
export interface BlobLimits {
  /** Types such as `image/png`, `video/*` or anything (`*` for both parts). */
  readonly accept?: readonly string[] | undefined
  /** Bytes. */
  readonly maxSize?: number | undefined
  /** Of a video, in milliseconds. */
  readonly maxDurationMs?: number | undefined
}

/** Options of `createRemoteBlobs`. */
export interface RemoteBlobsOptions {
  /**
   * `createGuardedFetch({ maxBytes, timeoutMs })` of `@avocet/did`, or another that reaches only what strangers may name. It
   * bounds the time.
   */
  readonly fetch: RemoteFetch
  readonly rows: RemoteBlobRows
  /** The most bytes of a blob, whatever a field accepts; default 100 000 000. */
  readonly maxBytes?: number
  /** How long an answer is believed, in milliseconds; default a week. */
  readonly recheckAfterMs?: number
  /** How long a host that did not answer is left alone, in milliseconds; default an hour. */
  readonly retryAfterMs?: number
  readonly now?: () => number
}

/** A remote blob, and how a record refers to it. */
export interface AddedBlob {
  readonly ref: BlobRef
  readonly remote: RemoteBlob
}

/** What became of the blobs that were asked for again. */
export interface Rechecked {
  readonly same: number
  /** There are other bytes, or none, at their URLs now: `locate` does not find them any more. */
  readonly lost: number
  /** Their hosts did not answer. */
  readonly failed: number
}

/** Blobs that stay where they are on the web: known by URL, handed out as redirects. */
export interface RemoteBlobs {
  /** Fetches a URL, once for all accounts, finds out what is there, and notes that the account refers to it. */
  add(did: Did, url: string, limits?: BlobLimits): Promise<RemoteResult<AddedBlob>>
  /** Where a blob of an account is, for a redirect; null when it is not remote, or not there any more. Asks nobody. */
  locate(did: Did, cid: string): Promise<string | null>
  /** Asks hosts that were not asked for `recheckAfterMs` whether the blobs are still there, `limit` at most. */
  recheck(limit?: number): Promise<Rechecked>
  /** An account does not refer to a blob any more, or without a CID to any. */
  forget(did: Did, cid?: string): Promise<void>
}

const WEEK_MS = 7 * 24 * 60 * 60 * 1000
const HOUR_MS = 60 * 60 * 1000

/** Remote blobs, noted in `rows`. */
export function createRemoteBlobs(options: RemoteBlobsOptions): RemoteBlobs {
  const { fetch, rows, maxBytes = 100_000_000, now = Date.now } = options
  const { recheckAfterMs = WEEK_MS, retryAfterMs = HOUR_MS } = options
  const fetching = new Map<string, Promise<RemoteResult<RemoteBlob>>>()

  /** What is at a URL, and noted; calls at once for the same share one request. */
  const find = async (url: string, limits: BlobLimits): Promise<RemoteResult<RemoteBlob>> => {
    const known = await rows.byUrl(url)
    if (known?.state === 'there' && known.checkedAt + recheckAfterMs > now())
      return { ok: true, value: known }
    const limit = Math.min(maxBytes, limits.maxSize ?? maxBytes)
    const key = JSON.stringify([url, limit, limits.accept])
    const running = fetching.get(key)
    if (running !== undefined) return running
    const task = look(url, limit, limits, known).finally(() => fetching.delete(key))
    fetching.set(key, task)
    return task
  }

  const look = async (
    url: string,
    limit: number,
    limits: BlobLimits,
    known: RemoteBlob | null,
  ): Promise<RemoteResult<RemoteBlob>> => {
    const condition = known?.state === 'there' ? known : null
    const found = await fetchRemote(fetch, url, limit, (type) => accepts(type, limits), now(), condition)
    if (!found.ok) return found
    const blob = found.value.isSame ? { ...known!, checkedAt: now() } : found.value.blob
    await rows.save(blob, null)
    return { ok: true, value: blob }
  }

  const again = async (known: RemoteBlob): Promise<keyof Rechecked> => {
    const condition = known.state === 'there' ? known : null
    const found = await fetchRemote(fetch, known.url, known.size, () => true, now(), condition)
    if (found.ok) {
      const isSame = found.value.isSame || found.value.blob.cid === known.cid
      const seen = found.value.isSame ? known : found.value.blob
      const { etag, lastModified } = seen
      const state = isSame ? 'there' : 'changed'
      await rows.save({ ...known, ...(isSame ? { etag, lastModified } : {}), state, checkedAt: now() }, null)
      return isSame ? 'same' : 'lost'
    }
    const { code, status } = found.error
    const isGone = status === 404 || status === 410
    if (isGone || code === 'too-large') {
      await rows.save({ ...known, state: isGone ? 'gone' : 'changed', checkedAt: now() }, null)
      return 'lost'
    }
    // Not now: others are asked first.
    await rows.save({ ...known, checkedAt: now() - recheckAfterMs + retryAfterMs }, null)
    return 'failed'
  }

  return {
    add: async (did, text, limits = {}) => {
      const url = remoteUrl(text)
      if (!url.ok) return url
      const found = await find(url.value, limits)
      if (!found.ok) return found
      const remote = found.value
      const fault = beyond(remote, limits)
      if (fault !== null) return fault
      await rows.save(remote, did)
      const cid = parseCid(remote.cid)
      return {
        ok: true,
        value: { remote, ref: { $type: 'blob', ref: cid, mimeType: remote.mimeType, size: remote.size } },
      }
    },
    locate: async (did, cid) => {
      const blob = await rows.byCid(did, cid)
      return blob?.state === 'there' ? blob.url : null
    },
    recheck: async (limit = 100) => {
      const outcome = { same: 0, lost: 0, failed: 0 }
      for (const blob of await rows.due(now() - recheckAfterMs, limit)) outcome[await again(blob)] += 1
      return outcome
    },
    forget: async (did, cid) => {
      await rows.forget(did, cid ?? null)
    },
  }
}

/** Whether a type is one of those that a field accepts. */
function accepts(mimeType: string, { accept }: BlobLimits): boolean {
  return (
    accept === undefined ||
    accept.some(
      (one) =>
        one === '*/*' || one === mimeType || (one.endsWith('/*') && mimeType.startsWith(one.slice(0, -1))),
    )
  )
}

/** Why a blob is beyond what is accepted, whoever fetched it; null when it is not. */
function beyond(blob: RemoteBlob, limits: BlobLimits): RemoteResult<never> | null {
  const { maxSize, maxDurationMs } = limits
  if (!accepts(blob.mimeType, limits)) {
    return refuse('type-not-accepted', `the type of the blob is not accepted: ${blob.mimeType}`)
  }
  if (maxSize !== undefined && blob.size > maxSize) {
    return refuse('too-large', `the blob is too large; max=${maxSize}`)
  }
  if (maxDurationMs === undefined || !blob.mimeType.startsWith('video/')) return null
  if (blob.durationMs === null) return refuse('unknown-duration', 'the video does not say how long it is')
  return blob.durationMs > maxDurationMs
    ? refuse('too-long', `the video is too long; ms=${Math.round(blob.durationMs)} max=${maxDurationMs}`)
    : null
}
