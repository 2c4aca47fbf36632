import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { failure, newHandle, startNetwork, type TestNetwork } from './network.ts'

describe.each([
  ['over HTTP', false],
  ['in process', true],
])('accounts and sessions %s', (_, inProcess) => {
  let net: TestNetwork
  beforeAll(async () => {
    net = await startNetwork({ inProcess })
  })
  afterAll(() => net[Symbol.asyncDispose]())

  const signIn = (identifier: string, password = 'correct horse') =>
    net.post('com.atproto.server.createSession', { input: { identifier, password } })

  test('describeServer names the handle domains and the limits', async () => {
    const { body, headers } = await net.get('com.atproto.server.describeServer')
    expect(body).toMatchObject({
      did: `did:web:localhost%3A${net.pds.port}`,
      availableUserDomains: ['.test'],
      inviteCodeRequired: false,
      limits: { blobBytes: 100_000_000 },
    })
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  test('a new account has a did:plc at the directory that points here', async () => {
    const handle = newHandle()
    const account = await net.account(handle)
    expect(account.handle).toBe(handle)
    const [genesis, ...later] = net.directory.log(account.did)
    expect(later).toEqual([])
    expect(genesis).toMatchObject({
      type: 'plc_operation',
      alsoKnownAs: [`at://${handle}`],
      services: { atproto_pds: { endpoint: `http://localhost:${net.pds.port}` } },
      prev: null,
    })
    const { body } = await net.get('com.atproto.server.getSession', { token: account.accessJwt })
    expect(body).toMatchObject({ did: account.did, handle, active: true, emailConfirmed: false })
    expect(body.didDoc).toMatchObject({ id: account.did, alsoKnownAs: [`at://${handle}`] })
  })

  test.each([
    ['unsupported domain', { handle: 'alice.example.com' }, '400 UnsupportedDomain'],
    ['reserved name', { handle: 'admin.test' }, '400 HandleNotAvailable'],
    ['short handle', { handle: 'ab.test' }, '400 InvalidHandle'],
    ['long handle', { handle: `${'a'.repeat(19)}.test` }, '400 InvalidHandle'],
    ['two labels', { handle: 'alice.smith.test' }, '400 InvalidHandle'],
    ['bad handle', { handle: 'a_b.test' }, '400 InvalidRequest'],
    ['bad email', { handle: 'someone.test', email: 'nobody' }, '400 InvalidRequest'],
    ['no password', { handle: 'someone.test', password: undefined }, '400 InvalidPassword'],
    ['long password', { handle: 'someone.test', password: 'x'.repeat(257) }, '400 InvalidPassword'],
  ])('createAccount refuses: %s', async (_name, change, expected) => {
    const input = { email: 'someone@example.com', password: 'secret word', ...change }
    expect(failure(await net.post('com.atproto.server.createAccount', { input }))).toBe(expected)
  })

  test('a handle is given once, also to two who ask at the same time', async () => {
    const handle = newHandle()
    const ask = (email: string) =>
      net.post('com.atproto.server.createAccount', { input: { handle, email, password: 'secret word' } })
    const answers = await Promise.all([ask(`a-${handle}@x.com`), ask(`b-${handle}@x.com`)])
    expect(answers.map(failure).toSorted()).toEqual(['200 ', '400 InvalidRequest'])
    const refused = answers.find(({ status }) => status === 400)!
    expect(refused.body.message).toBe(`Handle already taken: ${handle}`)
  })

  test('when the directory fails nothing of the account stays', async () => {
    const handle = newHandle()
    const input = { handle, email: `${handle}@x.com`, password: 'secret word' }
    net.directory.broken = true
    expect(failure(await net.post('com.atproto.server.createAccount', { input }))).toBe('502 UpstreamFailure')
    net.directory.broken = false
    expect((await net.post('com.atproto.server.createAccount', { input })).status).toBe(200)
  })

  test('an identity whose account cannot be stored is ended again', async () => {
    const before = new Set(net.directory.dids())
    const email = `${newHandle()}@example.com`
    const ask = () =>
      net.post('com.atproto.server.createAccount', {
        input: { handle: newHandle(), email, password: 'secret word' },
      })
    // Both find the address free; one of them finds it taken when its account is stored.
    const answers = await Promise.all([ask(), ask()])
    expect(answers.map(failure).toSorted()).toEqual(['200 ', '400 InvalidRequest'])
    const made = answers.find(({ status }) => status === 200)!.body.did as string
    const others = net.directory.dids().filter((did) => !before.has(did) && did !== made)
    expect(others.map((did) => net.directory.log(did).map(({ type }) => type))).toEqual(
      others.map(() => ['plc_operation', 'plc_tombstone']),
    )
  })

  test('signing in by handle, email address and DID', async () => {
    const { did, handle } = await net.account()
    for (const identifier of [handle, handle.toUpperCase(), `${handle.split('.')[0]}@example.com`, did]) {
      const { status, body } = await signIn(identifier)
      expect([status, body.did]).toEqual([200, did])
    }
    expect(failure(await signIn(handle, 'wrong'))).toBe('401 AuthenticationRequired')
    expect(failure(await signIn('nobody.test', 'wrong'))).toBe('401 AuthenticationRequired')
  })

  test('getSession refuses what is not an access token', async () => {
    const { refreshJwt, accessJwt } = await net.account()
    const ask = (headers: Record<string, string>) => net.get('com.atproto.server.getSession', { headers })
    expect(failure(await ask({}))).toBe('401 AuthMissing')
    expect(failure(await ask({ authorization: 'Bearer garbage' }))).toBe('400 InvalidToken')
    expect(failure(await ask({ authorization: 'Basic YTpi' }))).toBe('400 InvalidToken')
    expect(failure(await ask({ authorization: `Bearer ${refreshJwt}` }))).toBe('400 InvalidToken')
    const [head, payload] = accessJwt.split('.')
    const unsigned = `${Buffer.from('{"typ":"at+jwt","alg":"none"}').toString('base64url')}.${payload}.`
    expect(failure(await ask({ authorization: `Bearer ${unsigned}` }))).toBe('400 InvalidToken')
    expect(failure(await ask({ authorization: `Bearer ${head}.${payload}.AAAA` }))).toBe('400 InvalidToken')
  })

  test('a refresh token gives one successor, however often it is used within the grace period', async () => {
    const { refreshJwt, accessJwt, did } = await net.account()
    const refresh = (token: string) => net.post('com.atproto.server.refreshSession', { token })
    const jti = (token: string): string =>
      JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()).jti as string
    const answers = await Promise.all([refresh(refreshJwt), refresh(refreshJwt), refresh(refreshJwt)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(answers.map(({ body }) => jti(body.refreshJwt))).size).toBe(1)
    expect(answers[0]!.body.did).toBe(did)
    expect(failure(await refresh(accessJwt))).toBe('400 InvalidToken')
    const next = answers[0]!.body
    expect((await net.get('com.atproto.server.getSession', { token: next.accessJwt })).status).toBe(200)
    expect((await net.post('com.atproto.server.deleteSession', { token: next.refreshJwt })).status).toBe(200)
    expect(failure(await refresh(next.refreshJwt))).toBe('400 ExpiredToken')
    expect(failure(await refresh(refreshJwt))).toBe('400 ExpiredToken')
  })
})

test('sessions, accounts and keys outlive a restart', async () => {
  await using net = await startNetwork({ config: { serviceDid: 'did:web:pds.example.com' } })
  const { accessJwt, refreshJwt, handle } = await net.account()
  await net.restart()
  const session = await net.get('com.atproto.server.getSession', { token: accessJwt })
  expect(session.body).toMatchObject({ handle, active: true })
  expect((await net.post('com.atproto.server.refreshSession', { token: refreshJwt })).status).toBe(200)
})
