import { readBounded } from '@avocet/data'
import { createGuardedFetch } from '@avocet/did'

/** Bytes of an answer: an archive of a large repository. */
const MAX_BYTES = 4 * 2 ** 30
const TIMEOUT_MS = 600_000
/** Bytes of what is sent: a blob. */
const MAX_BODY = 256 * 2 ** 20

/**
 * A `fetch` for calls to a PDS, which an account's document names and which may be anybody's: public addresses alone. Streams are
 * collected before they are sent.
 */
export function createPdsFetch(
  allowLoopback: boolean,
): (url: string, init: RequestInit) => Promise<Response> {
  const send = createGuardedFetch({ allowLoopback, maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS })
  return async (url, { method = 'GET', headers, body, signal, redirect = 'follow' }) => {
    const given = new Headers(headers)
    const bytes = await collect(body)
    // What a form or a blob says of itself.
    if (bytes !== null && bytes.type !== null && !given.has('content-type')) {
      given.set('content-type', bytes.type)
    }
    return send(url, {
      method,
      redirect,
      headers: Object.fromEntries(given),
      ...(bytes === null ? {} : { body: bytes.bytes }),
      ...(signal === undefined || signal === null ? {} : { signal }),
    })
  }
}

async function collect(
  body: RequestInit['body'],
): Promise<{ bytes: Uint8Array<ArrayBuffer>; type: string | null } | null> {
  if (body === undefined || body === null) return null
  const { headers, body: stream } = new Response(body)
  const bytes = await readBounded(stream, MAX_BODY)
  if (bytes === null) throw new RangeError(`too much to send; max=${MAX_BODY}`)
  return { bytes, type: headers.get('content-type') }
}
