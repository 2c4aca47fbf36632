// Records made to cost more than they are long: encoded by hand, so that what no encoder would write is among them.

import { encode } from '@avocet/cbor'
import { cidForCbor, type DataObject } from '@avocet/data'
import { largePost, listOf, mapOf, nested, textOf } from '@avocet/firehose/conformance'
import { createRandom, mutate, type Random } from '@avocet/testing'

/** A record and the collection it is meant for. */
export type Shape = { readonly collection: string; readonly bytes: Uint8Array }

const OTHER = 'com.example.costly'
const EMPTY_LIST = Uint8Array.of(0x80)
const EMPTY_MAP = Uint8Array.of(0xa0)
const SMALL_MAP = Uint8Array.of(0xa1, 0x61, 0x61, 0x00)
const LINK = encode(cidForCbor(EMPTY_MAP)).slice()
const CREATED = '2026-01-01T00:00:00.000Z'
const URI = 'at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3kxyzabcdef22'
/** Characters that swell: as JSON, as UTF-8 of two to four bytes, as graphemes that are long to count. */
const TEXTS = ['\u0001', '"', '\\', '\u007f', '\u0301', '👩‍👩‍👧‍👦', '\u2028', 'é', 'a', '🇩🇪', '<']

/** `{"": value, "n": nonce}`: any value as a record, and none of them the same. */
function wrapped(value: Uint8Array, random: Random): Uint8Array {
  const bytes = new Uint8Array(value.length + 13)
  bytes.set([0xa2, 0x60])
  bytes.set(value, 2)
  bytes.set([0x61, 0x6e, 0x48], value.length + 2)
  bytes.set(random.bytes(8), value.length + 5)
  return bytes
}

/** A number about `most`, often one of the bounds that it passes, or beside one. */
function countTo(most: number, random: Random): number {
  const bound = random.pick([64, 256, 300, 1000, 3000, 8192, 10_000, 49_990, 50_000, 65_536, 100_000])
  const count = random.below(3) === 0 ? bound - 1 + random.below(3) : 1 + random.below(most)
  return Math.max(1, Math.min(count, most))
}

const object = (collection: string, fields: object): Shape => ({
  collection,
  bytes: encode({ $type: collection, ...fields } as DataObject).slice(),
})

type Make = (size: number, random: Random) => Shape

const repeatedItem =
  (item: Uint8Array): Make =>
  (size, random) => ({
    collection: OTHER,
    bytes: wrapped(listOf(countTo(Math.max(1, Math.floor(size / item.length)), random), item), random),
  })

const each = (count: number, make: (i: number) => unknown): unknown[] =>
  Array.from({ length: count }, (_, i) => make(i))

const MAKERS: readonly Make[] = [
  // What honest people write, of a size that not all of them do.
  (size, random) =>
    object('app.bsky.feed.post', {
      text: random.pick(TEXTS).repeat(1 + random.below(Math.max(2, size >> 3))),
      createdAt: CREATED,
      n: random.below(1e9),
    }),
  (_, random) =>
    object('app.bsky.feed.like', {
      subject: { uri: `${URI}${random.below(1e6)}`, cid: cidForCbor(EMPTY_MAP).toString() },
      createdAt: CREATED,
    }),
  (_, random) =>
    object('app.bsky.graph.follow', { subject: `did:plc:${random.below(1e9)}`, createdAt: CREATED }),
  // Counts and nesting.
  repeatedItem(EMPTY_LIST),
  repeatedItem(EMPTY_MAP),
  repeatedItem(SMALL_MAP),
  repeatedItem(Uint8Array.of(0xf6)),
  repeatedItem(Uint8Array.of(0x1b, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
  repeatedItem(LINK),
  repeatedItem(Uint8Array.of(0x40)),
  (size, random) => {
    const depth = random.pick([62, 63, 64, 65, 250, 1000, 10_000])
    const item = nested(Math.min(depth, Math.max(2, size)))
    return {
      collection: OTHER,
      bytes: wrapped(listOf(Math.max(1, Math.floor(size / item.length)), item), random),
    }
  },
  (size, random) => ({
    collection: OTHER,
    bytes: wrapped(mapOf(Math.min(99_999, countTo(Math.max(1, size >> 3), random))), random),
  }),
  // Texts, keys and bytes.
  (size, random) => ({
    collection: OTHER,
    bytes: wrapped(textOf(size, random.pick([1, 0x22, 0x5c, 0x41, 0x7f, 0xff, 0xc3])), random),
  }),
  (size, random) =>
    object(
      OTHER,
      Object.fromEntries(each(4, (i) => [`${'k'.repeat(size >> 2)}${i}`, random.below(9)]) as []),
    ),
  (size, random) => object(OTHER, { data: random.bytes(Math.min(size, 4096)), n: random.below(1e9) }),
  // Pointers: many targets, many places.
  (size, random) =>
    object(OTHER, { list: each(size >> 5, (i) => `did:plc:${random.below(1e6)}${i}`), createdAt: CREATED }),
  (size, random) =>
    object(
      OTHER,
      Object.fromEntries(
        each(Math.max(1, size >> 6), (i) => [`k${random.below(1e6)}x${i}`, `did:plc:${i}`]) as [],
      ),
    ),
  (size, random) =>
    object(OTHER, {
      list: each(Math.max(1, size >> 7), (i) => ({
        $type: `t${'y'.repeat(random.below(280))}${i}`,
        u: URI + i,
      })),
    }),
  // Fields that lexicons describe, too many of them or of the wrong kind.
  (size, random) => ({
    collection: 'app.bsky.feed.post',
    bytes: size > 200_000 ? largePost(random.pick([1000, 4000, 6000])) : smallPost(size, random),
  }),
  (size) =>
    object('app.bsky.feed.post', {
      text: '',
      langs: each(size >> 3, () => 'en'),
      tags: each(size >> 4, () => '\u0301'.repeat(64)).slice(0, 200),
      createdAt: CREATED,
    }),
  (size) =>
    object('app.bsky.actor.profile', {
      displayName: '👩‍👩‍👧‍👦'.repeat(Math.max(1, size >> 6)),
      labels: {
        $type: 'com.atproto.label.defs#selfLabels',
        values: each(size >> 5, () => ({ val: 'x' })),
      },
      avatar: blob(size),
    }),
  (size) =>
    object('app.bsky.feed.post', {
      text: 'images',
      createdAt: CREATED,
      embed: {
        $type: 'app.bsky.embed.images',
        images: each(Math.max(1, size >> 8), (i) => ({ alt: '', image: blob(i) })),
      },
    }),
  (size, random) =>
    object('app.bsky.feed.threadgate', {
      post: `${URI}${random.below(100)}`,
      allow: each(size >> 6, () => ({ $type: 'app.bsky.feed.threadgate#listRule', list: URI })),
      hiddenReplies: each(size >> 7, (i) => URI + i),
      createdAt: CREATED,
    }),
  // What is no record.
  (size, random) => {
    const { collection, bytes } = object(OTHER, {
      text: 'a'.repeat(Math.min(size, 2000)),
      list: [1, 'b', null],
    })
    return { collection, bytes: mutate(random, bytes) }
  },
  (size, random) => ({
    collection: OTHER,
    bytes: random.pick([listOf(size >> 1, EMPTY_LIST), EMPTY_LIST, LINK]),
  }),
  // At the largest that a record may be, and one byte beside it.
  (size, random) =>
    size < 200_000
      ? object(OTHER, {})
      : { collection: OTHER, bytes: wrapped(textOf(1_000_000 - 18 - 1 + random.below(3), 0x41), random) },
  // Small ones that all point to the same few: of those links are kept by age too.
  (_, random) => ({
    collection: OTHER,
    bytes: encode({ n: random.below(1e9), s: `did:plc:${random.below(2)}`, t: URI }).slice(),
  }),
]

const blob = (size: number): object => ({
  $type: 'blob',
  ref: cidForCbor(EMPTY_MAP),
  mimeType: 'image/png',
  size,
})

function smallPost(size: number, random: Random): Uint8Array {
  const facet = {
    index: { byteStart: 0, byteEnd: 1 },
    features: [{ $type: 'app.bsky.richtext.facet#mention', did: 'did:plc:ewvi7nxzyoun6zhxrhs64oiz' }],
  }
  const fields = { text: 'facets', createdAt: CREATED, n: random.below(1e9) }
  return object('app.bsky.feed.post', { ...fields, facets: each(size >> 7, () => facet) }).bytes
}

/** A record of about `size` bytes, never more than a little over. */
export function shape(size: number, random: Random): Shape {
  return random.pick(MAKERS)(Math.max(8, size), random)
}

/** The numbers of one group of inputs. */
export function randomOf(seed: number, group: number): Random {
  return createRandom((Math.imul(seed, 0x9e3779b1) ^ Math.imul(group + 1, 0x85ebca6b)) >>> 0)
}

/** How long the content of the next input is: mostly as people write, sometimes as much as there may be. */
export function sizeOf(random: Random): number {
  const kind = random.below(1000)
  if (kind < 970) return 1 << random.below(10)
  if (kind < 997) return 1024 + random.below(48 * 1024)
  return random.pick([200_000, 500_000, 900_000, 999_000])
}
