// Bodies that are small on the wire and large in memory, or that cost much to read: by ratio, by depth, by number.
import { randomBytes } from 'node:crypto'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'

import { outcome } from './wire.ts'
import type { Attack, World } from './world.ts'

const BAD = '400 InvalidRequest'
const LARGE = '413 PayloadTooLarge'
const MB = 1024 * 1024

/** A body that anybody may send, without an account. */
const open = (
  what: string,
  right: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Attack => ({
  what,
  right,
  run: async ({ server }) =>
    outcome(
      await server.call('com.atproto.server.createSession', {
        bytes: typeof body === 'string' ? Buffer.from(body) : body,
        type: 'application/json',
        headers,
      }),
    ),
})
const session = (rest: string): string => `{"identifier":"a","password":"b",${rest}}`
const packed = (encoding: string): Record<string, string> => ({ 'content-encoding': encoding })
const login = JSON.stringify({ identifier: 'nobody.example.com', password: 'x' })
/** 100 MB of spaces before a value. */
const spaces = gzipSync(Buffer.alloc(100 * MB, 0x20), { level: 9 })

export const BODIES: readonly Attack[] = [
  open('lists nested 70 000 deep', BAD, '['.repeat(70_000)),
  open('lists nested 70 000 deep and closed', BAD, session(`"x":${'['.repeat(70_000)}${']'.repeat(70_000)}`)),
  open('objects nested 20 000 deep', BAD, session(`"x":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`)),
  open(
    'ten thousand keys',
    '401 AuthenticationRequired',
    session(Array.from({ length: 10_000 }, (_, i) => `"k${i}":1`).join(',')),
  ),
  open(
    'one key ten thousand times',
    '401 AuthenticationRequired',
    session(Array.from({ length: 10_000 }, () => `"k":1`).join(',')),
  ),
  open(
    'keys of the prototype',
    '401 AuthenticationRequired',
    session('"__proto__":{"identifier":"x"},"constructor":{"prototype":{"a":1}}'),
  ),
  open(
    'keys that look like places in a list',
    '401 AuthenticationRequired',
    session(Array.from({ length: 5000 }, (_, i) => `"${4294967290 - i}":1`).join(',')),
  ),
  open('a number of 100 000 digits', BAD, session(`"x":${'9'.repeat(100_000)}`)),
  open('a number beyond all', BAD, session('"x":1e400')),
  // Nothing else is near enough.
  open('a small fraction', '401 AuthenticationRequired', session('"x":1e-400')),
  open('a negative zero', '401 AuthenticationRequired', session('"x":-0')),
  open('text of 20 000 escapes', '401 AuthenticationRequired', session(`"x":"${'\\u0041'.repeat(20_000)}"`)),
  open('half a letter', BAD, '{"identifier":"\\ud800","password":"b"}'),
  open('a byte order mark', '401 AuthenticationRequired', `\uFEFF${login}`),
  open('UTF-16', BAD, Buffer.from(login, 'utf16le')),
  open(
    'bytes that are no UTF-8',
    BAD,
    Buffer.concat([
      Buffer.from('{"identifier":"'),
      Buffer.from([0xc0, 0xaf]),
      Buffer.from('","password":"b"}'),
    ]),
  ),
  open('comments', BAD, `/* */${login}`),
  open('no number at all', BAD, session('"x":NaN')),
  open('150 KiB of spaces', BAD, ' '.repeat(150 * 1024)),
  open('a byte more', LARGE, ' '.repeat(150 * 1024 + 1)),
  open(
    'a password of 100 KB',
    '401 AuthenticationRequired',
    JSON.stringify({ identifier: 'nobody.example.com', password: 'x'.repeat(100_000) }),
  ),
  open(
    'a name of 100 KB',
    '401 AuthenticationRequired',
    JSON.stringify({ identifier: 'x@'.repeat(50_000), password: 'x' }),
  ),

  // By ratio.
  open('gzip of 100 MB of spaces', LARGE, spaces, packed('gzip')),
  open('deflate of 100 MB of spaces', LARGE, deflateSync(Buffer.alloc(100 * MB, 0x20)), packed('deflate')),
  open('gzip in gzip', '415 InvalidRequest', gzipSync(gzipSync(login)), packed('gzip, gzip')),
  open('gzip in gzip under one name', BAD, gzipSync(gzipSync(login)), packed('gzip')),
  open('Brotli', '415 InvalidRequest', brotliCompressSync(login), packed('br')),
  open('Zstandard', '415 InvalidRequest', zstdCompressSync(login), packed('zstd')),
  open('a coding that is a field of Object.prototype', '415 InvalidRequest', login, packed('__proto__')),
  open('deflate without its frame', BAD, deflateRawSync(login), packed('deflate')),
  open('plain text under the name of gzip', BAD, login, packed('gzip')),
  open('gzip that is cut', BAD, gzipSync(login).subarray(0, -6), packed('gzip')),
  open(
    'gzip whose sum is wrong',
    BAD,
    Buffer.concat([gzipSync(login).subarray(0, -8), Buffer.alloc(8)]),
    packed('gzip'),
  ),
  open('gzip and more', BAD, Buffer.concat([gzipSync(login), Buffer.from('more')]), packed('gzip')),
  open(
    'a thousand empty gzips',
    BAD,
    Buffer.concat(Array.from({ length: 1000 }, () => gzipSync(''))),
    packed('gzip'),
  ),
  open(
    'gzip with a file name of 100 KB',
    BAD,
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(100_000, 0x61)]),
    packed('gzip'),
  ),

  // Where bytes are kept.
  {
    what: 'an upload that unpacks to more than a blob may weigh',
    right: LARGE,
    run: async ({ server, mallory }) =>
      outcome(
        await server.call('com.atproto.repo.uploadBlob', {
          bytes: gzipSync(Buffer.alloc(11 * MB), { level: 9 }),
          type: 'image/png',
          headers: packed('gzip'),
          token: mallory.accessJwt,
        }),
      ),
  },
]

/** A post, but for what is changed. */
const post = (change: object): object => ({
  $type: 'app.bsky.feed.post',
  text: 'x',
  createdAt: '2026-01-01T00:00:00.000Z',
  ...change,
})
const record = (
  what: string,
  right: string,
  make: () => object,
  collection = 'app.bsky.feed.post',
): Attack => ({
  what,
  right,
  run: async ({ server, mallory }: World) =>
    outcome(
      await server.call('com.atproto.repo.createRecord', {
        token: mallory.accessJwt,
        input: { repo: mallory.did, collection, record: make() },
      }),
    ),
})
const nested = (depth: number): object => {
  let value: object = {}
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { a: value } : [value]
  return { a: value }
}
const OTHER = 'com.example.thing'

/** Values that cost much to validate, to count, to encode, or to show. */
export const RECORDS: readonly Attack[] = [
  record('a record 1000 deep', BAD, () => nested(1000), OTHER),
  record(
    'a record of 30 000 keys',
    '200',
    () => Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`k${i}`, i])),
    OTHER,
  ),
  record('a list of 100 000 lists', '200', () => ({ a: Array.from({ length: 100_000 }, () => []) }), OTHER),
  record('a text of 900 KB', '200', () => ({ a: 'x'.repeat(900_000) }), OTHER),
  record('a record of more than a megabyte', LARGE, () => ({ a: 'x'.repeat(1_100_000) }), OTHER),
  record('a key of 100 KB', '200', () => ({ ['k'.repeat(100_000)]: 1 }), OTHER),
  record(
    'thousands of blobs that are nowhere',
    '400 BlobNotFound',
    () => ({
      a: Array.from({ length: 3000 }, () => ({
        $type: 'blob',
        ref: { $link: 'bafkreieq5jui4j25lacwomsqgjeswwl3y5zcdrresptwgmfylxo2depppq' },
        mimeType: 'image/png',
        size: 1,
      })),
    }),
    OTHER,
  ),
  record('a link that is none', BAD, () => ({ a: { $link: `b${'a'.repeat(100_000)}` } }), OTHER),
  record('bytes that are none', BAD, () => ({ a: { $bytes: '*'.repeat(100_000) } }), OTHER),
  record('a type that is none', BAD, () => ({ $type: `${'a.'.repeat(1000)}#`, a: 1 }), OTHER),
  // A union is open: who knows no such type passes it on.
  record('a type of 50 KB in a union', '200', () => post({ embed: { $type: 'a.'.repeat(25_000) } })),
  record('one grapheme of 900 000 bytes', BAD, () => post({ text: `e${'\u0301'.repeat(450_000)}` })),
  record('400 graphemes of a family each', BAD, () => post({ text: '👩‍👩‍👧‍👦'.repeat(400) })),
  record('flags without end', BAD, () => post({ text: '🇩🇪'.repeat(100_000) })),
  record('a text of line breaks of another script', '200', () => post({ text: '\u2028'.repeat(300) })),
  record('a date with 100 000 digits', BAD, () =>
    post({ createdAt: `2026-01-01T00:00:00.${'0'.repeat(100_000)}Z` }),
  ),
  record('a date of the year 10 000', BAD, () => post({ createdAt: '10000-01-01T00:00:00Z' })),
  record('a language of 100 000 letters', BAD, () => post({ langs: [`en${'-a'.repeat(50_000)}`] })),
  record('a thousand languages', BAD, () => post({ langs: Array.from({ length: 1000 }, () => 'en') })),
  record('a URI of 900 KB', BAD, () =>
    post({
      embed: {
        $type: 'app.bsky.embed.external',
        external: { uri: `https://${'a.'.repeat(450_000)}`, title: '', description: '' },
      },
    }),
  ),
  record('an AT URI of 100 KB', BAD, () =>
    post({
      reply: { root: { uri: `at://${'a.'.repeat(50_000)}`, cid: 'x' }, parent: { uri: 'x', cid: 'x' } },
    }),
  ),
  record('facets by the thousand', '200', () =>
    post({
      facets: Array.from({ length: 4000 }, () => ({ index: { byteStart: 0, byteEnd: 1 }, features: [] })),
    }),
  ),
  record('facets that begin below nothing', BAD, () =>
    post({ facets: [{ index: { byteStart: -1, byteEnd: 1 }, features: [] }] }),
  ),
  record('a number that is not safe', BAD, () => ({ a: 2 ** 60 }), OTHER),
]

const upload = (what: string, right: string, type: string, make: () => Uint8Array | string): Attack => ({
  what,
  right,
  run: async ({ server, mallory }: World) => {
    const bytes = Buffer.from(make() as string)
    const answer = await server.call('com.atproto.repo.uploadBlob', { token: mallory.accessJwt, bytes, type })
    return answer.status === 200 ? `200 ${answer.body.blob.mimeType}` : outcome(answer)
  },
})

/** What a sniffer of content may lose itself in. */
export const CONTENTS: readonly Attack[] = [
  upload('comments of XML', '200 image/png', 'image/png', () => '<!---->'.repeat(73)),
  upload('a megabyte of comments', '200 image/png', 'image/png', () => '<!---->'.repeat(150_000)),
  upload(
    'comments before an SVG',
    '200 image/svg+xml',
    'image/png',
    () => `${'<!---->'.repeat(10)}<svg xmlns="http://www.w3.org/2000/svg">`,
  ),
  upload('spaces before an SVG', '200 image/png', 'image/png', () => `${' '.repeat(500_000)}<svg`),
  upload(
    'a document type without end',
    '200 text/xml',
    'image/png',
    () => `<?xml?><!DOCTYPE ${'['.repeat(100_000)}`,
  ),
  upload(
    'a page under the name of a picture',
    '200 text/html',
    'image/png',
    () => '<!doctype html><script>alert(1)</script>',
  ),
  upload('nothing', '200 image/png', 'image/png', () => ''),
  upload('a type of 8 KB', '415 InvalidRequest', `image/${'x'.repeat(8000)}`, () => randomBytes(10)),
  upload('a type that is no type', '415 InvalidRequest', '*', () => randomBytes(10)),
]
