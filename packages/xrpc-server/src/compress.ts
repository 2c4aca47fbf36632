/** Compression of answers: https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding */
import { gzipBytes, gzipChunks } from '#gzip'
import type { Answer, Call } from './call.ts'
import { isStream } from './call.ts'

const minBytes = 1024
const utf8 = new TextEncoder()

/** The answer, compressed where that helps and the caller takes it. */
export async function compress(answer: Answer, call: Call): Promise<Answer> {
  const { body, headers } = answer
  if (body === null || (!isStream(body) && body.length < minBytes)) return answer
  if (headers['content-encoding'] !== undefined || !isCompressible(String(headers['content-type'] ?? '')))
    return answer
  headers['vary'] =
    headers['vary'] === undefined ? 'Accept-Encoding' : `${String(headers['vary'])}, Accept-Encoding`
  if (!acceptsGzip(call.header('accept-encoding')) || answer.status === 206) return answer
  headers['content-encoding'] = 'gzip'
  delete headers['content-length']
  if (isStream(body)) return { ...answer, body: gzipChunks(body as AsyncIterable<Uint8Array>) }
  return { ...answer, body: await gzipBytes(typeof body === 'string' ? utf8.encode(body) : body) }
}

function isCompressible(type: string): boolean {
  return /^(text\/|application\/(json|javascript|xml)|image\/svg)|\+(json|xml)\b/.test(type)
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
