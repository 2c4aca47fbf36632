// Calls that another service answers: proxied ones, with and without `atproto-proxy`, feeds, reports, push tokens.
import { get, post, signUp, type Call } from '../calls.ts'
import { FEED_DID, type StubAnswer } from '../stub-service.ts'
import { readAfterWrite } from './read-after-write.ts'
import { ask, auth, createdAt, timeline, TIMELINE, to, type ServiceStep } from './service-step.ts'

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

/** All steps: later ones use what earlier ones saved. */
export const SERVICE_STEPS: readonly ServiceStep[] = [
  ...headers,
  ...targets,
  ...failures,
  ...special,
  ...readAfterWrite,
]
