// Calls that another service answers: proxied ones, with and without `atproto-proxy`, feeds, reports, push tokens, and what
// the PDS adds of the caller's own newest records.
import { get, post, signUp, type Call } from '../calls.ts'
import { FEED_DID, type StubAnswer } from '../stub-service.ts'

/** A call, and what the AppView answers from here on, by method. Saved values stand in braces in answers too. */
export interface ServiceStep {
  readonly answers?: Readonly<Record<string, StubAnswer>>
  readonly call: Call
}

const auth = 'sandra'
const TIMELINE = 'app.bsky.feed.getTimeline'
const ask = (call: Call, answers?: ServiceStep['answers']): ServiceStep =>
  answers === undefined ? { call } : { call, answers }
const to = (target: string): object => ({ headers: { 'atproto-proxy': target } })
const timeline = (situation: string, extra: object = {}): Call =>
  get(TIMELINE, situation, { limit: 5 }, { auth, ...extra })
const createdAt = '2026-01-01T00:00:00.000Z'

const headers: readonly ServiceStep[] = [
  ask(signUp('sandra')),
  ask(
    post(
      'com.atproto.server.createAppPassword',
      'plain of sandra',
      { name: 'plain' },
      { auth, save: { plainPassword: 'password' } },
    ),
  ),
  ask(
    post(
      'com.atproto.server.createAppPassword',
      'privileged of sandra',
      { name: 'privileged', privileged: true },
      {
        auth,
        save: { privilegedPassword: 'password' },
      },
    ),
  ),
  ...['plain', 'privileged'].map((kind) =>
    ask(
      post(
        'com.atproto.server.createSession',
        `${kind} of sandra`,
        { identifier: 'sandra.test', password: `{${kind}Password}` },
        { save: { [`${kind}.accessJwt`]: 'accessJwt' } },
      ),
    ),
  ),
  ask(timeline('by default')),
  ask(timeline('with an app password', { auth: 'plain' })),
  ask(timeline('without credentials', { auth: undefined })),
  ask(
    timeline('headers of the client', {
      headers: {
        'accept-language': 'de,en',
        'atproto-accept-labelers': 'did:plc:ar7c4by46qjdydhdevvrndac;redact',
        'x-bsky-topics': 'one',
        'x-atproto-topics': 'two',
        'x-forwarded-for': '1.2.3.4',
        'user-agent': 'client',
        'if-none-match': '"x"',
        cookie: 'secret=1',
        'x-secret': '1',
        accept: 'text/html',
      },
    }),
  ),
  ask(timeline('headers of the service'), {
    [TIMELINE]: {
      headers: {
        'atproto-content-labelers': 'did:plc:ar7c4by46qjdydhdevvrndac',
        'content-language': 'de',
        'cache-control': 'max-age=5',
        etag: '"y"',
        'retry-after': '3',
        'set-cookie': 'secret=1',
        'x-powered-by': 'stub',
        'access-control-allow-origin': 'https://only.example.com',
      },
      body: { feed: [] },
    },
  }),
]

const PROBE = 'com.example.probe.ask'
const probe = (situation: string, extra: object): Call =>
  get(PROBE, situation, { q: 'a b&c', list: ['1', '2'] }, { auth, ...extra })
const CONVOS = 'chat.bsky.convo.listConvos'

const targets: readonly ServiceStep[] = [
  ask(probe('by default', {})),
  ask(post('com.example.probe.tell', 'by default', { some: 'input' }, { auth })),
  ask(post('com.example.probe.tell', 'no body', undefined, { auth })),
  ask({
    name: 'com.example.probe.tell: bytes',
    method: 'POST',
    path: '/xrpc/com.example.probe.tell',
    bytes: Buffer.from([1, 2, 3]),
    headers: { 'content-type': 'application/octet-stream' },
    auth,
  }),
  ask(get('com.atproto.label.queryLabels', 'by default', { uriPatterns: '*' }, { auth })),
  ask(get('com.atproto.sync.getNothing', 'by default', {}, { auth })),
  ask(get('tools.ozone.moderation.queryStatuses', 'by default', {}, { auth })),
  ask(get('app.bsky.unspecced.getConfig', 'by default', {}, { auth })),
  ...['bsky_appview', 'bsky_notif', 'bsky_chat', 'atproto_labeler'].flatMap((service) => [
    ask(probe(`to ${service} of the AppView`, to(`{appView.did}#${service}`))),
    ask(probe(`to ${service} of another service`, to(`{moderation.did}#${service}`))),
  ]),
  ask(probe('to the AppView, without credentials', { ...to('{appView.did}#bsky_appview'), auth: undefined })),
  ask(probe('to an entry that is not there', to('{moderation.did}#nothing'))),
  ask(probe('to a DID alone', to('{moderation.did}'))),
  ask(probe('to an entry alone', to('#bsky_appview'))),
  ask(probe('to a DID with an empty entry', to('{moderation.did}#'))),
  ask(probe('to two entries', to('{moderation.did}#a#b'))),
  ask(probe('with a space', to('{moderation.did} #atproto_labeler'))),
  ask(probe('to an unknown did:plc', to('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#bsky_appview'))),
  ask(probe('to a did:web where nobody listens', to('did:web:localhost%3A1#bsky_appview'))),
  ask(probe('to a DID of no method', to('did:example:abc#bsky_appview'))),
  ask(probe('to what is no DID', to('localhost#bsky_appview'))),
  ask(get(CONVOS, 'by default', {}, { auth })),
  ask(get(CONVOS, 'to the chat service', {}, { auth, ...to('{moderation.did}#bsky_chat') })),
  ask(get(CONVOS, 'with an app password', {}, { auth: 'plain', ...to('{moderation.did}#bsky_chat') })),
  ask(
    get(
      CONVOS,
      'with a privileged app password',
      {},
      { auth: 'privileged', ...to('{moderation.did}#bsky_chat') },
    ),
  ),
  ...['app.bsky.actor.getProfile', 'app.bsky.feed.getAuthorFeed'].map((nsid) =>
    ask(
      get(
        nsid,
        'to another AppView',
        { actor: '{sandra.did}' },
        { auth, ...to('{moderation.did}#bsky_appview') },
      ),
    ),
  ),
  ...[
    'com.atproto.server.getSession',
    'com.atproto.server.listAppPasswords',
    'com.atproto.server.getAccountInviteCodes',
    'com.atproto.server.describeServer',
    'com.atproto.identity.getRecommendedDidCredentials',
    'app.bsky.actor.getPreferences',
  ].map((nsid) =>
    ask(
      get(
        nsid,
        'to another service',
        {},
        {
          auth,
          unordered: ['body.passwords'],
          ...to('{moderation.did}#bsky_appview'),
        },
      ),
    ),
  ),
  ask(
    post(
      'com.atproto.repo.createRecord',
      'to another service',
      {
        repo: '{sandra.did}',
        collection: 'com.example.note',
        rkey: 'proxied',
        record: { $type: 'com.example.note' },
      },
      { auth, ...to('{moderation.did}#bsky_appview') },
    ),
  ),
  ask(
    get(
      'com.atproto.sync.getLatestCommit',
      'to another service',
      { did: '{sandra.did}' },
      { auth, ...to('{moderation.did}#bsky_appview') },
    ),
  ),
]

const failing = (situation: string, answer: StubAnswer): ServiceStep =>
  ask(probe(situation, {}), { [PROBE]: answer })

const failures: readonly ServiceStep[] = [
  failing('answered with a 400 by name', { status: 400, body: { error: 'SomeName', message: 'some words' } }),
  failing('answered with a 400 without a name', { status: 400, body: { nothing: true } }),
  failing('answered with a 401', { status: 401, body: { error: 'AuthMissing', message: 'some words' } }),
  failing('answered with a 403', { status: 403, body: { error: 'Forbidden', message: 'some words' } }),
  failing('answered with a 404', { status: 404, body: { error: 'NotFound', message: 'some words' } }),
  failing('answered with a 418', { status: 418, body: { error: 'Teapot', message: 'some words' } }),
  failing('answered with a 429', {
    status: 429,
    headers: { 'retry-after': '7', 'ratelimit-limit': '10' },
    body: { error: 'RateLimitExceeded', message: 'some words' },
  }),
  failing('answered with a 500', {
    status: 500,
    body: { error: 'InternalServerError', message: 'some words' },
  }),
  failing('answered with a 503', {
    status: 503,
    body: { error: 'ServiceUnavailable', message: 'some words' },
  }),
  failing('answered with a page', {
    status: 502,
    headers: { 'content-type': 'text/html' },
    body: '<html></html>',
  }),
  failing('answered with a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' } }),
  failing('answered with text', { headers: { 'content-type': 'text/plain' }, body: 'some words' }),
  failing('answered with nothing', {}),
  failing('answered with a CAR', {
    headers: { 'content-type': 'application/octet-stream' },
    body: 'some bytes',
  }),
]

const REPORT = 'com.atproto.moderation.createReport'
const report = (situation: string, extra: object = {}): Call =>
  post(
    REPORT,
    situation,
    {
      reasonType: 'com.atproto.moderation.defs#reasonSpam',
      reason: 'words',
      subject: { $type: 'com.atproto.admin.defs#repoRef', did: '{sandra.did}' },
    },
    { auth, ...extra },
  )
const REGISTER = 'app.bsky.notification.registerPush'
const push = (nsid: string, situation: string, serviceDid: string): Call =>
  post(nsid, situation, { serviceDid, token: 'token', platform: 'ios', appId: 'app' }, { auth })
const FEED = 'app.bsky.feed.getFeed'
const feed = (situation: string, rkey: string, extra: object = {}): Call =>
  get(
    FEED,
    situation,
    { feed: `at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.generator/${rkey}` },
    { auth, ...extra },
  )

const special: readonly ServiceStep[] = [
  ask(report('by default')),
  ask(report('with an app password', { auth: 'plain' })),
  ask(report('to another labeler', to('{appView.did}#atproto_labeler')), {
    [REPORT]: {
      body: {
        id: 2,
        reasonType: 'com.atproto.moderation.defs#reasonSpam',
        subject: { $type: 'com.atproto.admin.defs#repoRef', did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' },
        reportedBy: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb',
        createdAt,
      },
    },
  }),
  ask(push(REGISTER, 'to the AppView', '{appView.did}'), {
    [REGISTER]: {},
  }),
  ask(push(REGISTER, 'to another service', '{moderation.did}')),
  ask(push(REGISTER, 'to a service that is not there', 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')),
  ask(push('app.bsky.notification.unregisterPush', 'to the AppView', '{appView.did}'), {
    'app.bsky.notification.unregisterPush': {},
  }),
  ask(push('app.bsky.notification.unregisterPush', 'to another service', '{moderation.did}')),
  ask(feed('of a generator', 'one'), {
    'com.atproto.repo.getRecord': {
      body: {
        uri: 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.generator/one',
        cid: 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
        value: { $type: 'app.bsky.feed.generator', did: FEED_DID, displayName: 'one', createdAt },
      },
    },
    'app.bsky.feed.getFeedGenerator': { body: { view: { did: FEED_DID }, isOnline: true, isValid: true } },
    [FEED]: { body: { feed: [] } },
  }),
  ask(feed('without credentials', 'one', { auth: undefined })),
  ask(feed('of a generator without a DID', 'two'), {
    'com.atproto.repo.getRecord': {
      body: {
        uri: 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.generator/one',
        cid: 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
        value: { $type: 'app.bsky.feed.generator' },
      },
    },
    'app.bsky.feed.getFeedGenerator': { body: { view: {}, isOnline: true, isValid: true } },
  }),
  ask(feed('of a generator that is not there', 'three'), {
    'com.atproto.repo.getRecord': { status: 400, body: { error: 'RecordNotFound', message: 'some words' } },
    'app.bsky.feed.getFeedGenerator': {
      status: 400,
      body: { error: 'InvalidRequest', message: 'some words' },
    },
  }),
  ask(
    get('com.atproto.repo.getRecord', 'elsewhere', {
      repo: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
      collection: 'app.bsky.feed.post',
      rkey: 'one',
    }),
    {
      'com.atproto.repo.getRecord': {
        body: {
          uri: 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/one',
          cid: 'bafyreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm',
          value: { $type: 'app.bsky.feed.post', text: 'elsewhere', createdAt },
        },
      },
    },
  ),
]

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

const readAfterWrite: readonly ServiceStep[] = [
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

export const SERVICE_STEPS: readonly ServiceStep[] = [
  ...headers,
  ...targets,
  ...failures,
  ...special,
  ...readAfterWrite,
]
