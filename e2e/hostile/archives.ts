// Archives that lie about what they are, and are handed in as the repository of an account that moves here.
import { gzipSync } from 'node:zlib'

import { encode } from '@avocet/cbor'
import { cidForRaw } from '@avocet/data'

import {
  block,
  car,
  commit,
  entry,
  header,
  keysOf,
  node,
  section,
  sectionOf,
  varint,
  type Block,
} from './cars.ts'
import { outcome } from './wire.ts'
import type { Attack } from './world.ts'

const BAD = '400 InvalidRequest'
const CAR = 'application/vnd.ipld.car'

/** What is handed in for the account, which is deactivated. */
const archive = (
  what: string,
  right: string,
  make: (did: string) => Uint8Array,
  headers: Record<string, string> = {},
): Attack => ({
  what,
  right,
  run: async ({ server, mallory }) => {
    const { did, accessJwt: token } = mallory
    const head = async (): Promise<unknown> =>
      (await server.call('com.atproto.sync.getLatestCommit', { params: { did }, token })).body
    const before = await head()
    const answer = outcome(
      await server.call('com.atproto.repo.importRepo', { bytes: make(did), type: CAR, token, headers }),
    )
    const changed = JSON.stringify(before) !== JSON.stringify(await head())
    return changed === (answer === '200')
      ? answer
      : `${answer}, and the repository ${changed ? 'changed' : 'is as it was'}`
  },
})

const thing = block({ $type: 'com.example.thing', a: 1 })
const empty = node([])
const [first, second, third] = keysOf(0, 3) as [string, string, string]
const [above] = keysOf(1, 1) as [string]
/** A tree of one node with one record. */
const single = node([entry(first, thing.cid)])
const whole = (did: string, root: Block, more: readonly Block[] = [thing], change: object = {}): Buffer => {
  const top = commit(did, root.cid, change)
  return car(top.cid, [top, root, ...more])
}
/** An archive over a tree of one node with these entries. */
const tree = (what: string, entries: Parameters<typeof node>[0], right = BAD): Attack =>
  archive(what, right, (did) => whole(did, node(entries)))
/** An archive whose commit says something else. */
const says = (what: string, change: object, right = BAD): Attack =>
  archive(what, right, (did) => whole(did, single, [thing], change))
const missing = cidForRaw(Buffer.from('nowhere'))

/** A chain of nodes without an entry. */
function chain(length: number): Block[] {
  const blocks = [single]
  for (let i = 0; i < length; i++) blocks.unshift(node([], blocks[0]!.cid))
  return blocks
}
const raw = (bytes: Uint8Array): Block => block({ raw: bytes })
const deep = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x81), Buffer.from([0x80])])

export const ARCHIVES: readonly Attack[] = [
  archive('the archive itself', '200', (did) => whole(did, single)),
  archive('an empty repository', '200', (did) => whole(did, empty, [])),
  archive('the archive itself, packed', '200', (did) => gzipSync(whole(did, single)), {
    'content-encoding': 'gzip',
  }),

  // The commit.
  says('the repository of somebody else', { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }),
  says('the repository of nobody', { did: '__proto__' }),
  says('a revision of the year 2200', { rev: 'aidb322222222' }),
  says('the last revision there is', { rev: 'jzzzzzzzzzzzz' }),
  says('a revision beyond all', { rev: 'zzzzzzzzzzzzz' }),
  says('a revision that is none', { rev: 'now' }),
  says('a revision that is a number', { rev: 1 }),
  says('the first revision there is', { rev: '2222222222222' }, '200'),
  says('another version', { version: 2 }),
  says('a version that is text', { version: '3' }),
  says('no tree', { data: null }),
  says('a tree that is a record', { data: missing }),
  says('no signature', { sig: new Uint8Array() }),
  says('a signature of a megabyte', { sig: new Uint8Array(1_000_000) }),
  says('a former commit that is none', { prev: 'none' }),
  says('a former commit that is nowhere', { prev: thing.cid }, '200'),
  archive('a commit that is a list', BAD, (did) => {
    const top = block([did])
    return car(top.cid, [top])
  }),
  archive('a commit that is a list, a million deep', BAD, () => {
    const top = raw(deep(1_000_000))
    return car(top.cid, [top])
  }),

  // Roots and blocks.
  archive('a root that is the tree', BAD, (did) => car(single.cid, [commit(did, single.cid), single, thing])),
  archive('a root that is not there', BAD, (did) => car(commit(did, single.cid).cid, [single, thing])),
  archive('no root', BAD, (did) => Buffer.concat([header([]), sectionOf(commit(did, single.cid))])),
  archive('a second root', '200', (did) => {
    const top = commit(did, single.cid)
    return Buffer.concat([header([top.cid, missing]), ...[top, single, thing].map(sectionOf)])
  }),
  archive('the tree missing', BAD, (did) => {
    const top = commit(did, single.cid)
    return car(top.cid, [top, thing])
  }),
  archive('a record missing', BAD, (did) => whole(did, single, [])),
  archive('a branch missing', BAD, (did) => whole(did, node([entry(above, thing.cid)], missing))),
  archive('blocks that belong to nothing', '200', (did) =>
    whole(did, single, [thing, ...Array.from({ length: 50 }, (_, i) => block({ i }))]),
  ),
  archive('blocks in the wrong order', '200', (did) => {
    const top = commit(did, single.cid)
    return car(top.cid, [thing, single, top])
  }),
  archive('one block thousands of times', BAD, (did) =>
    whole(
      did,
      single,
      Array.from({ length: 5000 }, () => thing),
    ),
  ),
  archive('bytes that are not those of their name', BAD, (did) =>
    whole(did, single, [{ cid: thing.cid, bytes: encode({ a: 2 }) }]),
  ),

  // The tree.
  tree('a key twice', [entry(first, thing.cid), entry(first, thing.cid)]),
  tree('a key twice, the second one by its prefix', [
    entry(first, thing.cid),
    entry('', thing.cid, first.length),
  ]),
  tree('keys in the wrong order', [entry(second, thing.cid), entry(first, thing.cid)]),
  tree('a prefix longer than the key before', [
    entry(first, thing.cid),
    entry(second, thing.cid, first.length + 1),
  ]),
  tree('a prefix shorter than it is', [entry(first, thing.cid), entry(second, thing.cid, 0)]),
  tree('a prefix below nothing', [entry(first, thing.cid, -1)]),
  tree('a prefix of the first key', [entry(first, thing.cid, 5)]),
  tree('a prefix beyond all numbers', [
    entry(first, thing.cid),
    entry(second, thing.cid, Number.MAX_SAFE_INTEGER),
  ]),
  tree('a key of another layer', [entry(above, thing.cid), entry(first < above ? third : first, thing.cid)]),
  tree('an empty key', [entry('', thing.cid)]),
  tree('a key without a slash', [entry('com.example.thing', thing.cid)]),
  tree('a key of two slashes', [entry('com.example.thing/a/b', thing.cid)]),
  tree('a key that is a way up', [entry('../secrets', thing.cid)]),
  tree('a key of the prototype', [entry('__proto__/__proto__', thing.cid)]),
  tree('a key of bytes that are no text', [entry(Buffer.from([0xff, 0x2f, 0xfe]), thing.cid)]),
  tree('a key with a null byte', [entry('com.example.thing/\0', thing.cid)]),
  tree('a key of 2000 letters', [entry(`com.example.thing/${'a'.repeat(2000)}`, thing.cid)]),
  tree('a record that is nowhere', [entry(first, missing)]),
  tree('entries that are numbers', [1, 2, 3]),
  archive('a node that is a record', BAD, (did) => whole(did, thing)),
  archive('a node with one field more', BAD, (did) => whole(did, block({ l: null, e: [], x: 1 }))),
  archive('a node of a hundred thousand entries that are none', BAD, (did) =>
    whole(did, node(Array.from({ length: 100_000 }, () => 0))),
  ),
  archive('a node that is a million lists', BAD, (did) => whole(did, raw(deep(1_000_000)))),
  archive('a node that says it is larger than memory', BAD, (did) =>
    whole(did, raw(Buffer.from('a2616500616c9b7fffffffffffffff', 'hex'))),
  ),
  archive('a node of unknown length', BAD, (did) =>
    whole(did, raw(Buffer.from('bf6165806 16cf6ff'.replace(' ', ''), 'hex'))),
  ),
  archive('a branch that is also the other branch', BAD, (did) =>
    whole(did, node([entry(above, thing.cid, 0, single.cid)], single.cid), [single, thing]),
  ),
  archive('a thousand nodes without an entry', BAD, (did) => {
    const [root, ...rest] = chain(1000)
    return whole(did, root!, [...rest, thing])
  }),
  archive('an empty branch', BAD, (did) =>
    whole(did, node([entry(above, thing.cid)], empty.cid), [empty, thing]),
  ),

  // The file.
  archive('nothing', BAD, () => new Uint8Array()),
  archive('a header alone', BAD, (did) => header([commit(did, single.cid).cid])),
  archive('a header longer than all memory', BAD, () => Buffer.concat([varint(2 ** 40), Buffer.alloc(100)])),
  archive('a length beyond all numbers', BAD, () => Buffer.alloc(20, 0xff)),
  archive('a length of one byte in two', BAD, () =>
    Buffer.concat([Buffer.from([0xba, 0x00]), Buffer.alloc(60)]),
  ),
  archive('a header 16 000 deep', BAD, () => section(deep(16_000))),
  archive('a header a byte too long', BAD, () => section(Buffer.alloc(16 * 1024 + 1))),
  archive('a thousand roots', BAD, (did) =>
    Buffer.concat([header(Array.from({ length: 1000 }, () => missing)), sectionOf(commit(did, single.cid))]),
  ),
  archive('a header of version 2', BAD, () => Buffer.from('0aa16776657273696f6e02', 'hex')),
  archive('a header whose roots are numbers', BAD, () => section(encode({ version: 1, roots: [1] }))),
  archive('zeros behind the end', BAD, (did) => Buffer.concat([whole(did, single), Buffer.alloc(100)])),
  archive('text behind the end', BAD, (did) =>
    Buffer.concat([whole(did, single), Buffer.from('and more of it')]),
  ),
  archive('an end in the middle', BAD, (did) => whole(did, single).subarray(0, -5)),
  archive('a block of no length', BAD, (did) => Buffer.concat([whole(did, single), varint(0)])),
  archive('a block of two megabytes and more', BAD, (did) =>
    whole(did, single, [thing, raw(Buffer.alloc(2 * 1024 * 1024 + 100))]),
  ),
  archive('a block that says it is larger than memory', BAD, (did) =>
    Buffer.concat([whole(did, single), varint(2 ** 41)]),
  ),
  archive('a block named by an older CID', BAD, (did) =>
    Buffer.concat([
      whole(did, single),
      section(Buffer.from('1220', 'hex'), Buffer.alloc(32), Buffer.from([1])),
    ]),
  ),
  archive('a block that is its own name', BAD, (did) =>
    Buffer.concat([whole(did, single), section(Buffer.from([1, 0x71, 0, 36]), Buffer.alloc(36))]),
  ),
  archive('a page of HTML', BAD, () => Buffer.from('<!doctype html>'.repeat(100))),
  archive('gzip that is none', BAD, (did) => whole(did, single), { 'content-encoding': 'gzip' }),
  archive('gzip that is cut', BAD, (did) => gzipSync(whole(did, single)).subarray(0, -20), {
    'content-encoding': 'gzip',
  }),
]
