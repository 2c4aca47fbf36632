// The views that reading after writing makes of what is here, one by one.
import type { JsonObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { expect, test } from 'vitest'

import { createLocalViews, type LocalViews } from '../src/app-view/local-views.ts'
import { PATCHES } from '../src/app-view/patches.ts'
import type { RecentRecord } from '../src/app-view/recent-records.ts'
import { addToThread } from '../src/app-view/threads.ts'

const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const THREAD = 'app.bsky.feed.defs#threadViewPost'
const own = (rkey: string): string => `at://${DID}/app.bsky.feed.post/${rkey}`
const THEIRS = 'at://did:plc:bbbbbbbbbbbbbbbbbbbbbbbb/app.bsky.feed.post/x'

const recent = (
  rkey: string,
  record: JsonObject = {},
  indexedAt = '2026-01-02T00:00:00.000Z',
): RecentRecord => ({
  uri: own(rkey),
  cid: 'c',
  record,
  indexedAt,
})
const answerTo = (parent: string, root = parent): JsonObject => ({
  reply: { parent: { uri: parent, cid: 'c' }, root: { uri: root, cid: 'c' } },
})
const views = (asked: (params: object) => JsonObject = () => ({})): Promise<LocalViews> =>
  createLocalViews(
    { get: () => ({ did: DID, handle: 'alice.test' }) } as never,
    { profile: () => Promise.resolve(null), since: () => Promise.resolve(null) },
    (preset, did, cid) => `${preset} ${did} ${cid}`,
    (_did, _nsid, params) => Promise.resolve(asked(params)),
  )(DID)
const urisOf = (feed: unknown): string[] => (feed as { post: { uri: string } }[]).map(({ post }) => post.uri)

test('an author feed of threads has answers within one’s own thread, and no others', async () => {
  const posts = [
    recent('plain'),
    recent('own', answerTo(own('x'))),
    recent('in-theirs', answerTo(own('x'), THEIRS)),
    recent('to-theirs', answerTo(THEIRS)),
  ]
  const feed = async (filter: string, actor: string = DID): Promise<string[]> => {
    const query = new URLSearchParams({ actor, filter })
    const patch = PATCHES.get('app.bsky.feed.getAuthorFeed')!
    return urisOf(
      (await patch({ feed: [] }, { profile: null, posts }, await views(), query))['feed'],
    ).toSorted()
  }
  expect(await feed('posts_and_author_threads')).toEqual([own('own'), own('plain')])
  expect(await feed('posts_no_replies')).toEqual([own('plain')])
  expect(await feed('posts_with_replies', 'Alice.Test')).toHaveLength(4)
  expect(await feed('posts_with_replies', 'other.test')).toEqual([])
})

test('an answer that the AppView knows already shows once, where the newest is', async () => {
  const posts = [recent('b', answerTo(own('a')))]
  const view = (uri: string): JsonObject => ({ $type: THREAD, post: { uri } })
  const thread = { ...view(own('a')), replies: [view(THEIRS), view(own('b'))] }
  const { replies } = (await addToThread(thread, posts, await views())) as { replies: JsonObject[] }
  expect(urisOf(replies)).toEqual([own('b'), THEIRS])
})

test('an answer is found a hundred levels down, and looked for no deeper', async () => {
  const chain = (depth: number): JsonObject => {
    let view: JsonObject = { $type: THREAD, post: { uri: own(`n${depth}`) } }
    for (let at = depth - 1; at >= 0; at--)
      view = { $type: THREAD, post: { uri: own(`n${at}`) }, replies: [view] }
    return view
  }
  const found = async (depth: number): Promise<boolean> => {
    const posts = [recent('new', answerTo(own(`n${depth}`), own('n0')))]
    return JSON.stringify(await addToThread(chain(depth), posts, await views())).includes(own('new'))
  }
  expect([await found(100), await found(101)]).toEqual([true, false])
})

test('a quote beside media of a kind that cannot be shown leaves the post without both', async () => {
  const embed = (media: JsonObject): JsonObject => ({
    embed: {
      $type: 'app.bsky.embed.recordWithMedia',
      record: { record: { uri: THEIRS, cid: 'c' } },
      media,
    },
  })
  const asked: object[] = []
  const made = await views((params) => {
    asked.push(params)
    return { posts: [{ uri: THEIRS }] }
  })
  expect(await made.post(recent('a', embed({ $type: 'app.bsky.embed.video' })))).not.toHaveProperty('embed')
  expect(asked).toEqual([])
  const external = { uri: 'https://example.com', title: 't', description: 'd' }
  const shown = await made.post(recent('b', embed({ $type: 'app.bsky.embed.external', external })))
  expect(shown['embed']).toMatchObject({
    $type: 'app.bsky.embed.recordWithMedia#view',
    record: { record: { uri: THEIRS } },
    media: { external },
  })
})
