import { parseErrorBody } from '@avocet/xrpc'

import { readBody } from './bounded-body.ts'
import { headersToClient } from './headers.ts'

/** Longest refusal that is read, in bytes. */
const MAX_BYTES = 64 * 1024

/**
 * The refusal of a service as this server's own answer: status, name and message, and none of its page. What is a
 * failure inside the service (500) is that of an upstream (502) here.
 */
export async function toRefusal(response: Response): Promise<Response> {
  const status = response.status === 500 ? 502 : response.status
  const { error, message } = parseErrorBody(status, await readJson(response))
  const headers = headersToClient(response.headers, false)
  headers.set('content-type', 'application/json; charset=utf-8')
  return new Response(JSON.stringify({ error, message }), { status, headers })
}

/** The JSON of a refusal; undefined for any other form, for one that is too long, and for one that fails half way. */
async function readJson(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type')
  const body = response.body
  if (body === null) return undefined
  if (type !== null && !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
    await body.cancel()
    return undefined
  }
  try {
    const read = await readBody(body, MAX_BYTES)
    if (read.whole) return JSON.parse(Buffer.from(read.bytes).toString())
    await read.stream.cancel()
    return undefined
  } catch {
    return undefined
  }
}
