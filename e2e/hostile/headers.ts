// Heads of requests that two servers in a row would read differently, that claim what only a front server may, or that cost much.
import { say, outcomes } from './wire.ts'
import type { Attack, World } from './world.ts'

const BAD = '400 InvalidRequest'
const LIST = '/xrpc/com.atproto.sync.listRepos?limit=1'
const WRITE = '/xrpc/com.atproto.server.createSession'

/** A head, and what follows it. */
const head = (
  what: string,
  lines: readonly string[] | ((world: World) => readonly string[]),
  right: string,
  body = '',
): Attack => ({
  what,
  right,
  run: async (world) => {
    const all = typeof lines === 'function' ? lines(world) : lines
    return outcomes(await say(world.server.url, `${all.join('\r\n')}\r\n\r\n${body}`, 3000))
  },
})
const get = (...lines: string[]): string[] => [
  `GET ${LIST} HTTP/1.1`,
  'Host: pds.example.com',
  ...lines,
  'Connection: close',
]
const post = (...lines: string[]): string[] => [
  `POST ${WRITE} HTTP/1.1`,
  'Host: pds.example.com',
  'Content-Type: application/json',
  ...lines,
  'Connection: close',
]
/** An address of the operator's own, which is not limited. */
export const UNLIMITED = '198.51.100.200'
/** A second request in the body of the first. */
const HIDDEN = `GET /xrpc/com.atproto.server.getSession HTTP/1.1\r\nHost: x\r\n\r\n`

export const SMUGGLING: readonly Attack[] = [
  head('two lengths', post('Content-Length: 2', 'Content-Length: 3'), '400', '{}x'),
  head('the same length twice', post('Content-Length: 2', 'Content-Length: 2'), '400', '{}'),
  head('a list of lengths', post('Content-Length: 2, 2'), '400', '{}'),
  head('a length below nothing', post('Content-Length: -1'), '400', '{}'),
  head('a length with a sign', post('Content-Length: +2'), '400', '{}'),
  head('a length in other digits', post('Content-Length: 0x2'), '400', '{}'),
  head('a length beyond all numbers', post(`Content-Length: ${'9'.repeat(40)}`), '400', '{}'),
  head(
    'a length of half of all numbers',
    post('Content-Length: 9007199254740993'),
    '413 PayloadTooLarge',
    '{}',
  ),
  head(
    'a length and chunks',
    post('Content-Length: 2', 'Transfer-Encoding: chunked'),
    '400',
    `0\r\n\r\n${HIDDEN}`,
  ),
  head(
    'chunks and a length',
    post('Transfer-Encoding: chunked', 'Content-Length: 2'),
    '400',
    `0\r\n\r\n${HIDDEN}`,
  ),
  head(
    'chunks that are not the last coding',
    post('Transfer-Encoding: chunked, identity'),
    '400',
    `0\r\n\r\n${HIDDEN}`,
  ),
  head('an unknown coding', post('Transfer-Encoding: xchunked'), '400', `0\r\n\r\n${HIDDEN}`),
  head('chunks named with a tab', post('Transfer-Encoding:\tchunked'), BAD, '0\r\n\r\n'),
  head('a space before the colon', post('Transfer-Encoding : chunked'), '400', '0\r\n\r\n'),
  head('a folded header', post('Transfer-Encoding:\r\n chunked'), '400', '0\r\n\r\n'),
  head('a bare line feed', [`GET ${LIST} HTTP/1.1\nHost: x\nConnection: close`], '400'),
  head('a bare carriage return', get('X-A: b\rTransfer-Encoding: chunked'), '400'),
  head('a null byte in a header', get('X-A: a\0b'), '400'),
  head('a header without a name', get(': b'), '400'),
  head('a header without a colon', get('Bad'), '400'),
  head('a header name with a space', get('X A: b'), '400'),
  head('a chunk of a size that is none', post('Transfer-Encoding: chunked'), '400', 'zz\r\n{}\r\n0\r\n\r\n'),
  head(
    'a chunk larger than all memory',
    post('Transfer-Encoding: chunked'),
    '400',
    'fffffffffffffffff\r\n{}',
  ),
  head('a chunk longer than it says', post('Transfer-Encoding: chunked'), '400', '1\r\n{}\r\n0\r\n\r\n'),
  head(
    'an extension of a chunk without end',
    post('Transfer-Encoding: chunked'),
    '413',
    `2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
  ),
  head(
    'trailers with a length',
    post('Transfer-Encoding: chunked'),
    '400',
    '2\r\n{}\r\n0\r\nContent-Length: 99\r\n\r\n',
  ),
  head(
    'a request in the body of one that has none to take',
    [`GET ${LIST} HTTP/1.1`, 'Host: x', `Content-Length: ${HIDDEN.length}`],
    '200',
    HIDDEN,
  ),
  head(
    'a request behind a request',
    [`GET ${LIST} HTTP/1.1`, 'Host: x'],
    '200, 401 AuthMissing',
    HIDDEN.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
  ),
  head(
    'a request behind a refused body',
    [`POST ${WRITE} HTTP/1.1`, 'Host: x', 'Content-Type: text/plain', `Content-Length: ${HIDDEN.length}`],
    '415 InvalidRequest',
    HIDDEN,
  ),
]

/** Fifty requests on one connection before the first is answered. */
const pipeline = Array.from({ length: 50 }, () => `GET ${LIST} HTTP/1.1\r\nHost: x\r\n\r\n`).join('')

export const HEADERS: readonly Attack[] = [
  head('no host', [`GET ${LIST} HTTP/1.1`, 'Connection: close'], '400'),
  head('two hosts', [...get('Host: evil.example')], BAD),
  head(
    'a host that is a URL',
    [`GET ${LIST} HTTP/1.1`, 'Host: http://evil.example/', 'Connection: close'],
    '200',
  ),
  head(
    'a host with a line break in other letters',
    [`GET ${LIST} HTTP/1.1`, 'Host: a%0d%0aset-cookie:x', 'Connection: close'],
    '200',
  ),
  head('a head of 40 KB', get(`X-A: ${'a'.repeat(40_000)}`), '431'),
  head('nine hundred headers', get(...Array.from({ length: 900 }, (_, i) => `X${i}: 1`)), '200'),
  head('headers without number', get(...Array.from({ length: 20_000 }, (_, i) => `X${i}: 1`)), '431'),
  head('a cookie of 20 KB', get(`Cookie: ${'a=b; '.repeat(4000)}`), '200'),
  head(
    'a cookie that is a session',
    ({ alice }) => [
      'GET /xrpc/com.atproto.server.getSession HTTP/1.1',
      'Host: x',
      `Cookie: authorization=Bearer ${alice.accessJwt}`,
      'Connection: close',
    ],
    '401 AuthMissing',
  ),
  head(
    'a connection that drops the credentials',
    ({ alice }) => [
      'GET /xrpc/com.atproto.server.getSession HTTP/1.1',
      'Host: x',
      `Authorization: Bearer ${alice.accessJwt}`,
      'Connection: close, authorization',
    ],
    '200',
  ),
  head('another method on top', get('X-HTTP-Method-Override: DELETE'), '200'),
  head(
    'another path on top',
    get('X-Original-URL: /xrpc/com.atproto.admin.getAccountInfo', 'X-Rewrite-URL: /x'),
    '200',
  ),
  head('languages without end', get(`Accept-Language: ${'en,'.repeat(5000)}`), '200'),
  head('encodings without end', get(`Accept-Encoding: ${'gzip;q=0.1,'.repeat(2000)}`), '200'),
  head(
    'ranges without end',
    ({ bob }) => [
      `GET /xrpc/com.atproto.sync.getRepo?did=${bob.did} HTTP/1.1`,
      'Host: x',
      `Range: bytes=${'0-1,'.repeat(5000)}0-1`,
      'Connection: close',
    ],
    '200',
  ),
  head('an expectation nobody meets', post('Expect: 200-ok', 'Content-Length: 2'), '417', '{}'),
  head(
    'an expectation to go on, and a body too large',
    post('Expect: 100-continue', 'Content-Length: 1000000'),
    '100, 413 PayloadTooLarge',
  ),
  head(
    'an upgrade of a query',
    get(
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ),
    '501 MethodNotImplemented',
  ),
  head(
    'an upgrade to HTTP/2',
    get('Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'),
    '200',
  ),
  head(
    'an upgrade of a page',
    [
      'GET / HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ],
    '501 MethodNotImplemented',
  ),
  head(
    'an upgrade by a method that is none for it',
    [
      'POST /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ],
    '405 InvalidRequest',
  ),
  head(
    'an upgrade without a key',
    [
      'GET /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
    ],
    '400',
  ),
  head(
    'an upgrade of a version that is none',
    [
      'GET /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 99',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ],
    '400',
  ),
  head(
    'a cursor that is none',
    [
      'GET /xrpc/com.atproto.sync.subscribeRepos?cursor=1.5 HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ],
    '101',
  ),
  head(
    'fifty requests at once on one connection',
    [`GET ${LIST} HTTP/1.1`, 'Host: x'],
    Array.from({ length: 52 }, () => '200').join(', '),
    `${pipeline}GET ${LIST} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  ),
  {
    what: 'a line break in what is told back',
    right: 'none',
    run: async ({ server, mallory }) => {
      const { headers } = await server.call('com.atproto.repo.uploadBlob', {
        bytes: new Uint8Array(3),
        type: 'text/plain; a="x\\r\\nset-cookie: a=b"',
        token: mallory.accessJwt,
      })
      return String(headers['set-cookie'] ?? 'none')
    },
  },
]

/** Whom a request comes from is what the front server says, and it speaks last. */
export const ADDRESSES: readonly Attack[] = (
  [
    [
      "an address of the caller's own before that of the front server",
      (i: number) => `203.0.113.${i}, 198.51.100.7`,
    ],
    ['loopback before it', (i: number) => `127.0.0.1, 127.0.0.${i + 2}, 198.51.100.8`],
    ['text before it', (i: number) => `<${i}>, 198.51.100.9`],
    ['thousands of addresses before it', (i: number) => `${`203.0.113.${i}, `.repeat(300)}198.51.100.10`],
    ['another spelling of the same network', (i: number) => `2001:db8:ffff:1::${i.toString(16)}`],
  ] as const
).map(([what, from]) => ({
  what: `sign-ins with ${what}`,
  right: '30 × 401 AuthenticationRequired, 5 × 429 RateLimitExceeded',
  run: async ({ server }: World) => {
    const identifier = `nobody-${what.length}.pds.example.com`
    const input = { identifier, password: 'guess' }
    const answers = await Promise.all(
      Array.from({ length: 35 }, (_, i) =>
        server.call('com.atproto.server.createSession', { input, from: from(i + 1) }),
      ),
    )
    const count = (status: number): number => answers.filter((answer) => answer.status === status).length
    return `${count(401)} × 401 AuthenticationRequired, ${count(429)} × 429 RateLimitExceeded`
  },
}))

let strangers = 0
/** An address of somebody who speaks to the server without a front server before it. */
const stranger = (): string => `127.9.${Math.floor(++strangers / 250)}.${(strangers % 250) + 1}`

/** What a stranger says about where it comes from is believed in no header: the limits count its connection. */
export const STRANGERS: readonly Attack[] = (
  [
    ['nothing', () => ({})],
    ['X-Forwarded-For', (i) => ({ 'x-forwarded-for': `198.18.0.${i}` })],
    ['X-Forwarded-For of a front server', (i) => ({ 'x-forwarded-for': `198.18.0.${i}, 127.0.0.1` })],
    ['X-Forwarded-For twice', (i) => ({ 'x-forwarded-for': [`198.18.0.${i}`, `198.18.1.${i}`] })],
    ['the address that no limit counts', () => ({ 'x-forwarded-for': UNLIMITED })],
    ['Forwarded', (i) => ({ forwarded: `for=198.18.0.${i};proto=https;by=127.0.0.1` })],
    ['X-Real-IP', (i) => ({ 'x-real-ip': `198.18.0.${i}` })],
    ['X-Client-IP', (i) => ({ 'x-client-ip': `198.18.0.${i}` })],
    ['CF-Connecting-IP', (i) => ({ 'cf-connecting-ip': `198.18.0.${i}`, 'true-client-ip': `198.18.0.${i}` })],
    ['X-Forwarded-Host', (i) => ({ 'x-forwarded-host': `host${i}.example.com` })],
    ['a key that opens no limit', (i) => ({ 'x-ratelimit-bypass': `guess-${i}` })],
  ] as const satisfies readonly (readonly [
    string,
    (i: number) => Readonly<Record<string, string | string[]>>,
  ])[]
).map(([what, headers]: readonly [string, (i: number) => Readonly<Record<string, string | string[]>>]) => ({
  what: `sign-ins of a stranger who says ${what}`,
  right: '30 × 401 AuthenticationRequired, 5 × 429 RateLimitExceeded',
  run: async ({ server }: World) => {
    const localAddress = stranger()
    const input = { identifier: `nobody-${localAddress}.pds.example.com`, password: 'guess' }
    const answers = await Promise.all(
      Array.from({ length: 35 }, (_, i) =>
        server.call('com.atproto.server.createSession', { input, localAddress, headers: headers(i + 1) }),
      ),
    )
    const count = (status: number): number => answers.filter((answer) => answer.status === status).length
    return `${count(401)} × 401 AuthenticationRequired, ${count(429)} × 429 RateLimitExceeded`
  },
}))
