import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { verifyServiceJwt } from '@avocet/service-auth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { signingKeyOf } from './firehose.ts'
import { failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** An AppView that answers what it saw. */
let view: Server
let viewUrl: string
const seen: Seen[] = []
let net: TestNetwork
let alice: TestAccount

beforeAll(async () => {
  view = createServer((request, response) => {
    void (async () => {
      const { method = '', url = '', headers } = request
      seen.push({ method, url, headers, body: await text(request) })
      if (url.includes('moved')) {
        response.writeHead(302, { location: 'http://127.0.0.1/elsewhere' }).end()
        return
      }
      if (url.includes('large')) {
        response.writeHead(200, { 'content-type': 'application/octet-stream' })
        const chunk = Buffer.alloc(1024 * 1024)
        for (let i = 0; i < 12 && !response.destroyed; i++) response.write(chunk)
        response.end()
        return
      }
      response.writeHead(url.includes('refused') ? 418 : 200, {
        'content-type': 'application/json',
        'atproto-repo-rev': '3jzfcijpj2z2a',
        'set-cookie': 'a=b',
        'x-powered-by': 'tests',
      })
      response.end(JSON.stringify({ ok: true }))
    })()
  })
  view.listen(0, '127.0.0.1')
  await once(view, 'listening')
  viewUrl = `http://127.0.0.1:${(view.address() as AddressInfo).port}`
  net = await startNetwork({ config: { appView: { url: viewUrl, did: 'did:web:view.example.com' } } })
  alice = await net.account()
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  view.closeAllConnections()
  view.close()
})

describe('service proxying', () => {
  test('a method of the AppView is asked there, in the name of the caller', async () => {
    const answer = await net.get('app.bsky.feed.getTimeline', {
      token: alice.accessJwt,
      params: { limit: 5 },
      headers: { 'accept-language': 'de', 'atproto-accept-labelers': 'did:plc:x', cookie: 'secret=1' },
    })
    expect([answer.status, answer.body]).toEqual([200, { ok: true }])
    expect(answer.headers.get('atproto-repo-rev')).toBe('3jzfcijpj2z2a')
    expect([answer.headers.get('set-cookie'), answer.headers.get('x-powered-by')]).toEqual([null, null])
    const { url, headers } = seen.at(-1)!
    expect(url).toBe('/xrpc/app.bsky.feed.getTimeline?limit=5')
    expect(headers).toMatchObject({ 'accept-language': 'de', 'atproto-accept-labelers': 'did:plc:x' })
    expect(headers).not.toHaveProperty('cookie')
    const verified = await verifyServiceJwt(headers.authorization!.replace('Bearer ', ''), {
      audience: 'did:web:view.example.com',
      lxm: 'app.bsky.feed.getTimeline',
      resolveKey: (did) => signingKeyOf(net.directory.log(did)),
    })
    expect(verified).toMatchObject({ ok: true, value: { did: alice.did } })
    if (verified.ok) expect(verified.value.exp - verified.value.iat!).toBe(60)
  })

  test('a procedure goes with its body, an error comes back as it is', async () => {
    const input = { seenAt: '2026-01-01T00:00:00.000Z' }
    await net.post('app.bsky.notification.updateSeen', { token: alice.accessJwt, input })
    expect(JSON.parse(seen.at(-1)!.body)).toEqual(input)
    expect((await net.get('app.bsky.refused.method', { token: alice.accessJwt })).status).toBe(418)
  })

  test('without a session, or a service, nothing is forwarded', async () => {
    const before = seen.length
    expect(failure(await net.get('app.bsky.feed.getTimeline'))).toBe('401 AuthMissing')
    expect(failure(await net.get('tools.ozone.team.listMembers', { token: alice.accessJwt }))).toBe(
      '400 InvalidRequest',
    )
    expect(seen.length).toBe(before)
  })

  test('methods of one’s own account are not handed out', async () => {
    const token = (lxm: string, exp?: number) =>
      net.get('com.atproto.server.getServiceAuth', {
        token: alice.accessJwt,
        params: { aud: 'did:web:view.example.com', lxm, ...(exp === undefined ? {} : { exp }) },
      })
    const now = Math.floor(Date.now() / 1000)
    expect((await token('app.bsky.feed.getTimeline', now + 300)).status).toBe(200)
    expect(failure(await token('app.bsky.feed.getTimeline', now - 10))).toBe('400 BadExpiration')
    expect(failure(await token('app.bsky.feed.getTimeline', now + 7200))).toBe('400 BadExpiration')
    expect(failure(await token('com.atproto.server.getSession'))).toBe('400 InvalidRequest')
  })

  test('chat needs the account’s password or a privileged app password', async () => {
    const session = async (privileged: boolean) => {
      const input = { name: `p-${String(privileged)}`, privileged }
      const made = await net.post('com.atproto.server.createAppPassword', { token: alice.accessJwt, input })
      const signIn = { identifier: alice.did, password: made.body.password }
      return (await net.post('com.atproto.server.createSession', { input: signIn })).body.accessJwt as string
    }
    const lxm = 'chat.bsky.convo.listConvos'
    const ask = (token: string) =>
      net.get('com.atproto.server.getServiceAuth', {
        token,
        params: { aud: 'did:web:chat.example.com', lxm },
      })
    expect((await ask(await session(true))).status).toBe(200)
    expect(failure(await ask(await session(false)))).toBe('400 InvalidRequest')
  })

  test('redirects are not followed, too much is cut off', async () => {
    expect(failure(await net.get('app.bsky.moved.method', { token: alice.accessJwt }))).toBe(
      '502 UpstreamFailure',
    )
    await expect(net.get('app.bsky.large.method', { token: alice.accessJwt })).rejects.toThrow('terminated')
  })
})

test('outside a development network private addresses are out of reach', async () => {
  await using open = await startNetwork({
    config: {
      devMode: false,
      rateLimitsEnabled: false,
      appView: { url: viewUrl, did: 'did:web:view.example.com' },
    },
  })
  const account = await open.account()
  const before = seen.length
  const answer = await open.get('app.bsky.feed.getTimeline', { token: account.accessJwt })
  expect(failure(answer)).toBe('502 UpstreamFailure')
  expect(seen.length).toBe(before)
})

describe('rate limits', () => {
  test('sign-ins are counted by account and address, and the policy is told', async () => {
    await using limited = await startNetwork({
      config: { rateLimitsEnabled: true, rateLimitBypassKey: 'let me' },
    })
    const ask = (headers: Record<string, string> = {}) =>
      limited.post('com.atproto.server.createSession', {
        input: { identifier: 'nobody.test', password: 'wrong' },
        headers,
      })
    const first = await ask()
    expect(first.status).toBe(401)
    expect(first.headers.get('ratelimit-limit')).toBe('30')
    for (let i = 0; i < 29; i++) expect((await ask()).status).toBe(401)
    const refused = await ask()
    expect(failure(refused)).toBe('429 RateLimitExceeded')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await ask({ 'x-ratelimit-bypass': 'let me' })).status).toBe(401)
  })

  test('callers behind a front server are counted one by one', async () => {
    await using limited = await startNetwork({ config: { rateLimitsEnabled: true } })
    const remaining = async (from: string): Promise<number> => {
      const headers = { 'x-forwarded-for': from }
      const answer = await limited.get('com.atproto.server.describeServer', { headers })
      return Number(answer.headers.get('ratelimit-remaining'))
    }
    expect(await remaining('198.51.100.1')).toBe(2999)
    expect(await remaining('198.51.100.1')).toBe(2998)
    expect(await remaining('198.51.100.2')).toBe(2999)
  })

  test('writes cost points', async () => {
    await using limited = await startNetwork({ config: { rateLimitsEnabled: true } })
    const account = await limited.account()
    const write = (count: number) =>
      limited.post('com.atproto.repo.applyWrites', {
        token: account.accessJwt,
        input: {
          repo: account.did,
          writes: Array.from({ length: count }, () => ({
            $type: 'com.atproto.repo.applyWrites#create',
            collection: 'com.example.points',
            value: {},
          })),
        },
      })
    for (let i = 0; i < 8; i++) expect((await write(200)).status).toBe(200)
    expect((await write(66)).status).toBe(200)
    expect(failure(await write(1))).toBe('429 RateLimitExceeded')
  })
})
