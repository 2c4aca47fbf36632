// Session tokens that this server never made, or not for this.
import { createHmac } from 'node:crypto'

import { ADMIN_PASSWORD, JWT_SECRET, PASSWORD, SERVER_DID, strangersKey } from './server.ts'
import { outcome, say, outcomes } from './wire.ts'
import type { Attack, World } from './world.ts'

const METHOD = 'com.atproto.server.getSession'
const seconds = (): number => Math.floor(Date.now() / 1000)
export const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** An access token as the server makes them, but for what is changed; undefined leaves a claim out. */
export function sessionToken(
  world: World,
  { header = {}, claims = {}, secret = JWT_SECRET, hash = 'sha256' }: Changes = {},
): string {
  const now = seconds()
  const payload = {
    scope: 'com.atproto.access',
    aud: SERVER_DID,
    sub: world.alice.did,
    iat: now,
    exp: now + 7200,
    ...claims,
  }
  const signed = `${part({ typ: 'at+jwt', alg: 'HS256', ...header })}.${part(payload)}`
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`
}

interface Changes {
  readonly header?: Record<string, unknown>
  readonly claims?: Record<string, unknown>
  readonly secret?: string
  readonly hash?: string
}

const INVALID = '400 InvalidToken'
const get = async ({ server }: World, authorization: string | string[]): Promise<string> =>
  outcome(await server.call(METHOD, { headers: { authorization } }))
const forged = (what: string, changes: Changes, right = INVALID): Attack => ({
  what,
  right,
  run: (world) => get(world, `Bearer ${sessionToken(world, changes)}`),
})
const raw = (
  what: string,
  make: (world: World) => string | string[] | Promise<string>,
  right = INVALID,
): Attack => ({
  what,
  right,
  run: async (world) => get(world, await make(world)),
})
/** The token of a session, with one of its three parts replaced. */
const replaced = (index: 0 | 1 | 2, by: string) => (world: World) => {
  const parts = sessionToken(world).split('.')
  parts[index] = by
  return `Bearer ${parts.join('.')}`
}

export const SESSION_TOKENS: readonly Attack[] = [
  // The forger knows the form: this one holds, so that the others fail by what is changed alone.
  forged('the very token of the server', {}, '200'),

  // The algorithm.
  raw(
    'no algorithm',
    (world) => `Bearer ${sessionToken(world, { header: { alg: 'none' } }).replace(/[^.]+$/, '')}`,
  ),
  raw('no algorithm, signed', (world) => `Bearer ${sessionToken(world, { header: { alg: 'none' } })}`),
  forged('no algorithm, in other letters', { header: { alg: 'nOnE' } }),
  forged('an empty algorithm', { header: { alg: '' } }),
  forged('an algorithm that is a list', { header: { alg: ['HS256'] } }),
  forged('a longer hash, of the right secret', { header: { alg: 'HS512' }, hash: 'sha512' }),
  forged('a longer hash that is named wrongly', { hash: 'sha512' }),
  forged('an asymmetric algorithm over the secret', { header: { alg: 'RS256' } }),
  {
    what: 'the key of the account in place of the secret',
    right: INVALID,
    run: async (world) => {
      const key = world.server.keyOf(world.alice.did)
      const secret = key.didKey
      return get(world, `Bearer ${sessionToken(world, { secret })}`)
    },
  },
  {
    what: 'an elliptic signature by a key of the forger',
    right: INVALID,
    run: async (world) => {
      const [header, payload] = sessionToken(world, { header: { alg: 'ES256K' } }).split('.')
      const signature = await strangersKey().sign(Buffer.from(`${header}.${payload}`))
      return get(world, `Bearer ${header}.${payload}.${Buffer.from(signature).toString('base64url')}`)
    },
  },
  forged('another secret', { secret: 'another secret that signs nothing here' }),
  forged('an empty secret', { secret: '' }),
  forged('the password of the operator as the secret', { secret: ADMIN_PASSWORD }),

  // Headers that tell the verifier where to take its key, or what to skip.
  forged('a key in the header', {
    header: { jwk: { kty: 'oct', k: part('mine'), alg: 'HS256' } },
    secret: 'mine',
  }),
  forged('the name of a key file', { header: { kid: '../../../../dev/null' }, secret: '' }),
  forged('the name of a key with a query in it', { header: { kid: "' UNION SELECT 'mine" }, secret: 'mine' }),
  forged('a URL of keys', { header: { jku: 'http://127.0.0.1:1/keys' }, secret: 'mine' }),
  forged('a URL of a certificate', { header: { x5u: 'http://127.0.0.1:1/cert' }, secret: 'mine' }),
  forged('a critical header nobody knows', { header: { crit: ['exp2'], exp2: 1 } }),
  forged('an empty list of critical headers', { header: { crit: [] } }),
  forged('critical headers that are no list', { header: { crit: 'alg' } }),
  forged('a payload that is not encoded', { header: { b64: false, crit: ['b64'] } }),
  forged('a compressed token', { header: { zip: 'DEF' }, secret: 'mine' }),

  // The type.
  forged('no type', { header: { typ: undefined } }),
  forged('the type of service tokens', { header: { typ: 'JWT' } }),
  forged('the type of refresh tokens', { header: { typ: 'refresh+jwt' } }),
  forged('the type of a proof', { header: { typ: 'dpop+jwt' } }),
  forged('a type that is no text', { header: { typ: ['at+jwt'] } }),

  // Each claim alone.
  forged('another audience', { claims: { aud: 'did:web:other.example.com' } }),
  forged('an audience that only begins alike', { claims: { aud: `${SERVER_DID}.evil.example` } }),
  forged('no audience', { claims: { aud: undefined } }),
  forged('an empty list of audiences', { claims: { aud: [] } }),
  forged('an audience that is an object', { claims: { aud: { [SERVER_DID]: true } } }),
  forged('no subject', { claims: { sub: undefined } }),
  forged('a subject who has no account', { claims: { sub: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' } }),
  forged('a subject that is no DID', { claims: { sub: '__proto__' } }),
  forged('a subject that is an object', { claims: { sub: { did: 'x' } } }),
  forged('a subject that is a number', { claims: { sub: 7 } }),
  forged('no expiry', { claims: { exp: undefined } }),
  forged('an expiry that is text', { claims: { exp: '9999999999' } }),
  forged('an expiry that is null', { claims: { exp: null } }),
  forged('an expiry long past', { claims: { exp: 1 } }, '400 ExpiredToken'),
  raw(
    'an expiry a second ago',
    (world) => `Bearer ${sessionToken(world, { claims: { exp: seconds() - 1 } })}`,
    '400 ExpiredToken',
  ),
  raw(
    'not valid before tomorrow',
    (world) => `Bearer ${sessionToken(world, { claims: { nbf: seconds() + 86_400 } })}`,
  ),
  forged('a beginning that is text', { claims: { nbf: 'now' } }),
  forged('a time of issue that is text', { claims: { iat: 'now' } }),
  // Not refused: after the clock of the server was put back, all its tokens are such.
  raw(
    'issued tomorrow',
    (world) => `Bearer ${sessionToken(world, { claims: { iat: seconds() + 86_400 } })}`,
    '200',
  ),
  forged('no scope', { claims: { scope: undefined } }),
  forged('the scope of refresh tokens', { claims: { scope: 'com.atproto.refresh' } }),
  forged('a scope of Object.prototype', { claims: { scope: 'constructor' } }),
  forged('a scope that is a list', { claims: { scope: ['com.atproto.access'] } }),
  forged('a scope of two', { claims: { scope: 'com.atproto.access com.atproto.appPass' } }),

  // The form.
  raw('a signature that is cut', (world) => `Bearer ${sessionToken(world).slice(0, -4)}`),
  raw('no signature', replaced(2, '')),
  raw('a signature of zeros', replaced(2, Buffer.alloc(32).toString('base64url'))),
  raw('a header that is no JSON', replaced(0, part('{'))),
  raw('a header that is a list', replaced(0, part([]))),
  raw('a payload that is null', replaced(1, part('null'))),
  raw('a payload that is no base64', replaced(1, '*')),
  raw('a payload nested thousands deep', replaced(1, part('['.repeat(3000) + ']'.repeat(3000)))),
  raw('two parts', (world) => `Bearer ${sessionToken(world).split('.').slice(0, 2).join('.')}`),
  raw('five parts', (world) => `Bearer ${sessionToken(world)}.x.y`),
  raw('dots alone', () => `Bearer ${'.'.repeat(2000)}`),
  raw('a token of 9 KB', (world) => `Bearer ${sessionToken(world)}${'A'.repeat(9000)}`),
  raw('an empty token', () => 'Bearer '),
  raw('a header without a scheme', (world) => sessionToken(world)),
  raw('two tokens', (world) => `Bearer ${sessionToken(world)} ${sessionToken(world)}`),
  raw('a token of another scheme', (world) => `Token ${sessionToken(world)}`),
  raw('a token as that of an app', (world) => `DPoP ${sessionToken(world)}`, '401 invalid_dpop_proof'),
  raw('the password of the operator where a session is needed', () => basic(`admin:${ADMIN_PASSWORD}`)),

  // Tokens of the server in the wrong place.
  raw('a refresh token as an access token', ({ alice }) => `Bearer ${alice.refreshJwt}`),
  {
    what: 'an access token as a refresh token',
    right: INVALID,
    run: async ({ server, alice }) =>
      outcome(
        await server.call('com.atproto.server.refreshSession', { method: 'POST', token: alice.accessJwt }),
      ),
  },
  {
    what: 'a refresh token of a session that was ended',
    right: '400 ExpiredToken',
    run: async (world) => {
      const { refreshJwt } = await signIn(world)
      await world.server.call('com.atproto.server.deleteSession', { method: 'POST', token: refreshJwt })
      return outcome(
        await world.server.call('com.atproto.server.refreshSession', { method: 'POST', token: refreshJwt }),
      )
    },
  },
  {
    what: "a refresh token whose session is nobody's",
    right: '400 ExpiredToken',
    run: async (world) => {
      const changes = {
        header: { typ: 'refresh+jwt' },
        claims: { scope: 'com.atproto.refresh', jti: 'nobody' },
      }
      return outcome(
        await world.server.call('com.atproto.server.refreshSession', {
          method: 'POST',
          token: sessionToken(world, changes),
        }),
      )
    },
  },
  {
    what: 'a session moved to another account',
    right: '400 ExpiredToken',
    run: async (world) => {
      const { refreshJwt } = await signIn(world)
      const { jti } = JSON.parse(Buffer.from(refreshJwt.split('.')[1]!, 'base64url').toString()) as {
        jti: string
      }
      const changes = {
        header: { typ: 'refresh+jwt' },
        claims: { scope: 'com.atproto.refresh', jti, sub: world.mallory.did },
      }
      return outcome(
        await world.server.call('com.atproto.server.refreshSession', {
          method: 'POST',
          token: sessionToken(world, changes),
        }),
      )
    },
  },

  {
    what: 'a refresh token whose name is an object',
    right: INVALID,
    run: async (world) => {
      const changes = { header: { typ: 'refresh+jwt' }, claims: { scope: 'com.atproto.refresh', jti: {} } }
      const token = sessionToken(world, changes)
      return outcome(await world.server.call('com.atproto.server.refreshSession', { method: 'POST', token }))
    },
  },

  // Two headers at once: whoever stands in front may have judged the other one.
  {
    what: 'two authorization headers, the first one forged',
    right: INVALID,
    run: async (world) => {
      const lines = [
        `GET /xrpc/${METHOD} HTTP/1.1`,
        'Host: x',
        'Connection: close',
        'Authorization: Bearer forged.by.me',
        `Authorization: Bearer ${world.alice.accessJwt}`,
      ]
      return outcomes(await say(world.server.url, `${lines.join('\r\n')}\r\n\r\n`))
    },
  },

  // The operator.
  ...(
    [
      ['no password', basic('admin')],
      ['an empty password', basic('admin:')],
      ['a password that only begins alike', basic(`admin:${ADMIN_PASSWORD}x`)],
      ['a password cut by a null byte', basic(`admin:${ADMIN_PASSWORD}\0`)],
      ['another name', basic(`Admin:${ADMIN_PASSWORD}`)],
      ['a password of 8 KB', basic(`admin:${'x'.repeat(8000)}`)],
      ['no base64', 'Basic ***'],
      ['nothing', 'Basic '],
    ] as const
  ).map(([what, authorization]) => ({
    what: `the operator by ${what}`,
    right: '401 AuthenticationRequired',
    run: async ({ server, alice }: World) =>
      outcome(
        await server.call('com.atproto.admin.getAccountInfo', {
          params: { did: alice.did },
          headers: { authorization },
        }),
      ),
  })),
  {
    what: 'the operator by a session',
    right: '401 BadJwt',
    run: async ({ server, alice, mallory }) =>
      outcome(
        await server.call('com.atproto.admin.getAccountInfo', {
          params: { did: alice.did },
          token: mallory.accessJwt,
        }),
      ),
  },
]

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`
}

async function signIn({ server, alice }: World): Promise<{ refreshJwt: string }> {
  const answer = await server.call('com.atproto.server.createSession', {
    input: { identifier: alice.handle, password: PASSWORD },
  })
  return answer.body as { refreshJwt: string }
}
