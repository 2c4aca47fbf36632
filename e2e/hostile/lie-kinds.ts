// A lie is told twice, to a call that is handed on and to one whose answer is taken apart on the way; what comes out is judged.
import type { Lie, LyingService } from './lying-service.ts'
import { begin, outcome } from './wire.ts'
import type { Attack, World } from './world.ts'

/** Handed on as it comes. */
const PLAIN = 'app.bsky.graph.getFollows'
/** Taken apart, because the caller wrote posts that the service says it has not seen. */
const PATCHED = 'app.bsky.feed.getTimeline'

/** What a test of lies needs to know. */
export interface Liar {
  add: LyingService['add']
  /** A service inside, to which nothing may lead. */
  readonly insidePort: number
  /** A revision of the caller's repository that is older than what they wrote. */
  readonly rev: () => string
}

/** A megabyte. */
export const MB = 1024 * 1024
/** What the caller gets for what is no answer. */
export const FAILED = '502 UpstreamFailure'
/** What fails before its first byte: the head of the answer waits for that. */
export const HUNG_UP = 'no answer'
/** The head was there before the fault. */
export const CUT = '200, cut off'
/** The bytes of the service. */
export const AS_IT_CAME = '200, as it came'
/** The caller's newest post is in the page. */
export const WITH_POST = '200, with the post'

/** The answer to one call: its outcome, and how its body ended. */
function ask(world: World, nsid: string, lie: string, expected: Uint8Array | null): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const call = begin(world.server.url, nsid, { token: world.mallory.accessJwt, params: { lie } })
  // Longer than the server gives a service for all of its answer.
  call.setTimeout(45_000)
  call.on('error', (error) => resolve(error.message === 'socket hang up' ? HUNG_UP : error.message))
  call.on('response', (message) => {
    const chunks: Buffer[] = []
    let size = 0
    message.on('data', (chunk: Buffer) => {
      size += chunk.length
      // Kept as far as it can be compared: an endless answer is only counted.
      if (size < 4 * MB) chunks.push(chunk)
    })
    message.on('error', () => resolve(`${message.statusCode}, ${size > 11 * MB ? 'without end' : 'cut off'}`))
    message.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const status = message.statusCode!
      const odd = Object.keys(message.headers).filter((name) => !KNOWN_HEADERS.has(name))
      const headers = odd.length === 0 ? '' : `, with ${odd.toSorted().join()}`
      const value = parsed(bytes)
      if (status !== 200) resolve(`${outcome({ status, body: value })}${headers}`)
      else if (expected !== null && bytes.equals(expected)) resolve(`${AS_IT_CAME}${headers}`)
      else if (value?.feed?.[0]?.post?.author?.did === world.mallory.did) resolve(`${WITH_POST}${headers}`)
      else resolve(`200, ${bytes.length > 200 ? `${bytes.length} bytes` : bytes.toString()}${headers}`)
    })
  })
  call.end()
  return promise
}

/** Headers that this server sends with each answer of a service. */
const KNOWN_HEADERS = new Set([
  'access-control-allow-origin',
  'access-control-expose-headers',
  'atproto-repo-rev',
  'atproto-upstream-lag',
  'cache-control',
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'ratelimit-limit',
  'ratelimit-policy',
  'ratelimit-remaining',
  'ratelimit-reset',
  'transfer-encoding',
  'vary',
  'x-request-id',
])

function parsed(bytes: Buffer): any {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

/** A body that a timeline may have. */
export const HONEST = Buffer.from('{"feed":[]}')
const end = (socket: { end(bytes: Uint8Array): void }, head: readonly string[], body: Uint8Array): void =>
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]))

/** The two answers that are right: to a call handed on, and to one taken apart. */
type Right = string | readonly [plain: string, patched: string]

/** What a service says, byte by byte. */
export const lie = (
  what: string,
  right: Right,
  make: (liar: Liar) => Lie,
  expected: Uint8Array | null = null,
): ((liar: Liar) => Attack[]) => {
  const [plain, patched] = typeof right === 'string' ? [right, right] : right
  return (liar) =>
    (
      [
        [PLAIN, plain],
        [PATCHED, patched],
      ] as const
    ).map(([nsid, rightOne]) => ({
      what: `${what}, to ${nsid}`,
      right: rightOne,
      run: (world: World) => ask(world, nsid, liar.add(make(liar)), expected),
    }))
}

/** An answer with this body, and headers changed. */
export const body = (
  what: string,
  right: Right,
  make: () => Uint8Array,
  headers: readonly string[] = [],
  status = '200 OK',
): ((liar: Liar) => Attack[]) => {
  const bytes = make()
  const typed = headers.some((line) => line.toLowerCase().startsWith('content-type'))
  return lie(
    what,
    right,
    ({ rev }) =>
      (socket) =>
        end(
          socket,
          [
            `HTTP/1.1 ${status}`,
            ...(typed ? [] : ['Content-Type: application/json']),
            `Content-Length: ${bytes.length}`,
            `Atproto-Repo-Rev: ${rev()}`,
            ...headers,
          ],
          bytes,
        ),
    bytes,
  )
}
/** A body of text. */
export const text =
  (value: string): (() => Buffer) =>
  () =>
    Buffer.from(value)
/** An answer written out; `{rev}` is the revision it claims. */
export const raw = (what: string, right: Right, bytes: string): ((liar: Liar) => Attack[]) =>
  lie(
    what,
    right,
    ({ rev }) =>
      (socket) =>
        socket.end(Buffer.from(bytes.replaceAll('{rev}', rev()), 'latin1')),
    HONEST,
  )

/** A redirect, to a service inside or elsewhere. */
export const redirect = (status: number, location: (port: number) => string): ((liar: Liar) => Attack[]) =>
  lie(
    `a redirect ${status} to ${location(0)}`,
    FAILED,
    ({ insidePort }) =>
      (socket) =>
        end(socket, [`HTTP/1.1 ${status} Go`, `Location: ${location(insidePort)}`], Buffer.of()),
  )

/** A timeline of these items. */
export const feed = (items: string): (() => Buffer) => text(`{"feed":${items}}`)
