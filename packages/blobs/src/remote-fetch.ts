import { formatCid } from '@avocet/data'

import { createDurationMeter } from './duration.ts'
import { BlobError } from './error.ts'
import { createIntake } from './intake.ts'
import type { RemoteBlob } from './remote-rows.ts'
import { SNIFF_BYTES, sniffMime } from './sniff.ts'

/** The part of `fetch` that is needed. For URLs that strangers choose, give a guarded one. */
export type RemoteFetch = (
  url: string,
  init: { readonly headers: Readonly<Record<string, string>>; readonly signal?: AbortSignal },
) => Promise<Response>

/**
 * Why a blob was not taken.
 *
 * - `invalid-url`: not an http(s) URL, with a password in it, or longer than 2048 characters
 * - `blocked`: the guarded fetch does not go there
 * - `unreachable`, `timeout`: no answer, or half of one
 * - `refused`: an answer without success; `status` is set
 * - `too-large`, `type-not-accepted`, `too-long`: beyond what is accepted
 * - `unknown-duration`: a video of bounded length that does not say its own
 */
export type RemoteFaultCode =
  | 'invalid-url'
  | 'blocked'
  | 'unreachable'
  | 'timeout'
  | 'refused'
  | 'too-large'
  | 'type-not-accepted'
  | 'too-long'
  | 'unknown-duration'

/** A refusal, with what to tell whoever named the URL. */
export interface RemoteFault {
  readonly code: RemoteFaultCode
  readonly message: string
  readonly status?: number
}

/** What was found, or why not. */
export type RemoteResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RemoteFault }

export const refuse = (code: RemoteFaultCode, message: string, status?: number): RemoteResult<never> => ({
  ok: false,
  error: { code, message, ...(status === undefined ? {} : { status }) },
})

const MAX_URL = 2048
const MIME = /^[a-z0-9!#$&^_.+-]{1,64}\/[a-z0-9!#$&^_.+-]{1,64}$/

/** A URL in the one form it is noted in. */
export function remoteUrl(text: string): RemoteResult<string> {
  const url = text.length <= MAX_URL ? URL.parse(text) : null
  const isWeb = url !== null && (url.protocol === 'https:' || url.protocol === 'http:')
  if (!isWeb || url.username !== '' || url.password !== '') {
    return refuse('invalid-url', `not the URL of a blob: ${text.slice(0, 100)}`)
  }
  url.hash = ''
  return url.href.length <= MAX_URL
    ? { ok: true, value: url.href }
    : refuse('invalid-url', 'the URL is too long')
}

/** What an answer was: bytes, or that they are as they were. */
export type Fetched = { readonly isSame: true } | { readonly isSame: false; readonly blob: RemoteBlob }

/**
 * Fetches a URL and finds out what is there. Of the bytes none are kept.
 * @param accepts asked with the type, as soon as that is known
 * @param known what was there last, to ask whether it still is
 */
export async function fetchRemote(
  fetch: RemoteFetch,
  url: string,
  limit: number,
  accepts: (mimeType: string) => boolean,
  now: number,
  known: RemoteBlob | null,
): Promise<RemoteResult<Fetched>> {
  try {
    const response = await fetch(url, { headers: { 'accept-encoding': 'identity', ...conditions(known) } })
    if (response.status === 304 && known !== null) {
      await response.body?.cancel()
      return { ok: true, value: { isSame: true } }
    }
    const { status, headers } = response
    if (status !== 200) {
      await response.body?.cancel()
      return refuse('refused', `the host answered with ${status}`, status)
    }
    if (Number(headers.get('content-length') ?? 0) > limit) {
      await response.body?.cancel()
      return tooLarge(limit)
    }
    const declared = headers.get('content-type')?.split(';')[0]!.trim().toLowerCase() ?? ''
    const intake = createIntake(limit)
    const meter = createDurationMeter()
    const head = new Uint8Array(SNIFF_BYTES)
    let size = 0
    let mimeType: string | null = null
    const settle = (): boolean => {
      mimeType ??=
        sniffMime(head.subarray(0, size)) ?? (MIME.test(declared) ? declared : 'application/octet-stream')
      return accepts(mimeType)
    }
    for await (const chunk of response.body ?? []) {
      intake.add(chunk)
      meter.add(chunk)
      if (size < SNIFF_BYTES) head.set(chunk.subarray(0, SNIFF_BYTES - size), size)
      const before = size
      size = Math.min(size + chunk.length, SNIFF_BYTES)
      if (before < SNIFF_BYTES && size === SNIFF_BYTES && !settle()) return notAccepted(mimeType!)
    }
    if (!settle()) return notAccepted(mimeType!)
    const stored = intake.end()
    const blob: RemoteBlob = {
      url,
      cid: formatCid(stored.cid),
      size: stored.size,
      mimeType: mimeType!,
      durationMs: meter.durationMs(),
      etag: validator(headers.get('etag')),
      lastModified: validator(headers.get('last-modified')),
      checkedAt: now,
      state: 'there',
    }
    return { ok: true, value: { isSame: false, blob } }
  } catch (error) {
    return faultOf(error, limit)
  }
}

const tooLarge = (limit: number): RemoteResult<never> =>
  refuse('too-large', `the blob is too large; max=${limit}`)
const notAccepted = (mimeType: string): RemoteResult<never> =>
  refuse('type-not-accepted', `the type of the blob is not accepted: ${mimeType}`)

function conditions(known: RemoteBlob | null): Record<string, string> {
  if (known === null) return {}
  return {
    ...(known.etag === null ? {} : { 'if-none-match': known.etag }),
    ...(known.lastModified === null ? {} : { 'if-modified-since': known.lastModified }),
  }
}

/** A host's word that is sent back to it; a long one is not worth keeping. */
const validator = (text: string | null): string | null => (text === null || text.length > 200 ? null : text)

/** By the codes of the guarded fetch of `@avocet/did`; other errors are those of a network. */
function faultOf(error: unknown, limit: number): RemoteResult<never> {
  const code = String((error as { code?: unknown }).code)
  if (error instanceof BlobError || code === 'too-large') return tooLarge(limit)
  const message = error instanceof Error ? error.message : String(error)
  if (code.startsWith('blocked-')) return refuse('blocked', message)
  return refuse(code === 'timeout' ? 'timeout' : 'unreachable', message)
}
