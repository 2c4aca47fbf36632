// Every door by which a stranger may name a host that this server then asks: none leads inside.
import { strangersKey } from './server.ts'
import { forgedBy } from './service-tokens.ts'
import { outcome } from './wire.ts'
import type { Attack, World } from './world.ts'

const BAD = '400 InvalidRequest'
const FAILED = '502 UpstreamFailure'
/** Names of the test's DNS server, and what they lead to. */
export const INNER_NAMES: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  ['inner.example.com', [['127.0.0.1']]],
  ['inner6.example.com', [['::1']]],
  ['mapped.example.com', [['::ffff:127.0.0.1']]],
  ['metadata.example.com', [['169.254.169.254']]],
  ['private.example.com', [['10.0.0.1', '192.168.1.1', '172.16.0.1', '100.64.0.1']]],
  ['nat.example.com', [['64:ff9b::7f00:1']]],
  ['tunnel.example.com', [['2002:7f00:1::']]],
  ['zero.example.com', [['0.0.0.0', '::']]],
  // Another answer each time it is asked.
  ['turning.example.com', [['192.0.2.1'], ['127.0.0.1'], ['::1'], ['127.0.0.1']]],
]

/** URLs that lead to the port of this machine, or to nowhere a service could be. */
const URLS = (port: number): readonly string[] => [
  `http://127.0.0.1:${port}`,
  `https://127.0.0.1:${port}`,
  `http://localhost:${port}`,
  `https://localhost:${port}`,
  `https://localhost.:${port}`,
  `https://a.localhost:${port}`,
  `https://[::1]:${port}`,
  `https://[::]:${port}`,
  `https://[::ffff:127.0.0.1]:${port}`,
  `https://[::ffff:7f00:1]:${port}`,
  `https://[64:ff9b::7f00:1]:${port}`,
  `https://[2002:7f00:1::]:${port}`,
  `https://2130706433:${port}`,
  `https://0x7f000001:${port}`,
  `https://0x7f.1:${port}`,
  `https://0177.0.0.1:${port}`,
  `https://127.1:${port}`,
  `https://127.0.0.1.:${port}`,
  `https://0.0.0.0:${port}`,
  `https://0:${port}`,
  `https://127。0。0。1:${port}`,
  `https://①②⑦.⓪.⓪.①:${port}`,
  `https://127.0.0.1:${port}/path?query`,
  'https://169.254.169.254',
  'https:///nowhere',
  'https://10.0.0.1',
  'https://192.168.0.1',
  'https://172.31.255.255',
  'https://100.64.0.1',
  'https://224.0.0.1',
  'https://255.255.255.255',
  'https://[fe80::1]',
  'https://[fc00::1]',
  'https://[ff02::1]',
  ...INNER_NAMES.map(([name]) => `https://${name}:${port}`),
]

const proxied = async ({ server, mallory }: World, target: string, options: object = {}): Promise<string> =>
  outcome(
    await server.call('chat.bsky.convo.listConvos', {
      token: mallory.accessJwt,
      headers: { 'atproto-proxy': target },
      ...options,
    }),
  )

/** A named service whose document leads inside. */
export const ENDPOINTS = (port: number): readonly Attack[] =>
  URLS(port).map((serviceEndpoint) => ({
    what: `a service at ${serviceEndpoint}`,
    right: FAILED,
    run: (world) => {
      const did = world.server.directory.did([{ id: '#bsky_chat', type: 'BskyChatService', serviceEndpoint }])
      return proxied(world, `${did}#bsky_chat`)
    },
  }))

/** Endpoints that are none. */
export const ODD_ENDPOINTS = (port: number): readonly Attack[] =>
  [
    `https://user:password@127.0.0.1:${port}`,
    `https://pds.example.com@127.0.0.1:${port}`,
    `https://127.0.0.1:${port}#@pds.example.com`,
    'file:///etc/passwd',
    'ftp://127.0.0.1',
    `gopher://127.0.0.1:${port}/_x`,
    'data:application/json,{}',
    'javascript:1',
    'https://',
    '//127.0.0.1',
    '',
    { uri: `https://127.0.0.1:${port}` },
    [`https://127.0.0.1:${port}`],
    7,
    null,
  ].map((serviceEndpoint) => ({
    what: `a service at ${JSON.stringify(serviceEndpoint)}`,
    right: BAD,
    run: (world) => {
      const did = world.server.directory.did([{ id: '#bsky_chat', type: 'BskyChatService', serviceEndpoint }])
      return proxied(world, `${did}#bsky_chat`)
    },
  }))

/** DIDs whose document would be inside, or that are none. */
const INNER_DIDS = (port: number): string[] => [
  `did:web:127.0.0.1%3A${port}`,
  `did:web:localhost%3A${port}`,
  `did:web:inner.example.com%3A${port}`,
  'did:web:inner.example.com',
  'did:web:mapped.example.com',
  'did:web:turning.example.com',
  'did:web:2130706433',
  'did:web:0x7f.1',
  'did:web:127.1',
  'did:web:%5B%3A%3A1%5D',
  'did:web:localhost',
  'did:web:169.254.169.254',
  'did:web:inner.example.com:user:alice',
  'did:web:user%40inner.example.com',
  'did:web:..%2F..',
  'did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme',
  'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
]

/** One door for a DID. */
const door = (
  what: string,
  right: string,
  port: number,
  knock: (world: World, did: string) => Promise<string>,
): Attack => ({
  what: `DIDs that lead inside, by ${what}`,
  right: '{}',
  run: async (world) => {
    const otherwise: Record<string, string> = {}
    for (const did of INNER_DIDS(port)) {
      // One after the other, so that an answer belongs to its name.
      const found = await knock(world, did)
      if (found !== right) otherwise[did] = found
    }
    return JSON.stringify(otherwise)
  },
})

export const DOORS = (port: number): readonly Attack[] => {
  /** A DID whose home, and whatever else, is inside. */
  const innerHome = ({ server }: World): string =>
    server.directory.did([
      {
        id: '#atproto_pds',
        type: 'AtprotoPersonalDataServer',
        serviceEndpoint: `https://inner.example.com:${port}`,
      },
    ])
  return [
    door('the proxy header', BAD, port, (world, did) => proxied(world, `${did}#bsky_chat`)),
    door('the issuer of a token', '401 AuthenticationRequired', port, async ({ server }, iss) =>
      outcome(
        await server.call('com.atproto.repo.uploadBlob', {
          bytes: new Uint8Array(3),
          token: await forgedBy(iss, strangersKey()),
        }),
      ),
    ),
    door('a question for the document', '400 DidNotFound', port, async ({ server }, did) =>
      outcome(await server.call('com.atproto.identity.resolveDid', { params: { did } })),
    ),
    door('the service of a device', BAD, port, async ({ server, mallory }, serviceDid) =>
      outcome(
        await server.call('app.bsky.notification.registerPush', {
          token: mallory.accessJwt,
          input: { serviceDid, token: 'x', platform: 'web', appId: 'x' },
        }),
      ),
    ),
    door('the home of a record', BAD, port, async ({ server }, repo) =>
      outcome(
        await server.call('com.atproto.repo.getRecord', {
          params: { repo, collection: 'app.bsky.feed.post', rkey: 'x' },
        }),
      ),
    ),
    door('the author of a feed', '400 UnknownFeed', port, async ({ server, mallory }, did) =>
      outcome(
        await server.call('app.bsky.feed.getFeed', {
          params: { feed: `at://${did}/app.bsky.feed.generator/x` },
          token: mallory.accessJwt,
        }),
      ),
    ),
    {
      what: 'an account that moved inside',
      right: BAD,
      run: async (world) =>
        outcome(
          await world.server.call('com.atproto.repo.getRecord', {
            params: { repo: innerHome(world), collection: 'app.bsky.feed.post', rkey: 'x' },
          }),
        ),
    },
    {
      what: 'a feed whose author moved inside',
      right: '400 UnknownFeed',
      run: async (world) =>
        outcome(
          await world.server.call('app.bsky.feed.getFeed', {
            params: { feed: `at://${innerHome(world)}/app.bsky.feed.generator/x` },
            token: world.mallory.accessJwt,
          }),
        ),
    },
    ...INNER_NAMES.map(([handle]) => ({
      what: `the handle ${handle}`,
      right: '400 HandleNotFound',
      run: async ({ server }: World) =>
        outcome(await server.call('com.atproto.identity.resolveHandle', { params: { handle } })),
    })),
    {
      what: 'a handle whose TXT record is a DID inside, for an account that takes it',
      right: '400 InvalidHandle',
      run: async ({ server, mallory }) => {
        server.dns.texts.set('_atproto.texted.example.com', [`did=did:web:127.0.0.1%3A${port}`])
        return outcome(
          await server.call('com.atproto.identity.updateHandle', {
            token: mallory.accessJwt,
            input: { handle: 'texted.example.com' },
          }),
        )
      },
    },
    ...(
      [
        [undefined, '200'],
        [true, BAD],
      ] as const
    ).map(([validate, right]) => ({
      what: `a lexicon whose authority lives inside, ${validate ? 'asked for' : 'not asked for'}`,
      right,
      run: async (world: World) => {
        const { server, mallory } = world
        server.dns.texts.set('_lexicon.lexicons.example.com', [`did=${innerHome(world)}`])
        return outcome(
          await server.call('com.atproto.repo.createRecord', {
            token: mallory.accessJwt,
            input: {
              repo: mallory.did,
              collection: 'com.example.lexicons.thing',
              record: { a: 1 },
              validate,
            },
          }),
        )
      },
    })),
    ...(
      [
        ['no fragment', 'did:web:example.com', BAD],
        ['two fragments', 'did:web:example.com#a#b', BAD],
        ['a space', 'did:web:example.com #a', BAD],
        ['no DID', '#bsky_appview', BAD],
        ['a URL', 'https://127.0.0.1/#a', BAD],
        ['8 KB', `did:web:${'a.'.repeat(4000)}com#a`, BAD],
        ['a field of Object.prototype', 'did:web:example.com#__proto__', BAD],
        ['this server itself', 'did:web:pds.example.com#atproto_pds', BAD],
      ] as const
    ).map(([what, header, right]) => ({
      what: `a proxy header with ${what}`,
      right,
      run: (world: World) => proxied(world, header),
    })),
    {
      what: 'a stranger with a proxy header',
      right: '401 AuthMissing',
      run: (world) => proxied(world, 'did:web:inner.example.com#bsky_chat', { token: undefined }),
    },
  ]
}
