/** Compression of answers: https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding */
import { gzipBytes, gzipChunks } from '#gzip'
import type { Answer, Call } from './call.ts'
import { isStream } from './call.ts'

const minBytes = 1024
const utf8 = new TextEncoder()

/**
 * Whether an answer is to be compressed: text or an archive of some length, for a caller that takes gzip. Says in its
 * headers that this depends on the request.
 */
export function wantsCompression({ body, headers, status }: Answer, call: Call): boolean {
  if (body === null || (!isStream(body) && body.length < minBytes)) return false
  if (headers['content-encoding'] !== undefined || !isCompressible(String(headers['content-type'] ?? ''))) {
    return false
  }
  headers['vary'] =
    headers['vary'] === undefined ? 'Accept-Encoding' : `${String(headers['vary'])}, Accept-Encoding`
  return status !== 206 && acceptsGzip(call.header('accept-encoding'))
}

/** The answer, compressed. */
export async function compress(answer: Answer): Promise<Answer> {
  const { body, headers } = answer
  if (body === null) return answer
  headers['content-encoding'] = 'gzip'
  delete headers['content-length']
  // Other bytes than the plain ones: what names those exactly must not name these too.
  const etag = headers['etag']
  if (typeof etag === 'string' && etag.startsWith('"')) headers['etag'] = `W/${etag}`
  if (isStream(body)) return { ...answer, body: gzipChunks(body as AsyncIterable<Uint8Array>) }
  return { ...answer, body: await gzipBytes(typeof body === 'string' ? utf8.encode(body) : body) }
}

function isCompressible(type: string): boolean {
  // Archives of repositories: records in CBOR, some 0.4 of their size when packed.
  return /^(text\/|application\/(json|javascript|xml|vnd\.ipld\.car\b)|image\/svg)|\+(json|xml)\b/.test(type)
}

function acceptsGzip(accepted: string | null): boolean {
  if (accepted === null || accepted.length > 1024) return false
  for (const part of accepted.toLowerCase().split(',')) {
    const [name, ...params] = part.split(';')
    if (name!.trim() !== 'gzip' && name!.trim() !== '*') continue
    return !params.some((param) => /^\s*q=0(\.0*)?\s*$/.test(param))
  }
  return false
}
