// Names of things that are paths, or much else, at every door that takes a name; and request targets nobody's client sends.
import { say, outcome, outcomes, type Call } from './wire.ts'
import type { Attack, World } from './world.ts'

const BAD = '400 InvalidRequest'

/** What is no name of anything, in every alphabet. */
const ODD: readonly (readonly [string, string])[] = [
  ['a way up', '../../secrets.json'],
  ['a way up, encoded', '..%2f..%2fsecrets.json'],
  ['a way up, encoded twice', '..%252f..%252fsecrets.json'],
  ['a way up, of another system', '..\\..\\secrets.json'],
  ['two dots', '..'],
  ['an absolute path', '/etc/passwd'],
  ['a URL', 'file:///etc/passwd'],
  ['a null byte', 'a\0b'],
  ['a null byte, encoded', 'a%00b'],
  ['a line break', 'a\r\nset-cookie: x=y'],
  ['a name of Object.prototype', '__proto__'],
  ['a bracketed name', '[constructor]'],
  ['SQL', "' OR 1=1 --"],
  ['a pattern', '%'],
  ['a slash', 'a/b'],
  ['a space', ' '],
  ['letters that turn into others', 'ａ．ｂ'],
  ['a mark that turns the text around', '\u202Ea'],
  ['half of a letter', '\uD800'],
  ['10 000 letters', 'a'.repeat(10_000)],
  ['thousands of dots', 'a.'.repeat(5000)],
  ['thousands of colons', `did:${':'.repeat(5000)}`],
]

type Door = readonly [door: string, call: (world: World, odd: string) => readonly [string, Call]]

const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const CID = 'bafkreieq5jui4j25lacwomsqgjeswwl3y5zcdrresptwgmfylxo2depppq'

/** Every kind of name, as a parameter and in a body. */
const DOORS: readonly Door[] = [
  ['the CID of a blob', ({ bob }, cid) => ['com.atproto.sync.getBlob', { params: { did: bob.did, cid } }]],
  [
    'the CID of a block',
    ({ bob }, cids) => ['com.atproto.sync.getBlocks', { params: { did: bob.did, cids } }],
  ],
  ['the DID of a blob', (_, did) => ['com.atproto.sync.getBlob', { params: { did, cid: CID } }]],
  ['the DID of a repository', (_, did) => ['com.atproto.sync.getRepo', { params: { did } }]],
  [
    'the DID of a record',
    (_, did) => ['com.atproto.sync.getRecord', { params: { did, collection: 'a.b.c', rkey: 'x' } }],
  ],
  [
    'the collection of a proof',
    ({ bob }, collection) => [
      'com.atproto.sync.getRecord',
      { params: { did: bob.did, collection, rkey: 'x' } },
    ],
  ],
  [
    'the key of a proof',
    ({ bob }, rkey) => [
      'com.atproto.sync.getRecord',
      { params: { did: bob.did, collection: 'a.b.c', rkey } },
    ],
  ],
  [
    'the repository of a record',
    (_, repo) => ['com.atproto.repo.getRecord', { params: { repo, collection: 'a.b.c', rkey: 'x' } }],
  ],
  [
    'the collection of a record',
    ({ bob }, collection) => [
      'com.atproto.repo.getRecord',
      { params: { repo: bob.did, collection, rkey: 'x' } },
    ],
  ],
  [
    'the key of a record',
    ({ bob }, rkey) => [
      'com.atproto.repo.getRecord',
      { params: { repo: bob.did, collection: 'a.b.c', rkey } },
    ],
  ],
  [
    'the collection of a list',
    ({ bob }, collection) => ['com.atproto.repo.listRecords', { params: { repo: bob.did, collection } }],
  ],
  [
    'the collection of repositories',
    (_, collection) => ['com.atproto.sync.listReposByCollection', { params: { collection } }],
  ],
  ['a handle to resolve', (_, handle) => ['com.atproto.identity.resolveHandle', { params: { handle } }]],
  ['a DID to resolve', (_, did) => ['com.atproto.identity.resolveDid', { params: { did } }]],
  [
    'the collection of a write',
    ({ mallory }, collection) => ['com.atproto.repo.createRecord', write(mallory, { collection })],
  ],
  ['the key of a write', ({ mallory }, rkey) => ['com.atproto.repo.createRecord', write(mallory, { rkey })]],
  [
    'the commit a write expects',
    ({ mallory }, swapCommit) => ['com.atproto.repo.createRecord', write(mallory, { swapCommit })],
  ],
  [
    'the key of a deletion',
    ({ mallory }, rkey) => ['com.atproto.repo.deleteRecord', write(mallory, { rkey, record: undefined })],
  ],
  [
    'the path of one of several writes',
    ({ mallory }, rkey) => {
      const $type = 'com.atproto.repo.applyWrites#delete'
      const input = { repo: mallory.did, writes: [{ $type, collection: 'a.b.c', rkey }] }
      return ['com.atproto.repo.applyWrites', { token: mallory.accessJwt, input }]
    },
  ],
]

function write({ did, accessJwt }: World['mallory'], change: object): Call {
  const input = { repo: did, collection: 'com.example.thing', record: { a: 1 }, ...change }
  return { token: accessJwt, input }
}

/** A door, and all that is odd: the cases that a door answers otherwise than by `InvalidRequest` are in `OTHERWISE`. */
export const NAMES: readonly Attack[] = DOORS.map(([door, make]) => ({
  what: door,
  right: '{}',
  run: async (world) => {
    const otherwise: Record<string, string> = {}
    for (const [name, odd] of ODD) {
      const [nsid, call] = make(world, odd)
      // One after the other, so that an answer belongs to its name.
      const found = outcome(await world.server.call(nsid, call))
      if (found !== (OTHERWISE[door]?.[name] ?? BAD)) otherwise[name] = found
    }
    return JSON.stringify(otherwise)
  },
}))

/** The names of the prototype's fields are record keys like any others. */
const OTHERWISE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'the key of a proof': { 'a name of Object.prototype': '200' },
  'the key of a record': { 'a name of Object.prototype': '400 RecordNotFound' },
  'the key of a write': { 'a name of Object.prototype': '200' },
  'the key of a deletion': { 'a name of Object.prototype': '200' },
  'the path of one of several writes': { 'a name of Object.prototype': '400 RecordNotFound' },
}

const target = (what: string, line: string, right: string, more: readonly string[] = []): Attack => ({
  what,
  right,
  run: async ({ server }) =>
    outcomes(
      await say(
        server.url,
        `${[line, 'Host: pds.example.com', 'Connection: close', ...more].join('\r\n')}\r\n\r\n`,
      ),
    ),
})

/** The request line. Paths are compared as they come: nothing is decoded or made shorter first. */
export const TARGETS: readonly Attack[] = [
  target('the path itself', 'GET /xrpc/_health HTTP/1.1', '200'),
  target('a whole URL', 'GET http://pds.example.com/xrpc/_health HTTP/1.1', '200'),
  target('a whole URL in capitals', 'GET HTTP://PDS.EXAMPLE.COM/xrpc/_health HTTP/1.1', '200'),
  target(
    'a whole URL of another host',
    'GET http://169.254.169.254/latest/meta-data HTTP/1.1',
    '404 NotFound',
  ),
  target('a whole URL with a password', 'GET http://a:b@pds.example.com/xrpc/_health HTTP/1.1', '200'),
  target('a whole URL without a path', 'GET http://pds.example.com HTTP/1.1', '200'),
  target(
    'a whole URL of another protocol',
    'GET ftp://pds.example.com/xrpc/_health HTTP/1.1',
    '404 NotFound',
  ),
  target('two slashes', 'GET //xrpc/_health HTTP/1.1', '404 NotFound'),
  target('two slashes that look like a host', 'GET //evil.example/xrpc/_health HTTP/1.1', '404 NotFound'),
  target('a way up to a method', 'GET /a/../xrpc/_health HTTP/1.1', '404 NotFound'),
  target('a way up behind the prefix', 'GET /xrpc/../tls-check HTTP/1.1', BAD),
  target('a dot', 'GET /xrpc/./_health HTTP/1.1', BAD),
  target('an encoded slash', 'GET /xrpc%2f_health HTTP/1.1', '404 NotFound'),
  target('an encoded method', 'GET /xrpc/%5fhealth HTTP/1.1', BAD),
  target('a null byte in the method', 'GET /xrpc/_health%00 HTTP/1.1', BAD),
  target('a semicolon', 'GET /xrpc/_health;x=y HTTP/1.1', BAD),
  target('a fragment', 'GET /xrpc/_health#x HTTP/1.1', BAD),
  target('the server itself', 'OPTIONS * HTTP/1.1', '404 NotFound'),
  target('the server itself, read', 'GET * HTTP/1.1', '404 NotFound'),
  target('a question mark alone', 'GET ? HTTP/1.1', '400'),
  target('a path without a slash', 'GET xrpc/_health HTTP/1.1', '400'),
  target('bytes that are no text', 'GET /\xff\xfe HTTP/1.1', '400'),
  target('bad percent encoding in a page', 'GET /%E0%A4 HTTP/1.1', '404 NotFound'),
  target(
    'bad percent encoding in a query of a page',
    'GET /tls-check?domain=%E0%A4 HTTP/1.1',
    '404 InvalidRequest',
  ),
  target('a path of 20 KB', `GET /${'a'.repeat(20_000)} HTTP/1.1`, '404 NotFound'),
  target('a path of 40 KB', `GET /${'a'.repeat(40_000)} HTTP/1.1`, '431'),
  target(
    'a query of 17 KB',
    `GET /xrpc/com.atproto.sync.listRepos?limit=1&x=${'a'.repeat(17_000)} HTTP/1.1`,
    '414 InvalidRequest',
  ),
  target(
    'a parameter four thousand times',
    `GET /xrpc/com.atproto.sync.getBlocks?did=${DID}${'&cids=a'.repeat(2200)} HTTP/1.1`,
    BAD,
  ),
  target('a tunnel', 'CONNECT 127.0.0.1:22 HTTP/1.1', 'closed'),
  target('a trace', 'TRACE /xrpc/_health HTTP/1.1', '405 InvalidRequest'),
  target('a method of WebDAV', 'PROPFIND / HTTP/1.1', '404 NotFound'),
  target('a method nobody knows', 'BREW / HTTP/1.1', '400'),
  target('a method in small letters', 'get / HTTP/1.1', '400'),
  target('HTTP/0.9', 'GET /', '200'),
  target('HTTP/1.0', 'GET /xrpc/_health HTTP/1.0', '200'),
  target('HTTP/2 without its frames', 'PRI * HTTP/2.0', '400'),
  target('HTTP/3', 'GET / HTTP/3.0', '400'),
  target('TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '400'),
]
