import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { failure, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { echo, startService, type StubService } from './stub-service.ts'

const IDS = ['bsky_appview', 'bsky_notif', 'bsky_chat', 'atproto_labeler', 'bsky_fg']

let net: TestNetwork
let view: StubService
let other: StubService
let alice: TestAccount

/** The account's key as its directory has it. */
const keyOf = (did: string): string | undefined => {
  const operation = net.directory.log(did).at(-1) as unknown as
    | { verificationMethods: Record<string, string> }
    | undefined
  return operation?.verificationMethods['atproto']
}

beforeAll(async () => {
  // The configured AppView has no document that names it: whoever resolves it finds nothing.
  view = await startService([], keyOf)
  other = await startService(IDS, keyOf, {
    metadata: 'http://169.254.169.254',
    private: 'https://10.0.0.1',
    file: 'file:///etc/passwd',
  })
  net = await startNetwork({
    config: {
      appView: { url: view.url, did: view.did },
      modService: { url: view.url, did: 'did:web:mod.example.com' },
      reportService: { url: view.url, did: 'did:web:reports.example.com' },
    },
  })
  alice = await net.account()
})
afterEach(() => {
  view.answer = echo
  other.answer = echo
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  await view[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

const session = async (privileged: boolean): Promise<string> => {
  const input = { name: `app-${String(privileged)}-${Math.random()}`, privileged }
  const made = await net.post('com.atproto.server.createAppPassword', { token: alice.accessJwt, input })
  const signIn = { identifier: alice.did, password: made.body.password as string }
  return (await net.post('com.atproto.server.createSession', { input: signIn })).body.accessJwt as string
}

describe('a service that the client names in atproto-proxy', () => {
  const ask = (proxy: string, nsid = 'app.bsky.feed.getTimeline', token: string | null = alice.accessJwt) =>
    net.get(nsid, { ...(token === null ? {} : { token }), headers: { 'atproto-proxy': proxy } })

  test.each(IDS)('#%s is found in its document and gets the request, with a token for it', async (id) => {
    const answer = await ask(`${other.did}#${id}`, 'com.example.service.ask')
    expect([answer.status, answer.body]).toEqual([200, { echo: 'com.example.service.ask' }])
    expect(other.seen.at(-1)).toMatchObject({
      method: 'GET',
      nsid: 'com.example.service.ask',
      token: { iss: alice.did, aud: other.did, lxm: 'com.example.service.ask', signed: true },
    })
    const { lasts } = other.seen.at(-1)!.token!
    expect(lasts).toBeGreaterThan(50)
    expect(lasts).toBeLessThanOrEqual(60)
  })

  test('a procedure goes there with its body', async () => {
    const input = { convoId: 'abc', message: { text: 'hello' } }
    const answer = await net.post('chat.bsky.convo.sendMessage', {
      token: alice.accessJwt,
      input,
      headers: { 'atproto-proxy': `${other.did}#bsky_chat` },
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(other.seen.at(-1)!.body.toString())).toEqual(input)
    expect(other.seen.at(-1)!.token).toMatchObject({ aud: other.did, lxm: 'chat.bsky.convo.sendMessage' })
  })

  test('the configured services need no document', async () => {
    for (const proxy of [
      `${view.did}#bsky_appview`,
      'did:web:mod.example.com#atproto_labeler',
      'did:web:reports.example.com#atproto_labeler',
    ]) {
      expect((await ask(proxy)).status).toBe(200)
      expect(view.seen.at(-1)!.token).toMatchObject({ aud: proxy.split('#')[0], signed: true })
    }
    // Another of its services is not what was configured.
    expect(failure(await ask(`${view.did}#bsky_notif`))).toBe('400 InvalidRequest')
  })

  test.each([
    ['nonsense', 'no service id specified in proxy header'],
    ['#bsky_appview', 'no did specified in proxy header'],
    ['did:web:localhost#', 'no service id specified in proxy header'],
    ['did:web:localhost#a#b', 'invalid proxy header format'],
    ['did:web:local host#a', 'proxy header cannot contain spaces'],
    ['not-a-did#bsky_appview', 'invalid did in proxy header'],
    ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa#bsky_appview', 'could not resolve proxy did'],
  ])('%s is refused', async (proxy, message) => {
    const before = other.seen.length + view.seen.length
    const answer = await ask(proxy)
    expect([answer.status, answer.body]).toEqual([400, { error: 'InvalidRequest', message }])
    expect(other.seen.length + view.seen.length).toBe(before)
  })

  test('a fragment that the document does not have is refused', async () => {
    for (const id of ['nothing', 'file', '__proto__']) {
      expect((await ask(`${other.did}#${id}`)).body).toEqual({
        error: 'InvalidRequest',
        message: 'could not resolve proxy did service url',
      })
    }
  })

  test('an address that is not public is out of reach', async () => {
    for (const id of ['metadata', 'private']) {
      expect((await ask(`${other.did}#${id}`)).body).toEqual({
        error: 'UpstreamFailure',
        message: 'Upstream service unreachable',
      })
    }
  })

  test('a redirect is not followed', async () => {
    other.answer = () => ({
      status: 302,
      headers: { location: `${view.url}/xrpc/app.bsky.feed.getTimeline` },
    })
    const before = view.seen.length
    expect(failure(await ask(`${other.did}#bsky_appview`))).toBe('502 UpstreamFailure')
    expect(view.seen.length).toBe(before)
  })

  test('nobody is asked, nor resolved, for a stranger', async () => {
    const before = other.seen.length
    expect(failure(await ask(`${other.did}#bsky_appview`, 'app.bsky.feed.getTimeline', null))).toBe(
      '401 AuthMissing',
    )
    expect(other.seen.length).toBe(before)
  })
})

describe('what goes to a service', () => {
  test('everything that is not this server’s own goes to the AppView', async () => {
    for (const nsid of [
      'chat.bsky.convo.listConvos',
      'com.atproto.label.queryLabels',
      'com.atproto.unspecced.something',
      'com.example.calendar.list',
    ]) {
      const answer = await net.get(nsid, { token: alice.accessJwt })
      expect([answer.status, answer.body]).toEqual([200, { echo: nsid }])
      expect(view.seen.at(-1)!.token).toMatchObject({ aud: view.did, lxm: nsid, signed: true })
    }
  })

  test('moderation goes to the moderation service, reports to the report service', async () => {
    await net.get('tools.ozone.team.listMembers', { token: alice.accessJwt })
    expect(view.seen.at(-1)!.token).toMatchObject({ aud: 'did:web:mod.example.com' })
    await net.post('com.atproto.moderation.createReport', { token: alice.accessJwt, input: {} })
    expect(view.seen.at(-1)!.token).toMatchObject({ aud: 'did:web:reports.example.com' })
  })

  test('without an AppView there is nobody to ask', async () => {
    await using alone = await startNetwork()
    const answer = await alone.get('com.example.calendar.list')
    expect(answer.body).toEqual({
      error: 'InvalidRequest',
      message: 'No service configured for com.example.calendar.list',
    })
  })

  test('x-atproto-* headers go along, the client’s secrets do not', async () => {
    await net.get('app.bsky.feed.getTimeline', {
      token: alice.accessJwt,
      headers: {
        'x-atproto-bsky-topics': 'cats',
        'x-atproto-later': 'yes',
        'x-bsky-topics': 'dogs',
        'accept-language': 'de',
        'atproto-accept-labelers': 'did:plc:x',
        cookie: 'secret=1',
        'x-forwarded-for': '198.51.100.7',
      },
    })
    const { headers } = view.seen.at(-1)!
    expect(headers).toMatchObject({
      'x-atproto-bsky-topics': 'cats',
      'x-atproto-later': 'yes',
      'x-bsky-topics': 'dogs',
      'accept-language': 'de',
      'atproto-accept-labelers': 'did:plc:x',
    })
    expect(headers).not.toHaveProperty('cookie')
    expect(headers).not.toHaveProperty('x-forwarded-for')
  })

  test('methods of one’s own account are not handed on, however they are spelt', async () => {
    const before = view.seen.length
    for (const nsid of ['com.atproto.server.GETSESSION', 'com.atproto.identity.signplcoperation']) {
      const answer = await net.post(nsid, { token: alice.accessJwt, input: {} })
      expect(answer.body).toEqual({ error: 'InvalidToken', message: 'Bad token method' })
    }
    expect(view.seen.length).toBe(before)
  })

  test('only GET, HEAD and POST are handed on', async () => {
    const url = `${net.pds.url}/xrpc/com.example.calendar.list`
    const headers = { authorization: `Bearer ${alice.accessJwt}` }
    const response = await fetch(url, { method: 'PUT', headers })
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      400,
      'InvalidRequest',
    ])
  })

  test('direct messages need the account’s password or a privileged app password', async () => {
    const nsid = 'chat.bsky.convo.listConvos'
    expect((await net.get(nsid, { token: await session(true) })).status).toBe(200)
    expect(failure(await net.get(nsid, { token: await session(false) }))).toBe('400 InvalidToken')
    expect((await net.get('app.bsky.feed.getTimeline', { token: await session(false) })).status).toBe(200)
  })

  test('a deactivated account still reaches services', async () => {
    const moved = await net.account()
    await net.post('com.atproto.server.deactivateAccount', { token: moved.accessJwt, input: {} })
    expect((await net.get('app.bsky.feed.getTimeline', { token: moved.accessJwt })).status).toBe(200)
  })
})

describe('what comes back from a service', () => {
  const ask = () => net.get('com.example.calendar.list', { token: alice.accessJwt })

  test('a refusal keeps its status, name and message, and says when to try again', async () => {
    view.answer = () => ({
      status: 429,
      headers: { 'retry-after': '7', 'atproto-repo-rev': '3jzfcijpj2z2a', 'x-secret': '1' },
      body: { error: 'SlowDown', message: 'Not so fast', more: 'left out' },
    })
    const answer = await ask()
    expect([answer.status, answer.body]).toEqual([429, { error: 'SlowDown', message: 'Not so fast' }])
    expect(answer.headers.get('retry-after')).toBe('7')
    expect(answer.headers.get('atproto-repo-rev')).toBe('3jzfcijpj2z2a')
    expect(answer.headers.has('x-secret')).toBe(false)
  })

  test('its own failure is a 502 here', async () => {
    view.answer = () => ({ status: 500, body: { error: 'InternalServerError', message: 'Oh' } })
    const answer = await ask()
    expect([answer.status, answer.body]).toEqual([502, { error: 'InternalServerError', message: 'Oh' }])
    view.answer = () => ({ status: 503, body: { error: 'NotEnoughResources', message: 'Full' } })
    expect(failure(await ask())).toBe('503 NotEnoughResources')
  })

  test.each([
    [500, '502 UpstreamFailure'],
    [404, '404 XRPCNotSupported'],
    [403, '403 Forbidden'],
    [418, '418 InvalidRequest'],
  ])('a page with status %d is not handed on', async (status, expected) => {
    view.answer = () => ({ status, headers: { 'content-type': 'text/html' }, body: '<script>x</script>' })
    const answer = await ask()
    expect(failure(answer)).toBe(expected)
    expect(Buffer.from(answer.bytes).toString()).not.toContain('script')
  })

  test('a refusal without end is cut short', async () => {
    view.answer = () => ({
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: `{"error":"Long","message":"${'x'.repeat(300_000)}"}`,
    })
    const answer = await ask()
    expect(failure(answer)).toBe('400 InvalidRequest')
    expect(answer.bytes.length).toBeLessThan(1000)
  })

  test('an answer is for the caller alone', async () => {
    view.answer = () => ({
      headers: { 'cache-control': 'public, max-age=600', etag: '"1"', 'ratelimit-limit': '5' },
      body: {},
    })
    const { headers } = await ask()
    expect(headers.get('cache-control')).toBe('private')
    expect(headers.get('vary')?.toLowerCase()).toContain('authorization')
    expect(headers.get('etag')).toBe(null)
  })
})

describe('push notifications', () => {
  const register = (
    serviceDid: string,
    method = 'registerPush',
    token: string | undefined = alice.accessJwt,
  ) =>
    net.post(`app.bsky.notification.${method}`, {
      ...(token === undefined ? {} : { token }),
      input: { serviceDid, token: 'device', platform: 'ios', appId: 'app.example' },
    })

  test.each(['registerPush', 'unregisterPush'])('%s goes to the service it names', async (method) => {
    expect((await register(other.did, method)).status).toBe(200)
    expect(other.seen.at(-1)).toMatchObject({
      nsid: `app.bsky.notification.${method}`,
      method: 'POST',
      token: { iss: alice.did, aud: other.did, lxm: `app.bsky.notification.${method}`, signed: true },
    })
    expect(JSON.parse(other.seen.at(-1)!.body.toString())).toEqual({
      serviceDid: other.did,
      token: 'device',
      platform: 'ios',
      appId: 'app.example',
    })
    expect((await register(view.did, method)).status).toBe(200)
    expect(view.seen.at(-1)!.token).toMatchObject({ aud: view.did })
  })

  test('a service that cannot be found, or is none, is refused', async () => {
    expect((await register('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa')).body).toMatchObject({
      error: 'InvalidRequest',
      message: 'could not resolve did document: did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    })
    expect((await register(alice.did)).body).toMatchObject({
      error: 'InvalidRequest',
      message: `invalid notification service details in did document: ${alice.did}`,
    })
    expect(failure(await register('nonsense'))).toBe('400 InvalidRequest')
    const input = { serviceDid: other.did, token: 'device', platform: 'ios', appId: 'app.example' }
    expect(failure(await net.post('app.bsky.notification.registerPush', { input }))).toBe('401 AuthMissing')
  })
})
