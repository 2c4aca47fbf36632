// Two servers behind one name that share a Redis: a proof of an app is good for one call to either of them.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'

import { hasRedis, startRedis, type TestRedis } from '@avocet/testing/redis'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startNetwork, type TestNetwork } from './network.ts'

const publicUrl = 'http://localhost:2583'
/** A request that nobody pushed before. */
const form = (): string =>
  new URLSearchParams({
    client_id: 'http://localhost',
    response_type: 'code',
    redirect_uri: 'http://127.0.0.1/',
    scope: 'atproto',
    state: 'state',
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
const keys = await generateKeyPair('ES256')
const jwk = await exportJWK(keys.publicKey)

/** A proof for the endpoint of pushed requests. */
const prove = (nonce: string): Promise<string> =>
  new SignJWT({ jti: randomBytes(8).toString('hex'), htm: 'POST', htu: `${publicUrl}/oauth/par`, nonce })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(keys.privateKey)

async function push(net: TestNetwork, dpop: string): Promise<{ said: string; nonce: string }> {
  const sent = request({
    host: '127.0.0.1',
    port: net.pds.port,
    path: '/oauth/par',
    method: 'POST',
    headers: { host: 'localhost:2583', 'content-type': 'application/x-www-form-urlencoded', dpop },
  })
  sent.end(form())
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const { error, error_description: why } = (await json(answer)) as Record<string, string>
  const said = error === undefined ? String(answer.statusCode) : `${answer.statusCode} ${error}: ${why}`
  return { said, nonce: answer.headers['dpop-nonce'] as string }
}

const USED = '400 invalid_dpop_proof: DPoP proof was used before'

describe.skipIf(!hasRedis)('a proof that was used at one server', () => {
  let redis: TestRedis
  let one: TestNetwork
  let two: TestNetwork
  beforeAll(async () => {
    redis = await startRedis()
    const config = {
      publicUrl,
      jwtSecret: 'a secret of some length',
      rateLimitsEnabled: true,
      redisUrl: redis.url,
    }
    one = await startNetwork({ config })
    two = await startNetwork({ config })
  })
  afterAll(async () => {
    await two[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    await redis[Symbol.asyncDispose]()
  })

  test('is refused at both, while Redis is there and while it is away', async () => {
    const { nonce } = await push(one, await prove('none'))
    const [first, second] = [await prove(nonce), await prove(nonce)]
    expect((await push(one, first)).said).toBe('201')
    expect((await push(two, first)).said).toBe(USED)
    expect((await push(one, first)).said).toBe(USED)
    await redis[Symbol.asyncDispose]()
    // Nobody is shut out; each process knows what was used there.
    expect((await push(one, second)).said).toBe('201')
    expect((await push(one, second)).said).toBe(USED)
    expect((await push(two, first)).said).toBe(USED)
  })
})
