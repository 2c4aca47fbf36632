/** The Fetch side of a router: a Request as a Call, an Answer as a Response. */
import { type Answer, type Call, type HeaderRecord, isStream } from './call.ts'
import { discard, streamOf } from './stream.ts'

/** Makes a call of a Fetch request. */
export function callOf(request: Request, address: string | null): Call {
  const url = request.url
  // The origin ends at the third slash; URL parsing costs more than all the rest here.
  const pathAt = url.indexOf('/', url.indexOf('//') + 2)
  const hashAt = url.indexOf('#')
  const end = hashAt === -1 ? url.length : hashAt
  const queryAt = url.indexOf('?')
  const hasQuery = queryAt !== -1 && queryAt < end
  return {
    method: request.method,
    path: pathAt === -1 ? '/' : url.slice(pathAt, hasQuery ? queryAt : end),
    query: hasQuery ? url.slice(queryAt + 1, end) : '',
    address,
    request,
    signal: request.signal,
    header: (name) => request.headers.get(name),
    body: () => request.body,
  }
}

/** Makes a Response of an answer. */
export function responseOf(answer: Answer, head: boolean): Response {
  const { body, status } = answer
  const bare = body === null || head || status === 204 || status === 304
  if (bare && isStream(body)) void discard(body as AsyncIterable<Uint8Array>)
  return new Response(bare ? null : bodyInit(body), { status, headers: headersOf(answer.headers) })
}

function headersOf(record: HeaderRecord): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === 'string') headers.set(name, value)
    else for (const item of value) headers.append(name, item)
  }
  return headers
}

function bodyInit(body: NonNullable<Answer['body']>): BodyInit {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array
    ? (body as Uint8Array<ArrayBuffer>)
    : streamOf(body as AsyncIterable<Uint8Array>)
}
