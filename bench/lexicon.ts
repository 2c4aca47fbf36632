// Validation beside its peers, on real records in the form that each one decodes them to. Run: node bench/lexicon.ts
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

import { AppBskyFeedLike, AppBskyFeedPost, AppBskyFeedRepost, AppBskyGraphFollow } from '@atcute/bluesky'
import * as atcuteCbor from '@atcute/cbor'
import { safeParse } from '@atcute/lexicons/validations'
import { schemas } from '@atproto/api'
import { jsonToLex, Lexicons } from '@atproto/lexicon'
import { decode } from '@avocet/cbor'
import { type DataObject, toJson } from '@avocet/data'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { createCatalog } from '@avocet/lexicon'
import { catalog, documents } from '@avocet/lexicons/catalog'

import { blocksOf, nearest, readFrames } from './support/blocks.ts'
import { compare, record, save } from './support/compare.ts'

const frames = await readFrames()
if (frames === null) process.exit(0)
const { records } = blocksOf(frames)
const typeOf = (bytes: Uint8Array): unknown => (decode(bytes) as DataObject)['$type']
const peerLexicons = new Lexicons(schemas)
const peerSchemas = new Map<unknown, Parameters<typeof safeParse>[0]>([
  ['app.bsky.feed.like', AppBskyFeedLike.mainSchema],
  ['app.bsky.feed.post', AppBskyFeedPost.mainSchema],
  ['app.bsky.feed.repost', AppBskyFeedRepost.mainSchema],
  ['app.bsky.graph.follow', AppBskyGraphFollow.mainSchema],
])

const posts = records.filter((bytes) => typeOf(bytes) === 'app.bsky.feed.post')
const bytes = nearest(posts, 769)
const ours = decode(bytes)
const atcutes = atcuteCbor.decode(bytes) as unknown
const atprotos = jsonToLex(toJson(ours) as Parameters<typeof jsonToLex>[0])
const verdicts = [
  Post.main.validate(ours).ok,
  safeParse(AppBskyFeedPost.mainSchema, atcutes).ok,
  peerLexicons.validate('app.bsky.feed.post', atprotos).success,
]
if (verdicts.includes(false)) throw new Error(`the post is not valid for all: ${verdicts.join(' ')}`)

await compare(
  `validate a post of ${bytes.length} bytes`,
  { unit: 'records', target: 1.1 },
  {
    avocet: () => Post.main.validate(ours),
    '@atcute/lexicons': () => safeParse(AppBskyFeedPost.mainSchema, atcutes),
    '@atproto/lexicon': () => peerLexicons.validate('app.bsky.feed.post', atprotos),
  },
)

const allPosts = posts.map((block) => decode(block))
const atcutePosts = posts.map((block) => atcuteCbor.decode(block) as unknown)
const atprotoPosts = allPosts.map((value) => jsonToLex(toJson(value) as Parameters<typeof jsonToLex>[0]))
await compare(
  `validate the ${posts.length} posts of the capture`,
  { unit: 'records', items: posts.length, target: 1.1 },
  {
    avocet: () => allPosts.filter((value) => Post.main.validate(value).ok).length,
    '@atcute/lexicons': () =>
      atcutePosts.filter((value) => safeParse(AppBskyFeedPost.mainSchema, value).ok).length,
  },
)
await compare(
  'validate those posts',
  { unit: 'records', items: posts.length, target: 10 },
  {
    avocet: () => allPosts.filter((value) => Post.main.validate(value).ok).length,
    '@atproto/lexicon': () =>
      atprotoPosts.filter((value) => peerLexicons.validate('app.bsky.feed.post', value).success).length,
  },
)

const common = records.filter((block) => peerSchemas.has(typeOf(block)))
const all = common.map((block) => decode(block) as DataObject)
const allAtcute = common.map(
  (block) => [peerSchemas.get(typeOf(block))!, atcuteCbor.decode(block) as unknown] as const,
)
const allAtproto = all.map(
  (value) => jsonToLex(toJson(value) as Parameters<typeof jsonToLex>[0]) as { $type: string },
)
await compare(
  `validate the ${common.length} likes, posts, reposts and follows of the capture`,
  { unit: 'records', items: common.length, target: 1.1 },
  {
    avocet: () => {
      let valid = 0
      for (const value of all) if (catalog.validateRecord(value).ok) valid += 1
      return valid
    },
    '@atcute/lexicons': () => {
      let valid = 0
      for (const [schema, value] of allAtcute) if (safeParse(schema, value).ok) valid += 1
      return valid
    },
    '@atproto/lexicon': () => {
      let valid = 0
      for (const value of allAtproto) if (peerLexicons.validate(value.$type, value).success) valid += 1
      return valid
    },
  },
)

await compare(
  `make a catalog of ${documents.length} documents, their references checked`,
  { unit: 'catalogs' },
  { avocet: () => createCatalog(documents), '@atproto/lexicon': () => new Lexicons(schemas) },
)

/** Milliseconds that a fresh process needs for some imports: the best of seven. */
function cold(script: string): number {
  const code = `const start = performance.now(); ${script}; console.log(performance.now() - start)`
  const runs = Array.from({ length: 7 }, () =>
    Number(
      spawnSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: join(import.meta.dirname) })
        .stdout,
    ),
  )
  return Math.min(...runs)
}

const load = cold(
  "await import('@avocet/lexicon'); const from = performance.now(); const { catalog } = await import('@avocet/lexicons/catalog'); catalog.validateRecord({ $type: 'app.bsky.feed.post' }); console.log(performance.now() - from); process.exit()",
)
record(
  'load all 387 documents, check their references, compile one record',
  { unit: 'times', note: `${load.toFixed(1)} ms` },
  [{ name: 'avocet', perSecond: 1000 / load }],
)
const one = cold(
  "await import('@avocet/lexicon'); const from = performance.now(); await import('@avocet/lexicons/app.bsky.feed.post'); console.log(performance.now() - from); process.exit()",
)
record('import app.bsky.feed.post with what it refers to', { unit: 'times', note: `${one.toFixed(1)} ms` }, [
  { name: 'avocet', perSecond: 1000 / one },
])

save('lexicon')
