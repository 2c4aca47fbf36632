import type { JsonObject } from '@avocet/data'

import { at, object, objects } from './json.ts'
import type { LocalViews } from './local-views.ts'
import type { RecentRecord } from './recent-records.ts'

const THREAD = 'app.bsky.feed.defs#threadViewPost'
/** How deep answers are looked for; the AppView's own threads are not deeper. */
const MAX_DEPTH = 100

/**
 * A thread with the posts that belong to it, each above the answers to the same post.
 * @throws OddForm
 */
export async function addToThread(
  thread: JsonObject,
  posts: readonly RecentRecord[],
  views: LocalViews,
): Promise<JsonObject> {
  if (thread['$type'] !== THREAD) return thread
  const post = object(thread['post'])
  const roots = [post['uri'], at(post, 'record', 'reply', 'root', 'uri')]
  let changed = thread
  for (const recent of posts) {
    const root = at(recent.record, 'reply', 'root', 'uri')
    if (root === undefined || !roots.includes(root)) continue
    // A post may answer the one before it.
    changed = insert(changed, recent, await threadOf(recent, views), 0)
  }
  return changed
}

/** A thread of one post. */
export async function threadOf(post: RecentRecord, views: LocalViews): Promise<JsonObject> {
  return { $type: THREAD, post: await views.post(post) }
}

function insert(view: JsonObject, recent: RecentRecord, added: JsonObject, depth: number): JsonObject {
  const replies = view['replies'] === undefined ? undefined : objects(view['replies'])
  if (at(view, 'post', 'uri') === at(recent.record, 'reply', 'parent', 'uri')) {
    const others = (replies ?? []).filter((reply) => at(reply, 'post', 'uri') !== recent.uri)
    return { ...view, replies: [added, ...others] }
  }
  if (replies === undefined || depth >= MAX_DEPTH) return view
  return {
    ...view,
    replies: replies.map((reply) =>
      reply['$type'] === THREAD ? insert(reply, recent, added, depth + 1) : reply,
    ),
  }
}
