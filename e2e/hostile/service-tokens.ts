// Tokens between services (ES256K over the claims), as somebody without the right key or the right claims makes them.
import { createHash } from 'node:crypto'

import { type Keypair, createKeypair } from '@avocet/crypto'

import { SERVER_DID, strangersKey } from './server.ts'
import { part, sessionToken } from './session-tokens.ts'
import { outcome } from './wire.ts'
import type { Attack, World } from './world.ts'

const METHOD = 'com.atproto.repo.uploadBlob'
const seconds = (): number => Math.floor(Date.now() / 1000)

interface Changes {
  readonly header?: Record<string, unknown>
  readonly claims?: (world: World) => Record<string, unknown>
  readonly key?: (world: World) => Keypair
}

/** A token in Alice's name for an upload, right in all that is not changed. */
async function serviceToken(world: World, { header = {}, claims, key }: Changes): Promise<string> {
  const now = seconds()
  const payload = {
    iss: world.alice.did,
    aud: SERVER_DID,
    lxm: METHOD,
    iat: now,
    exp: now + 60,
    jti: String(Math.random()),
    ...claims?.(world),
  }
  const signed = `${part({ typ: 'JWT', alg: 'ES256K', ...header })}.${part(payload)}`
  const signer = key?.(world) ?? world.server.keyOf(world.alice.did)
  return `${signed}.${Buffer.from(await signer.sign(Buffer.from(signed))).toString('base64url')}`
}

/** A token for an upload, by an issuer who may be anybody. */
export async function forgedBy(iss: string, key: Keypair): Promise<string> {
  const now = seconds()
  const claims = { iss, aud: SERVER_DID, lxm: METHOD, iat: now, exp: now + 60, jti: String(Math.random()) }
  const signed = `${part({ typ: 'JWT', alg: 'ES256K' })}.${part(claims)}`
  return `${signed}.${Buffer.from(await key.sign(Buffer.from(signed))).toString('base64url')}`
}

const upload = async ({ server }: World, token: string): Promise<string> =>
  outcome(await server.call(METHOD, { bytes: new Uint8Array(10), type: 'image/png', token }))
const forged = (what: string, right: string, changes: Changes): Attack => ({
  what,
  right,
  run: async (world) => upload(world, await serviceToken(world, changes)),
})
const claimed = (what: string, right: string, claims: Record<string, unknown>): Attack =>
  forged(what, right, { claims: () => claims })
const elsewhere = (what: string, right: string, nsid: string, call: object): Attack => ({
  what,
  right,
  run: async (world) =>
    outcome(await world.server.call(nsid, { ...call, token: await serviceToken(world, {}) })),
})

export const SERVICE_TOKENS: readonly Attack[] = [
  forged('the very token of the account', '200', {}),

  // Keys.
  forged('a key of the forger', '401 BadJwtSignature', { key: strangersKey }),
  forged('the key of another account', '401 BadJwtSignature', {
    key: ({ server, mallory }) => server.keyOf(mallory.did),
  }),
  forged('a key of the other curve', '401 BadJwtSignature', {
    header: { alg: 'ES256' },
    key: () => createKeypair('p256'),
  }),
  forged('the right key under the name of the other curve', '401 BadJwtSignature', {
    header: { alg: 'ES256' },
  }),
  forged('a key in the header', '401 BadJwtSignature', { header: { jwk: { kty: 'EC' } }, key: strangersKey }),
  forged('the DID of a key in the header', '401 BadJwtSignature', {
    header: { kid: createKeypair('k256').didKey },
    key: strangersKey,
  }),
  {
    what: 'a signature of zeros',
    right: '401 BadJwtSignature',
    run: async (world) => {
      const token = await serviceToken(world, {})
      return upload(world, token.replace(/[^.]+$/, Buffer.alloc(64).toString('base64url')))
    },
  },
  {
    what: 'a signature in DER',
    right: '401 BadJwt',
    run: async (world) => {
      const token = await serviceToken(world, {})
      return upload(
        world,
        token.replace(
          /[^.]+$/,
          Buffer.concat([Buffer.from([0x30, 68]), Buffer.alloc(68)]).toString('base64url'),
        ),
      )
    },
  },
  {
    what: 'claims changed after they were signed',
    right: '401 BadJwtSignature',
    run: async (world) => {
      const [header, , signature] = (await serviceToken(world, {})).split('.')
      const [, payload] = (await serviceToken(world, { claims: () => ({ exp: seconds() + 600 }) })).split('.')
      return upload(world, `${header}.${payload}.${signature}`)
    },
  },

  // Headers.
  forged('no algorithm', '401 BadJwt', { header: { alg: 'none' } }),
  forged('an algorithm of Object.prototype', '401 BadJwt', { header: { alg: '__proto__' } }),
  {
    what: 'a symmetric algorithm with the public key as its secret',
    right: '400 InvalidToken',
    run: async (world) => {
      const secret = world.server.keyOf(world.alice.did).didKey
      return upload(world, sessionToken(world, { header: { typ: 'JWT' }, claims: { lxm: METHOD }, secret }))
    },
  },
  forged('the type of access tokens', '401 BadJwtType', { header: { typ: 'at+jwt' } }),
  forged('the type of refresh tokens', '401 BadJwtType', { header: { typ: 'refresh+jwt' } }),
  forged('the type of a proof', '401 BadJwtType', { header: { typ: 'dpop+jwt' } }),
  forged('a critical header', '401 BadJwt', { header: { crit: ['exp'] } }),

  // Claims, each alone.
  claimed('another audience', '401 BadJwtAudience', { aud: 'did:web:other.example.com' }),
  claimed('a service of the right audience', '401 BadJwtAudience', { aud: `${SERVER_DID}#atproto_pds` }),
  claimed('a list of audiences', '401 BadJwt', { aud: [SERVER_DID] }),
  claimed('no audience', '401 BadJwt', { aud: undefined }),
  claimed('another method', '401 BadJwtLexiconMethod', { lxm: 'com.atproto.server.getSession' }),
  claimed('no method', '401 BadJwtLexiconMethod', { lxm: undefined }),
  claimed('any method', '401 BadJwtLexiconMethod', { lxm: '*' }),
  claimed('a method that only begins alike', '401 BadJwtLexiconMethod', { lxm: `${METHOD}s` }),
  claimed('the method in other letters', '401 BadJwtLexiconMethod', { lxm: METHOD.toLowerCase() }),
  claimed('a method that is a list', '401 BadJwt', { lxm: [METHOD] }),
  claimed('no issuer', '401 BadJwt', { iss: undefined }),
  claimed('an issuer that is no DID', '401 BadJwtIss', { iss: 'alice' }),
  claimed('an issuer of a method nobody resolves', '401 AuthenticationRequired', { iss: 'did:key:zQ3sh' }),
  claimed('an issuer the directory does not know', '401 AuthenticationRequired', {
    iss: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
  }),
  forged('a service of the issuer', '401 UntrustedIss', {
    claims: ({ alice }) => ({ iss: `${alice.did}#atproto_labeler` }),
  }),
  claimed('no expiry', '401 BadJwt', { exp: undefined }),
  claimed('an expiry that is text', '401 BadJwt', { exp: '9999999999' }),
  claimed('an expiry that is no number', '401 BadJwt', { exp: Number.NaN }),
  claimed('expired', '401 JwtExpired', { exp: seconds() - 60 }),
  claimed('an expiry next year', '401 BadJwt', { exp: seconds() + 31_536_000 }),
  claimed('not valid before tomorrow', '401 BadJwt', { nbf: seconds() + 86_400 }),
  claimed('issued tomorrow', '401 BadJwt', { iat: seconds() + 86_400 }),
  claimed('issued before the epoch', '401 BadJwt', { iat: -1 }),
  claimed('a nonce that is an object', '401 BadJwt', { jti: {} }),

  // A token that holds, by an issuer or for a method it does not hold for.
  {
    what: 'a stranger with a key and a DID of their own',
    right: '401 AuthenticationRequired',
    run: async (world) => {
      const key = strangersKey()
      const iss = world.server.directory.did([], key.didKey.slice('did:key:'.length))
      return upload(world, await serviceToken(world, { claims: () => ({ iss }), key: () => key }))
    },
  },
  {
    what: 'a DID document as large as a book',
    right: '401 AuthenticationRequired',
    run: async (world) => {
      const key = strangersKey()
      const filler = [{ id: '#x', type: 'X', serviceEndpoint: 'x'.repeat(2_000_000) }]
      const iss = world.server.directory.did(filler, key.didKey.slice('did:key:'.length))
      return upload(world, await serviceToken(world, { claims: () => ({ iss }), key: () => key }))
    },
  },
  elsewhere(
    'a token for uploads at a read of the session',
    '400 InvalidToken',
    'com.atproto.server.getSession',
    {},
  ),
  elsewhere('a token for uploads at an import', '400 InvalidToken', 'com.atproto.repo.importRepo', {
    bytes: new Uint8Array(1),
    type: 'application/vnd.ipld.car',
  }),
  elsewhere(
    'a token for uploads at a moderation method',
    '401 BadJwtLexiconMethod',
    'com.atproto.admin.getAccountInfo',
    {
      params: { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' },
    },
  ),
  elsewhere(
    'a token for uploads at a migration',
    '401 BadJwtLexiconMethod',
    'com.atproto.server.createAccount',
    {
      input: {
        did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
        handle: 'mine.pds.example.com',
        email: 'a@b.co',
        password: 'long enough',
      },
    },
  ),
  {
    what: 'a service token as a refresh token',
    right: '400 InvalidToken',
    run: async (world) =>
      outcome(
        await world.server.call('com.atproto.server.refreshSession', {
          method: 'POST',
          token: await serviceToken(world, {}),
        }),
      ),
  },
  {
    what: 'a hash of the server for its secret',
    right: '400 InvalidToken',
    run: (world) =>
      upload(world, sessionToken(world, { secret: createHash('sha256').update(SERVER_DID).digest('hex') })),
  },
]
