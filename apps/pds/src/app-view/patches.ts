import type { JsonObject, JsonValue } from '@avocet/data'

import { at, object, objects, string } from './json.ts'
import type { LocalViews } from './local-views.ts'
import type { RecentRecord, RecentRecords } from './recent-records.ts'
import { addToThread } from './threads.ts'

/**
 * Puts what is here into an AppView's answer.
 * @throws OddForm when the answer is not what its lexicon says
 */
export type Patch = (
  body: JsonObject,
  local: RecentRecords,
  views: LocalViews,
  query: URLSearchParams,
) => JsonObject | Promise<JsonObject>

/** The methods whose answers show the caller's own newest writes. */
export const PATCHES: ReadonlyMap<string, Patch> = new Map<string, Patch>([
  [
    'app.bsky.actor.getProfile',
    (body, { profile }, views) => (profile === null ? body : ownProfile(body, profile, views)),
  ],
  [
    'app.bsky.actor.getProfiles',
    (body, { profile }, views) =>
      profile === null
        ? body
        : { ...body, profiles: objects(body['profiles']).map((view) => ownProfile(view, profile, views)) },
  ],
  [
    'app.bsky.feed.getTimeline',
    async (body, { posts }, views, query) => ({
      ...body,
      feed: await insertPosts(objects(body['feed']), posts, views, query),
    }),
  ],
  [
    'app.bsky.feed.getAuthorFeed',
    async (body, { profile, posts }, views, query) => {
      const actor = query.get('actor')
      const feed = withAuthor(objects(body['feed']), profile, views)
      if (actor !== views.did && actor?.toLowerCase() !== views.handle) return { ...body, feed }
      const passing = posts.filter(({ record }) => passes(record, query.get('filter'), views.did))
      return { ...body, feed: await insertPosts(feed, passing, views, query) }
    },
  ],
  [
    'app.bsky.feed.getActorLikes',
    (body, { profile }, views) => ({ ...body, feed: withAuthor(objects(body['feed']), profile, views) }),
  ],
  [
    'app.bsky.feed.getPostThread',
    async (body, { posts }, views) => ({
      ...body,
      thread: await addToThread(object(body['thread']), posts, views),
    }),
  ],
])

function ownProfile(view: JsonObject, profile: RecentRecord, views: LocalViews): JsonObject {
  return view['did'] === views.did ? views.profile(view, profile.record, 'detailed') : view
}

function withAuthor(
  feed: readonly JsonObject[],
  profile: RecentRecord | null,
  views: LocalViews,
): JsonObject[] {
  return feed.map((item) => {
    const post = object(item['post'])
    const author = object(post['author'])
    if (profile === null || author['did'] !== views.did) return item
    return { ...item, post: { ...post, author: views.profile(author, profile.record, 'basic') } }
  })
}

/** Newest first, each above the first item that is older. A page that is not the first one has no place for them. */
async function insertPosts(
  feed: JsonObject[],
  posts: readonly RecentRecord[],
  views: LocalViews,
  query: URLSearchParams,
): Promise<JsonObject[]> {
  const times = feed.map((item) => string(at(item, 'post', 'indexedAt')))
  if (query.get('cursor')) return feed
  const known = new Set(feed.map((item) => at(item, 'post', 'uri')))
  const end = times.at(-1) ?? ''
  const missing = posts.filter(({ uri, indexedAt }) => indexedAt > end && !known.has(uri))
  const added = await Promise.all(missing.toReversed().map((post) => views.post(post)))
  const out = [...feed]
  for (const post of added) {
    const time = string(post['indexedAt'])
    const place = out.findIndex((item) => string(at(item, 'post', 'indexedAt')) < time)
    out.splice(place === -1 ? out.length : place, 0, { post })
  }
  return out
}

const MEDIA = ['app.bsky.embed.images', 'app.bsky.embed.gallery', 'app.bsky.embed.video']

/** Whether a post belongs into an author feed with this filter. */
function passes(record: JsonObject, filter: string | null, did: string): boolean {
  const reply = at(record, 'reply', 'parent', 'uri')
  switch (filter) {
    case 'posts_no_replies':
      return reply === undefined
    case 'posts_and_author_threads':
      return reply === undefined || [reply, at(record, 'reply', 'root', 'uri')].every((uri) => isOf(uri, did))
    case 'posts_with_media':
      return embedTypes(record).some((type) => MEDIA.includes(type))
    case 'posts_with_video':
      return embedTypes(record).includes('app.bsky.embed.video')
    default:
      return true
  }
}

function embedTypes(record: JsonObject): string[] {
  return [at(record, 'embed', '$type'), at(record, 'embed', 'media', '$type')].filter(
    (type) => typeof type === 'string',
  )
}

function isOf(uri: JsonValue | undefined, did: string): boolean {
  return typeof uri === 'string' && uri.startsWith(`at://${did}/`)
}
