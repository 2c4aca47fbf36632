// Answers of a service that lies, to calls that are handed on to it, and to those whose answers are taken apart on the way.
import { brotliCompressSync, gzipSync, deflateSync, zstdCompressSync } from 'node:zlib'

import { drip, pour, type Lie, type LyingService } from './lying-service.ts'
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

const MB = 1024 * 1024
const FAILED = '502 UpstreamFailure'
/** What fails before its first byte: the head of the answer waits for that. */
const HUNG_UP = 'no answer'
const CUT = '200, cut off'
const AS_IT_CAME = '200, as it came'
/** The caller's newest post is in the page. */
const WITH_POST = '200, with the post'

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
const HONEST = Buffer.from('{"feed":[]}')
const end = (socket: { end(bytes: Uint8Array): void }, head: readonly string[], body: Uint8Array): void =>
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]))

/** The two answers that are right: to a call handed on, and to one taken apart. */
type Right = string | readonly [plain: string, patched: string]

const lie = (
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
const body = (
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
const text =
  (value: string): (() => Buffer) =>
  () =>
    Buffer.from(value)
const raw = (what: string, right: Right, bytes: string): ((liar: Liar) => Attack[]) =>
  lie(
    what,
    right,
    ({ rev }) =>
      (socket) =>
        socket.end(Buffer.from(bytes.replaceAll('{rev}', rev()), 'latin1')),
    HONEST,
  )

const redirect = (status: number, location: (port: number) => string): ((liar: Liar) => Attack[]) =>
  lie(
    `a redirect ${status} to ${location(0)}`,
    FAILED,
    ({ insidePort }) =>
      (socket) =>
        end(socket, [`HTTP/1.1 ${status} Go`, `Location: ${location(insidePort)}`], Buffer.of()),
  )

const feed = (items: string): (() => Buffer) => text(`{"feed":${items}}`)

const GROUPS: readonly ((liar: Liar) => Attack[])[] = [
  // Elsewhere.
  ...[301, 302, 303, 307, 308].map((status) => redirect(status, (port) => `http://127.0.0.1:${port}/`)),
  redirect(302, () => 'http://169.254.169.254/latest/meta-data/iam'),
  redirect(302, (port) => `http://[::ffff:127.0.0.1]:${port}/`),
  redirect(302, (port) => `//127.0.0.1:${port}/`),
  redirect(300, (port) => `http://127.0.0.1:${port}/`),
  redirect(304, (port) => `http://127.0.0.1:${port}/`),
  redirect(302, () => 'file:///etc/passwd'),

  // Much.
  lie('an endless body', CUT, ({ rev }) => (socket) => {
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAtproto-Repo-Rev: ${rev()}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    pour(socket, `10000\r\n${' '.repeat(65_536)}\r\n`)
  }),
  lie('an endless refusal', '400 InvalidRequest', () => (socket) => {
    socket.write('HTTP/1.1 400 No\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n')
    pour(socket, `10000\r\n${' '.repeat(65_536)}\r\n`)
  }),
  lie('an endless head', FAILED, () => (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    pour(socket, `X-Header: ${'x'.repeat(1000)}\r\n`)
  }),
  lie(
    'early hints without end',
    FAILED,
    () => (socket) => pour(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n'.repeat(100)),
  ),
  lie(
    'calls to go on without end',
    FAILED,
    () => (socket) => pour(socket, 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)),
  ),
  body(
    'gzip of 100 MB of spaces',
    [CUT, FAILED],
    () => gzipSync(Buffer.alloc(100 * MB, 0x20), { level: 9 }),
    ['Content-Encoding: gzip'],
  ),
  body(
    'deflate of 100 MB of spaces',
    [CUT, FAILED],
    () => deflateSync(Buffer.alloc(100 * MB, 0x20), { level: 9 }),
    ['Content-Encoding: deflate'],
  ),
  body('Brotli of 100 MB of spaces', [CUT, FAILED], () => brotliCompressSync(Buffer.alloc(100 * MB, 0x20)), [
    'Content-Encoding: br',
  ]),
  body(
    'a refusal that unpacks to 100 MB',
    '400 InvalidRequest',
    () => gzipSync(Buffer.alloc(100 * MB, 0x20), { level: 9 }),
    ['Content-Encoding: gzip'],
    '400 No',
  ),
  body('gzip in gzip', FAILED, () => gzipSync(gzipSync(HONEST)), ['Content-Encoding: gzip, gzip']),
  body('Zstandard, which was not asked for', FAILED, () => zstdCompressSync(HONEST), [
    'Content-Encoding: zstd',
  ]),
  body('plain text under the name of gzip', [HUNG_UP, FAILED], text('{"feed":[]}'), [
    'Content-Encoding: gzip',
  ]),
  body('gzip that is cut', [CUT, FAILED], () => gzipSync(Buffer.alloc(300_000, 'ab')).subarray(0, -40), [
    'Content-Encoding: gzip',
  ]),

  // Less than was said, or more.
  raw(
    'a body shorter than its length',
    [CUT, FAILED],
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAtproto-Repo-Rev: {rev}\r\nContent-Length: 1000\r\n\r\n{"feed"',
  ),
  raw(
    'a last chunk that never comes',
    [CUT, FAILED],
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAtproto-Repo-Rev: {rev}\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"feed"\r\n',
  ),
  raw(
    'a chunk of a size that is none',
    [CUT, FAILED],
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAtproto-Repo-Rev: {rev}\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"feed"\r\nzz\r\n',
  ),
  raw(
    'a length and chunks',
    FAILED,
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{"feed":[]}\r\n0\r\n\r\n',
  ),
  raw(
    'two lengths',
    FAILED,
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nContent-Length: 12\r\n\r\n{"feed":[]}',
  ),
  raw(
    'a second answer behind the first',
    AS_IT_CAME,
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"feed":[]}HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"feed":"x"}',
  ),

  // No answer at all.
  raw('nothing', FAILED, ''),
  raw('the greeting of a mail server', FAILED, '220 mail.example.com ESMTP\r\n'),
  raw('TLS', FAILED, '\x15\x03\x01\x00\x02\x02\x28'),
  raw('HTTP/0.9', FAILED, '{"feed":[]}'),
  raw('HTTP/2 in letters', AS_IT_CAME, 'HTTP/2.0 200 OK\r\nContent-Length: 11\r\n\r\n{"feed":[]}'),
  raw(
    'a switch to another protocol',
    FAILED,
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n{"feed":[]}',
  ),
  raw('a status below all', FAILED, 'HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\n{}'),
  raw('a status above all', FAILED, 'HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\n{}'),
  raw(
    'a line break in a header',
    FAILED,
    'HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\n{}',
  ),
  raw(
    'a null byte in a header',
    FAILED,
    'HTTP/1.1 200 OK\r\nContent-Type: a\0b\r\nContent-Length: 2\r\n\r\n{}',
  ),
  raw(
    'five thousand headers',
    FAILED,
    `HTTP/1.1 200 OK\r\n${Array.from({ length: 5000 }, (_, i) => `X${i}: 1\r\n`).join('')}Content-Length: 2\r\n\r\n{}`,
  ),

  // Headers that are not for the client.
  body('cookies, and what steers a connection', [AS_IT_CAME, WITH_POST], text('{"feed":[]}'), [
    'Set-Cookie: session=evil; Path=/',
    'Connection: close, x-hop',
    'X-Hop: 1',
    'Keep-Alive: timeout=99999',
    'Proxy-Authenticate: Basic',
    'WWW-Authenticate: Basic realm="evil"',
    'Trailer: X-A',
    'Upgrade: h2c',
    'Strict-Transport-Security: max-age=0',
    'Access-Control-Allow-Credentials: true',
    'Clear-Site-Data: "*"',
    'Refresh: 0; url=https://evil.example',
    'Location: https://evil.example',
    'Alt-Svc: h3="evil.example:443"',
    'Content-Security-Policy: none',
    'Server: evil',
    'Cache-Control: public, max-age=31536000',
    'DPoP-Nonce: x',
  ]),
  body(
    'a refusal with cookies',
    '403 Forbidden',
    text('{"error":"Forbidden","message":"no"}'),
    ['Set-Cookie: a=b', 'WWW-Authenticate: Basic'],
    '403 No',
  ),

  // JSON that is none, or deep, or of another form.
  body(
    'lists nested 100 000 deep',
    AS_IT_CAME,
    text(`{"feed":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
  ),
  body(
    'objects nested 100 000 deep',
    AS_IT_CAME,
    text(`${'{"feed":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
  ),
  body('lists that are never closed', AS_IT_CAME, text('['.repeat(100_000))),
  body(
    'a refusal nested 100 000 deep',
    '400 InvalidRequest',
    text(`${'{"error":'.repeat(5000)}1${'}'.repeat(5000)}`),
    [],
    '400 No',
  ),
  body('half a JSON', AS_IT_CAME, text('{"feed":[')),
  body('no JSON', AS_IT_CAME, text('<html>')),
  body('bytes that are no UTF-8', AS_IT_CAME, () => Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
  body('a page of HTML', AS_IT_CAME, text('<script>alert(1)</script>'), ['Content-Type: text/html']),
  body('a list', AS_IT_CAME, text('[]')),
  body('null', AS_IT_CAME, text('null')),
  body('a feed of numbers', AS_IT_CAME, feed('[1,2,3]')),
  body('a feed of nothing', AS_IT_CAME, feed('[null]')),
  body('a feed that is text', AS_IT_CAME, feed('"x"')),
  body('a feed without posts', AS_IT_CAME, feed('[{}]')),
  body('a feed whose times are numbers', AS_IT_CAME, feed('[{"post":{"indexedAt":7}}]')),
  body(
    'a feed of fields of Object.prototype',
    AS_IT_CAME,
    feed('[{"__proto__":{"post":{"indexedAt":"x"}}}]'),
  ),
  body(
    'a refusal whose name is a page',
    '400 <script>',
    text('{"error":"<script>","message":7}'),
    [],
    '400 No',
  ),
  body(
    'a refusal that is text',
    '502 UpstreamFailure',
    text('internal error at /srv/secret.js:1'),
    ['Content-Type: text/plain'],
    '500 No',
  ),
]

/** All lies, each to both kinds of calls. */
export const LIES = (liar: Liar): Attack[] => GROUPS.flatMap((make) => make(liar))

/** Answers that take their time: told at once and waited for together. */
export const SLOW_LIES = (liar: Liar): Attack[] => [
  ...lie('silence', '504 UpstreamTimeout', () => () => {})(liar),
  ...lie('a head letter by letter', '504 UpstreamTimeout', () => (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nX-Slow: ')
    drip(socket, 'x', 200)
  })(liar),
  ...lie('a body letter by letter', [CUT, FAILED], ({ rev }) => (socket) => {
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAtproto-Repo-Rev: ${rev()}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    )
    drip(socket, '1\r\n \r\n', 200)
  })(liar),
]
