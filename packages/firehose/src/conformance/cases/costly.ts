// What one account may send that costs others: after each, somebody else's commit must come through.

import { encode } from '@avocet/cbor'
import type { FailureReason } from '../../reasons.ts'
import {
  type CostlyWrite,
  costlyCommit,
  largePost,
  listOf,
  mapOf,
  nested,
  repeated,
  textOf,
  wrap,
} from '../costly.ts'
import type { Case } from '../script.ts'
import { create } from '../world.ts'

const EMPTY_LIST = Uint8Array.of(0x80)
const SMALL_MAP = Uint8Array.of(0xa1, 0x61, 0x61, 0x00)

function costly(
  name: string,
  about: string,
  writes: () => readonly CostlyWrite[],
  extra: () => readonly Uint8Array[] = () => [],
): Case {
  return {
    name,
    group: 'costly',
    about,
    async build(script, world) {
      const [mallory, ada] = [world.createAccount(), world.createAccount()]
      script.accept('#commit', world.event(await world.commit(ada, [create('a')])))
      script.either(null, '#commit', await costlyCommit(world, mallory, writes(), extra()))
      script.accept(
        '#commit',
        world.event(await world.commit(ada, [create('b')])),
        'the next of somebody else',
      )
    },
  }
}

function costlyEnvelope(name: string, about: string, reason: FailureReason, value: () => Uint8Array): Case {
  return {
    name,
    group: 'costly',
    about,
    async build(script, world) {
      const ada = world.createAccount()
      script.accept('#commit', world.event(await world.commit(ada, [create('a')])))
      const head = encode({ op: 1, t: '#commit' }).slice()
      const frame = new Uint8Array([...head, ...wrap(value())])
      script.raw(frame, { outcome: 'either', reason }, 'a field that nobody knows')
      script.accept(
        '#commit',
        world.event(await world.commit(ada, [create('b')])),
        'the next of somebody else',
      )
    },
  }
}

/** Content that expands. */
export const COSTLY_CASES: readonly Case[] = [
  costly('costly-items', 'One record of 990 000 empty lists at 200 paths of one commit.', () =>
    repeated(200, wrap(listOf(990_000, EMPTY_LIST))),
  ),
  costly('costly-maps', 'One record of 240 000 small maps at 200 paths of one commit.', () =>
    repeated(200, wrap(listOf(240_000, SMALL_MAP))),
  ),
  costly(
    'costly-escapes',
    'One record of a million control characters at 200 paths: six bytes each as JSON.',
    () => repeated(200, wrap(textOf(990_000, 1))),
  ),
  costly('costly-keys', 'One record of 99 999 keys at 200 paths.', () => repeated(200, wrap(mapOf(99_999)))),
  costly('costly-depth', 'One record of 3 900 lists, each 250 deep, at 200 paths.', () =>
    repeated(200, wrap(listOf(3900, nested(250)))),
  ),
  costly('costly-posts', 'Posts with thousands of facets and a text of accents alone.', () => [
    ...repeated(100, largePost(4000), 'app.bsky.feed.post'),
    ...repeated(100, wrap(textOf(99, 0x41))),
  ]),
  costly(
    'costly-blocks',
    'A commit with 40 000 blocks that nothing points to.',
    () => repeated(1, wrap(EMPTY_LIST)),
    () => Array.from({ length: 40_000 }, (_, i) => Uint8Array.of(0x1a, 1, i >> 16, i >> 8, i)),
  ),
  costlyEnvelope(
    'costly-envelope',
    'A frame of 4.9 million values in a field that nobody knows.',
    'too-costly',
    () => listOf(4_900_000, EMPTY_LIST),
  ),
]
