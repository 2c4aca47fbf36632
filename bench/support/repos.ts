// Repositories of any size with records like real ones.
import type { Keypair } from '@avocet/crypto'
import { encode } from '@avocet/cbor'
import { rebuildRepo, type RecordSource, type RepoStore } from '@avocet/repo'
import { createTidClock, tidFromMicros, type Did } from '@avocet/syntax'

/** The account that the benches write for. */
export const did: Did = 'did:plc:abcdefghijklmnopqrstuvwx'
/** Revisions of the benches. */
export const clock = createTidClock()

const collections = ['app.bsky.feed.like', 'app.bsky.feed.post', 'app.bsky.graph.follow'] as const

/** Record `i` of a repository: likes, posts and follows of some 200 bytes, in key order over all `count`. */
function recordAt(i: number, count: number): RecordSource {
  const each = Math.ceil(count / 3)
  const collection = collections[Math.floor(i / each)]!
  const rkey = tidFromMicros(1_700_000_000_000_000 + (i % each) * 61_000_003, 7)
  const createdAt = new Date(1_700_000_000_000 + i * 61_000).toISOString()
  const record =
    collection === 'app.bsky.feed.post'
      ? {
          $type: collection,
          text: `Post number ${i}, of an everyday length, with a word or two more.`,
          langs: ['en'],
          createdAt,
        }
      : {
          $type: collection,
          subject: `did:plc:${String(i).padStart(24, 'abcdefghijklmnop')}`,
          via: 'at://did:plc:abcdefghijklmnopqrstuvwx/app.bsky.feed.post/3k2aaaaaaaa22',
          createdAt,
        }
  return { path: `${collection}/${rkey}`, bytes: encode(record) }
}

/** All records of a repository, in key order, made as they are asked for. */
export function* recordsOf(count: number): Generator<RecordSource> {
  for (let i = 0; i < count; i++) yield recordAt(i, count)
}

/** Puts a repository of `count` records in a store. */
export async function fill<Tx>(
  store: RepoStore<Tx>,
  signer: Keypair,
  count: number,
  owner: Did = did,
): Promise<void> {
  const rev = clock.nextAfter(null)
  await rebuildRepo({ store, did: owner, signer, rev, records: () => recordsOf(count) })
}
