import type { Did } from '@avocet/syntax'

import { parseRange } from './range.ts'
import type { BlobReader } from './store.ts'

/** A blob that may be handed out. */
export interface ServedBlob {
  readonly did: Did
  readonly cid: string
  readonly mimeType: string
  /** Bytes. */
  readonly size: number
}

/** What was asked for: two headers of the request. */
export interface BlobRequest {
  readonly range: string | null
  readonly ifNoneMatch: string | null
}

/** Where blobs come from. */
export interface BlobSources {
  readonly store: BlobReader
  /** A URL to send the client to instead, such as a CDN's or that of a remote blob; null for the bytes from here. */
  readonly redirect?: (did: Did, cid: string) => string | null | Promise<string | null>
}

/** An answer, for whatever server sends it. */
export interface BlobAnswer {
  readonly status: 200 | 206 | 302 | 304 | 416
  readonly headers: Readonly<Record<string, string>>
  /** Nothing is held long for a body that is not read. */
  readonly body: AsyncIterable<Uint8Array> | null
}

/**
 * Answers `com.atproto.sync.getBlob` for a blob that may be shown: the bytes or a range of them, 304, 416, or a redirect.
 * Whatever the bytes are, a browser must neither run nor guess at them.
 * @param cacheControl for as long as the blob may be shown: its bytes never change, but a takedown has to be seen
 * @returns null when the store does not have it
 * @throws BlobError from a store that asks a service
 */
export async function answerBlob(
  { range: rangeHeader, ifNoneMatch }: BlobRequest,
  { did, cid, mimeType, size }: ServedBlob,
  { store, redirect }: BlobSources,
  cacheControl: string,
): Promise<BlobAnswer | null> {
  const headers = {
    etag: `"${cid}"`,
    'accept-ranges': 'bytes',
    'cache-control': cacheControl,
    'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'none'; sandbox`,
    'content-disposition': `attachment; filename="${cid}"`,
  }
  if (ifNoneMatch?.includes(`"${cid}"`) === true) return { status: 304, headers, body: null }
  const location = (await redirect?.(did, cid)) ?? null
  if (location !== null) {
    return { status: 302, headers: { location, 'cache-control': cacheControl }, body: null }
  }
  const range = parseRange(rangeHeader, size)
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { ...headers, 'content-range': `bytes */${size}` }, body: null }
  }
  const body = await store.open(did, cid, range ?? undefined)
  if (body === null) return null
  const typed = { ...headers, 'content-type': mimeType }
  if (range === null) return { status: 200, headers: { ...typed, 'content-length': String(size) }, body }
  const { start, end } = range
  const part = { 'content-length': String(end - start + 1), 'content-range': `bytes ${start}-${end}/${size}` }
  return { status: 206, headers: { ...typed, ...part }, body }
}
