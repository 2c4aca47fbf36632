// Calls whose answers the PDS completes.
import { get, post, type Call } from '../calls.ts'
import { ask, auth, createdAt, timeline, TIMELINE, to, type ServiceStep } from './service-step.ts'

const profile = {
  did: '{sandra.did}',
  handle: 'sandra.test',
  displayName: 'Old name',
  indexedAt: createdAt,
  labels: [],
}
const author = { did: '{sandra.did}', handle: 'sandra.test' }
const oldPost = {
  post: {
    uri: 'at://{sandra.did}/app.bsky.feed.post/3jzfcijpj2z2a',
    cid: 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
    author,
    record: { $type: 'app.bsky.feed.post', text: 'old', createdAt: '2023-01-01T00:00:00.000Z' },
    indexedAt: '2023-01-01T00:00:00.000Z',
  },
}
const stale = { 'atproto-repo-rev': '{sandra.rev}' }
const create = (collection: string, rkey: string, record: object, save: Call['save'] = {}): ServiceStep =>
  ask(
    post(
      'com.atproto.repo.createRecord',
      `${collection} ${rkey} of sandra`,
      { repo: '{sandra.did}', collection, rkey, record: { $type: collection, ...record } },
      { auth, save, mustSucceed: true },
    ),
  )
const PROFILE = 'app.bsky.actor.getProfile'
const PROFILES = 'app.bsky.actor.getProfiles'
const AUTHOR_FEED = 'app.bsky.feed.getAuthorFeed'
const LIKES = 'app.bsky.feed.getActorLikes'
const THREAD = 'app.bsky.feed.getPostThread'
const own = { actor: '{sandra.did}' }

/** Pages that the PDS adds the caller’s own newest records to. */
export const readAfterWrite: readonly ServiceStep[] = [
  create('com.example.note', 'first', { text: 'x' }, { 'sandra.rev': 'commit.rev' }),
  create('app.bsky.actor.profile', 'self', { displayName: 'New name', description: 'New words' }),
  create(
    'app.bsky.feed.post',
    '3laaaaaaaaa2a',
    { text: 'new', createdAt: '2026-01-02T00:00:00.000Z' },
    { 'sandra.post': 'uri', 'sandra.post.cid': 'cid' },
  ),
  ask(get(PROFILE, 'own, stale', own, { auth }), { [PROFILE]: { headers: stale, body: profile } }),
  ask(get(PROFILE, 'own, stale, to the AppView by name', own, { auth, ...to('{appView.did}#bsky_appview') })),
  ask(get(PROFILE, 'own, without a rev', own, { auth }), { [PROFILE]: { body: profile } }),
  ask(get(PROFILE, 'of somebody else, stale', { actor: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }, { auth }), {
    [PROFILE]: { headers: stale, body: { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', handle: 'other.test' } },
  }),
  ask(get(PROFILE, 'not what the lexicon says', own, { auth }), {
    [PROFILE]: { headers: stale, body: { did: 5 } },
  }),
  ask(get(PROFILE, 'an error', own, { auth }), {
    [PROFILE]: {
      status: 400,
      headers: stale,
      body: { error: 'InvalidRequest', message: 'Profile not found' },
    },
  }),
  ask(
    get(
      PROFILES,
      'own and another, stale',
      { actors: ['{sandra.did}', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'] },
      { auth },
    ),
    {
      [PROFILES]: {
        headers: stale,
        body: { profiles: [profile, { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', handle: 'other.test' }] },
      },
    },
  ),
  ask(timeline('stale'), { [TIMELINE]: { headers: stale, body: { feed: [oldPost] } } }),
  ask(timeline('stale, empty'), { [TIMELINE]: { headers: stale, body: { feed: [] } } }),
  ask(get(AUTHOR_FEED, 'own, stale', own, { auth }), {
    [AUTHOR_FEED]: { headers: stale, body: { feed: [oldPost] } },
  }),
  ask(get(AUTHOR_FEED, 'of somebody else, stale', { actor: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }, { auth }), {
    [AUTHOR_FEED]: { headers: stale, body: { feed: [] } },
  }),
  ask(get(LIKES, 'own, stale', own, { auth }), { [LIKES]: { headers: stale, body: { feed: [oldPost] } } }),
  ask(get(THREAD, 'of the new post, not found', { uri: '{sandra.post}' }, { auth }), {
    [THREAD]: { status: 400, headers: stale, body: { error: 'NotFound', message: 'Post not found' } },
  }),
  ask(get(THREAD, 'of an old post, stale', { uri: oldPost.post.uri }, { auth }), {
    [THREAD]: {
      headers: stale,
      body: { thread: { $type: 'app.bsky.feed.defs#threadViewPost', ...oldPost, replies: [] } },
    },
  }),
  create(
    'app.bsky.feed.post',
    '3laaaaaaaaa2b',
    {
      text: 'a reply',
      createdAt: '2026-01-03T00:00:00.000Z',
      reply: {
        root: { uri: '{sandra.post}', cid: '{sandra.post.cid}' },
        parent: { uri: '{sandra.post}', cid: '{sandra.post.cid}' },
      },
    },
    { 'sandra.reply': 'uri', 'sandra.new': 'commit.rev' },
  ),
  ask(get(THREAD, 'of the post with a new reply', { uri: '{sandra.post}' }, { auth }), {
    [THREAD]: { status: 400, headers: stale, body: { error: 'NotFound', message: 'Post not found' } },
  }),
  ask(get(THREAD, 'of the reply', { uri: '{sandra.reply}' }, { auth })),
  ask(
    get(
      THREAD,
      'of a post of somebody else, not found',
      { uri: 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/one' },
      { auth },
    ),
  ),
  ask(get(AUTHOR_FEED, 'own, up to date', own, { auth }), {
    [AUTHOR_FEED]: { headers: { 'atproto-repo-rev': '{sandra.new}' }, body: { feed: [oldPost] } },
  }),
]
