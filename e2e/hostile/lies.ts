// Answers of a service that lies, to calls that are handed on to it, and to those whose answers are taken apart on the way.
import { brotliCompressSync, gzipSync, deflateSync, zstdCompressSync } from 'node:zlib'

import {
  AS_IT_CAME,
  body,
  CUT,
  FAILED,
  feed,
  HONEST,
  HUNG_UP,
  lie,
  MB,
  raw,
  redirect,
  text,
  WITH_POST,
  type Liar,
} from './lie-kinds.ts'
import { drip, pour } from './lying-service.ts'
import type { Attack } from './world.ts'

/** How an answer begins that would be taken. */
const JSON_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nAtproto-Repo-Rev: {rev}\r\n'

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
  raw('a body shorter than its length', [CUT, FAILED], `${JSON_HEAD}Content-Length: 1000\r\n\r\n{"feed"`),
  raw(
    'a last chunk that never comes',
    [CUT, FAILED],
    `${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\n7\r\n{"feed"\r\n`,
  ),
  raw(
    'a chunk of a size that is none',
    [CUT, FAILED],
    `${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\n7\r\n{"feed"\r\nzz\r\n`,
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
