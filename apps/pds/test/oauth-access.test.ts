// What apps may do with what they were granted, over sockets.
import { createCatalog } from '@avocet/lexicon'
import { createScopeSet } from '@avocet/oauth-scopes'
import type { Did } from '@avocet/syntax'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { Credentials, PdsEmbedding } from '../src/app.ts'
import { createKeptScopes } from '../src/auth/kept-scopes.ts'
import { SILENT } from '../src/logger.ts'
import {
  failure,
  newHandle,
  post,
  startNetwork,
  type Answer,
  type CallOptions,
  type TestAccount,
  type TestNetwork,
} from './network.ts'
import { appCalls, createTestApps, type TestApp } from './oauth-apps.ts'
import { echo, startService, type StubService } from './stub-service.ts'

const SESSION = 'com.atproto.server.getSession'
const POST = 'app.bsky.feed.post'
const GENERIC = 'atproto transition:generic'

const apps = createTestApps()
const lines: Record<string, unknown>[] = []
let net: TestNetwork
let account: TestAccount
let app: TestApp
let view: StubService
let other: StubService

beforeAll(async () => {
  view = await startService([])
  other = await startService(['svc', 'bsky_notif'])
  net = await startNetwork({
    config: {
      appView: { url: view.url, did: view.did },
      auth: { appTokens: apps.appTokens },
      requestLog: true,
    },
    log: { ...SILENT, info: (line, message) => message === 'request' && lines.push(line as never) },
  })
  apps.serve(net)
  account = await net.account()
})
beforeEach(async () => {
  app = await apps.signIn(account.did, GENERIC)
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

const { get, send, refused, refusal } = appCalls(() => net, apps)
const create = (by: TestApp, collection = POST): Promise<Answer> =>
  send(by, 'com.atproto.repo.createRecord', {
    input: { repo: account.did, collection, record: { ...post('x'), $type: collection } },
  })

describe('what an app may do', () => {
  test('is written in the log, with who it is', async () => {
    lines.length = 0
    await get(app, SESSION)
    expect(lines).toMatchObject([{ caller: 'app', did: account.did, client: app.clientId, nsid: SESSION }])
    const handles = await apps.signIn(account.did, 'atproto identity:handle')
    const changed = await send(handles, 'com.atproto.identity.updateHandle', {
      input: { handle: newHandle() },
    })
    expect(changed.status).toBe(200)
    const authorization = `Basic ${Buffer.from('admin:operator-password').toString('base64')}`
    const { entries } = (await (
      await fetch(`${net.pds.url}/audit`, { headers: { authorization } })
    ).json()) as {
      entries: object[]
    }
    expect(entries[0]).toMatchObject({ action: 'handle changed', actor: 'app', did: account.did })
  })

  test('is what it was granted for each write, and a batch goes in whole or not at all', async () => {
    const creator = await apps.signIn(account.did, `atproto repo:${POST}?action=create`)
    const count = async (): Promise<number> =>
      (await net.get('com.atproto.server.checkAccountStatus', { token: account.accessJwt })).body
        .indexedRecords
    expect((await create(creator)).status).toBe(200)
    expect(failure(await create(creator, 'app.bsky.feed.like'))).toBe('403 ScopeMissingError')
    const before = await count()
    const put = { repo: account.did, collection: POST, rkey: '3kaaaaaaaaa22', record: post('x') }
    const answer = await send(creator, 'com.atproto.repo.putRecord', { input: put })
    expect([failure(answer), answer.body.message, answer.headers.get('www-authenticate')]).toEqual([
      '403 ScopeMissingError',
      `Missing required scope "repo:${POST}?action=update"`,
      null,
    ])
    const writes = Array.from({ length: 200 }, (_, i) => ({
      $type: 'com.atproto.repo.applyWrites#create',
      collection: i === 199 ? 'app.bsky.feed.like' : POST,
      value: post(`${i}`),
    }))
    const batch = (some: readonly object[]) =>
      send(creator, 'com.atproto.repo.applyWrites', { input: { repo: account.did, writes: some } })
    expect(failure(await batch(writes))).toBe('403 ScopeMissingError')
    expect(await count()).toBe(before)
    expect((await batch(writes.slice(0, 2))).status).toBe(200)
  })

  test('is to write to the repository of its account alone', async () => {
    const somebody = await net.account()
    const input = { repo: somebody.did, collection: POST, record: post('x') }
    expect(failure(await send(app, 'com.atproto.repo.createRecord', { input }))).toBe('403 AccountNotFound')
  })

  test('to upload goes by the type, that of the bytes too', async () => {
    const images = await apps.signIn(account.did, 'atproto blob:image/*')
    const upload = (text: string, type: string) =>
      send(images, 'com.atproto.repo.uploadBlob', {
        bytes: new Uint8Array(Buffer.from(text, 'latin1')),
        type,
      })
    expect(failure(await upload('hello', 'text/html'))).toBe('403 ScopeMissingError')
    expect(failure(await upload('%PDF-1.7 and so on', 'image/png'))).toBe('403 ScopeMissingError')
    expect(failure(await upload('<!doctype html><script>1</script>', 'image/png'))).toBe(
      '403 ScopeMissingError',
    )
    // Bytes that tell nothing are what their sender says.
    const unknown = await upload('some bytes', 'image/png')
    expect([unknown.status, unknown.body.blob.mimeType]).toEqual([200, 'image/png'])
  })

  test('with its account’s address is to see it', async () => {
    const bare = await apps.signIn(account.did, GENERIC)
    const reader = await apps.signIn(account.did, 'atproto transition:email')
    const fields = async (by: TestApp): Promise<string[]> =>
      Object.keys((await get(by, SESSION)).body)
        .filter((key) => key.startsWith('email'))
        .toSorted()
    expect(await fields(bare)).toEqual([])
    expect(await fields(reader)).toEqual(['email', 'emailAuthFactor', 'emailConfirmed'])
  })

  test('with preferences is all but what the password alone sees', async () => {
    const personal = { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '1990-01-01T00:00:00Z' }
    const adult = { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }
    const put = 'app.bsky.actor.putPreferences'
    const token = account.accessJwt
    expect((await net.post(put, { token, input: { preferences: [personal, adult] } })).status).toBe(200)
    const seen = (await get(app, 'app.bsky.actor.getPreferences')).body.preferences as { $type: string }[]
    expect(seen.map(({ $type }) => $type)).toEqual([
      'app.bsky.actor.defs#adultContentPref',
      'app.bsky.actor.defs#declaredAgePref',
    ])
    expect(failure(await send(app, put, { input: { preferences: [personal] } }))).toBe('400 InvalidRequest')
  })

  test('to read a repository that is turned off is to be its owner’s', async () => {
    const own = await net.account()
    const theirs = await apps.signIn(own.did, 'atproto')
    await net.pds.accounts.deactivate(own.did as Did, null)
    const nsid = 'com.atproto.sync.getLatestCommit'
    const params = { did: own.did }
    expect((await get(theirs, nsid, { params })).status).toBe(200)
    expect(failure(await get(app, nsid, { params }))).toBe('400 RepoDeactivated')
    // Whose proof lacks the nonce asks again, instead of being taken for a stranger.
    expect(refused(await get(theirs, nsid, { params, claims: { nonce: 'old' } }))).toEqual(
      refusal('use_dpop_nonce'),
    )
    expect(failure(await get(theirs, nsid, { params, claims: { htm: 'POST' } }))).toBe('400 RepoDeactivated')
  })
})

describe('a token for another service', () => {
  const ask = (by: TestApp, params: Record<string, string | number>) =>
    get(by, 'com.atproto.server.getServiceAuth', { params })
  const inHours = (hours: number): number => Math.floor(Date.now() / 1000) + hours * 3600

  test('is for a method at an audience that were granted, and for no more', async () => {
    const one = await apps.signIn(
      account.did,
      `atproto rpc:com.example.get?aud=${encodeURIComponent(`${other.did}#svc`)}`,
    )
    const aud = `${other.did}#svc`
    expect((await ask(one, { aud, lxm: 'com.example.get' })).status).toBe(200)
    for (const params of [
      { aud, lxm: 'com.example.put' },
      { aud: `${other.did}#else`, lxm: 'com.example.get' },
      // A bare DID is any of its services.
      { aud: other.did, lxm: 'com.example.get' },
      { aud: 'did:web:elsewhere.example.com#svc', lxm: 'com.example.get' },
    ]) {
      expect([params, failure(await ask(one, params))]).toEqual([params, '403 ScopeMissingError'])
    }
    expect((await ask(app, { aud: other.did, lxm: 'com.example.get' })).status).toBe(200)
    expect(failure(await ask(app, { aud: other.did, lxm: 'chat.bsky.convo.getLog' }))).toBe(
      '403 ScopeMissingError',
    )
  })

  test('names its method, lives an hour at most, and is for no method of accounts', async () => {
    const all = await apps.signIn(
      account.did,
      `${GENERIC} transition:chat.bsky rpc:*?aud=${encodeURIComponent(`${other.did}#svc`)}`,
    )
    const aud = `${other.did}#svc`
    for (const [params, wanted] of [
      [{ aud }, '400 InvalidRequest'],
      [{ aud: 'nobody', lxm: 'com.example.get' }, '400 InvalidRequest'],
      [{ aud, lxm: 'com.example.get', exp: inHours(2) }, '400 BadExpiration'],
      [{ aud, lxm: 'com.atproto.server.createAccount' }, '403 Forbidden'],
      [{ aud, lxm: 'com.atproto.server.getSession' }, '403 Forbidden'],
      [{ aud, lxm: 'COM.ATPROTO.ADMIN.deleteAccount' }, '403 Forbidden'],
      [{ aud, lxm: 'com.atproto.identity.updateHandle' }, '400 InvalidRequest'],
    ] as const) {
      expect([params, failure(await ask(all, params))]).toEqual([params, wanted])
    }
    const answer = await ask(all, { aud, lxm: 'com.example.get', exp: inHours(0.9) })
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store'])
  })
})

describe('a call that a service answers', () => {
  const scope = (lxm: string, did: string, id: string): string =>
    `rpc:${lxm}?aud=${encodeURIComponent(`${did}#${id}`)}`

  test('needs a scope for the method at that service; the token that goes out is for its DID', async () => {
    const one = await apps.signIn(account.did, `atproto ${scope('com.example.get', other.did, 'svc')}`)
    const ask = (nsid: string, proxy: string): Promise<Answer> =>
      get(one, nsid, { headers: { 'atproto-proxy': proxy } })
    other.seen.length = 0
    const answer = await ask('com.example.get', `${other.did}#svc`)
    expect([answer.status, answer.headers.get('dpop-nonce')]).toEqual([200, apps.nonce()])
    expect(other.seen.map(({ token }) => [token?.iss, token?.aud, token?.lxm])).toEqual([
      [account.did, other.did, 'com.example.get'],
    ])
    for (const [nsid, proxy, wanted] of [
      ['com.example.other', `${other.did}#svc`, '403 ScopeMissingError'],
      ['com.example.get', `${other.did}#bsky_notif`, '403 ScopeMissingError'],
      ['com.example.get', `did:web:localhost%3A${net.pds.port}#svc`, '403 ScopeMissingError'],
      ['com.example.get', other.did, '400 InvalidRequest'],
      ['com.atproto.server.makeSomething', `${other.did}#svc`, '403 Forbidden'],
    ] as const) {
      const refusedAs = failure(await ask(nsid, proxy))
      expect([nsid, proxy, refusedAs]).toEqual([nsid, proxy, wanted])
    }
    expect(other.seen).toHaveLength(1)
  })

  test('of the configured AppView is one of its service by name', async () => {
    const one = await apps.signIn(account.did, `atproto ${scope('*', view.did, 'bsky_appview')}`)
    const wrong = await apps.signIn(account.did, `atproto ${scope('*', view.did, 'other')}`)
    const nsid = 'app.bsky.feed.getTimeline'
    expect((await get(one, nsid)).status).toBe(200)
    expect(failure(await get(wrong, nsid))).toBe('403 ScopeMissingError')
  })

  test('of private messages needs its own scope, beside the general one', async () => {
    const nsid = 'chat.bsky.convo.listConvos'
    const headers = { 'atproto-proxy': `${other.did}#svc` }
    const both = await apps.signIn(account.did, `${GENERIC} transition:chat.bsky`)
    expect(failure(await get(app, nsid, { headers }))).toBe('403 ScopeMissingError')
    expect((await get(both, nsid, { headers })).status).toBe(200)
  })

  test('for a feed needs a scope for what the generator is asked, too', async () => {
    const generator = 'did:web:feeds.example.com'
    const record = {
      $type: 'app.bsky.feed.generator',
      did: generator,
      displayName: 'f',
      createdAt: '2026-01-01T00:00:00Z',
    }
    const input = { repo: account.did, collection: 'app.bsky.feed.generator', rkey: 'f', record }
    const { uri } = (await net.post('com.atproto.repo.putRecord', { token: account.accessJwt, input })).body
    const get1 = scope('app.bsky.feed.getFeed', view.did, 'bsky_appview')
    const skeleton = scope('app.bsky.feed.getFeedSkeleton', view.did, 'bsky_appview')
    view.seen.length = 0
    for (const [scopes, wanted] of [
      [get1, '403 ScopeMissingError'],
      [skeleton, '403 ScopeMissingError'],
      [`${get1} ${skeleton}`, '200 '],
    ] as const) {
      const one = await apps.signIn(account.did, `atproto ${scopes}`)
      expect(failure(await get(one, 'app.bsky.feed.getFeed', { params: { feed: uri } }))).toBe(wanted)
    }
    expect(view.seen.map(({ token }) => [token?.aud, token?.lxm])).toEqual([
      [generator, 'app.bsky.feed.getFeedSkeleton'],
    ])
  })

  test('hands on no challenge and no nonce of that service', async () => {
    other.answer = () => ({
      status: 401,
      headers: { 'www-authenticate': 'DPoP error="invalid_token"', 'dpop-nonce': 'theirs' },
      body: { error: 'AuthMissing', message: 'no' },
    })
    const headers = { 'atproto-proxy': `${other.did}#svc` }
    const answer = await get(app, 'com.example.get', { headers })
    expect([
      failure(answer),
      answer.headers.get('www-authenticate'),
      answer.headers.get('dpop-nonce'),
    ]).toEqual(['401 AuthMissing', null, apps.nonce()])
  })

  test('for preferences at another AppView counts its proof once', async () => {
    const one = await apps.signIn(account.did, `atproto ${scope('*', other.did, 'svc')}`)
    const headers = { 'atproto-proxy': `${other.did}#svc` }
    other.seen.length = 0
    expect((await get(one, 'app.bsky.actor.getPreferences', { headers })).status).toBe(200)
    const input = { preferences: [] }
    expect((await send(one, 'app.bsky.actor.putPreferences', { headers, input })).status).toBe(200)
    expect(other.seen.map(({ nsid }) => nsid)).toEqual([
      'app.bsky.actor.getPreferences',
      'app.bsky.actor.putPreferences',
    ])
    // Those that are kept here are the configured AppView's.
    expect(failure(await get(one, 'app.bsky.actor.getPreferences'))).toBe('403 ScopeMissingError')
  })

  test('is asked of nobody for an app whose proof does not hold', async () => {
    other.seen.length = 0
    const headers = { 'atproto-proxy': `${other.did}#svc` }
    const answer = await get(app, 'com.example.get', { headers, claims: { nonce: 'old' } })
    expect(refused(answer)).toEqual(refusal('use_dpop_nonce'))
    expect(other.seen).toEqual([])
  })
})

test('scopes are read once for all calls, the oldest again when there are many', () => {
  const scopesOf = createKeptScopes(40)
  const [one, two, long] = ['atproto repo:a.b.c', 'atproto repo:a.b.d', `atproto ${'x'.repeat(40)}`]
  const first = scopesOf(one!)
  expect(first.allows({ resource: 'repo', collection: 'a.b.c', action: 'create' })).toBe(true)
  expect(scopesOf(two!).allows({ resource: 'repo', collection: 'a.b.c', action: 'create' })).toBe(false)
  expect(scopesOf(one!)).toBe(first)
  // Two of 18 fit into 40, three do not: the oldest goes.
  const second = scopesOf(two!)
  scopesOf('atproto repo:a.b.e')
  expect([scopesOf(two!) === second, scopesOf(one!) === first]).toEqual([true, false])
  // One that fits nowhere is kept by nobody, and leaves room for the next.
  expect(scopesOf(long!)).not.toBe(scopesOf(long!))
  expect(scopesOf(one!)).toBe(scopesOf(one!))
})

test('where there is no AppView, preferences are for apps that may have them from any', async () => {
  const here = createTestApps()
  await using lone = await startNetwork({
    inProcess: true,
    config: { appView: null, auth: { appTokens: here.appTokens } },
  })
  here.serve(lone)
  const { did } = await lone.account()
  const nsid = 'app.bsky.actor.getPreferences'
  const ask = async (scopes: string, headers: Record<string, string> = {}): Promise<string> => {
    const one = await here.signIn(did, scopes)
    return failure(await lone.get(nsid, { headers: { ...headers, ...(await one.headers('GET', nsid)) } }))
  }
  expect(await ask('atproto')).toBe('403 ScopeMissingError')
  expect(await ask(`atproto rpc:${nsid}?aud=*`)).toBe('200 ')
  // A service that an app names for itself opens nothing.
  const mine = 'did:web:mine.example.com#svc'
  const scoped = `atproto rpc:${nsid}?aud=${encodeURIComponent(mine)}`
  expect(await ask(scoped, { 'atproto-proxy': mine })).toBe('403 ScopeMissingError')
})

describe('methods of an embedder', () => {
  const catalog = createCatalog(
    ['closed', 'open', 'input', 'perhaps', 'anyway'].map((name) => ({
      lexicon: 1,
      id: `com.example.${name}`,
      defs: {
        main: {
          type: 'procedure',
          input: {
            encoding: 'application/json',
            schema: { type: 'object', properties: { collection: { type: 'string' } } },
          },
        },
      },
    })),
  )
  const methods: NonNullable<PdsEmbedding['methods']> = (router, { auth }) => {
    const handler = (): void => {}
    router.add('com.example.closed', { auth: auth.account(), handler })
    router.add('com.example.open', { auth: auth.account({ oauth: {} }), handler })
    const input = ({ collection }: { collection: string }) =>
      [{ resource: 'repo', collection, action: 'create' }] as const
    router.add('com.example.perhaps', { auth: auth.optional(), handler })
    router.add('com.example.anyway', { auth: auth.optional({}), handler })
    router.add('com.example.input', { ...auth.method({ oauth: { input } }), handler })
    // A check that would never be made is refused at once.
    expect(() => auth.account({ oauth: { input } })).toThrow(TypeError)
    expect(() => auth.optional({ input })).toThrow(TypeError)
  }

  test('refuse apps unless they say what they need, also of their input', async () => {
    const here = createTestApps()
    await using own = await startNetwork({
      inProcess: true,
      config: { methods, catalog, auth: { appTokens: here.appTokens } },
    })
    here.serve(own)
    const { did } = await own.account()
    const one = await here.signIn(did, `atproto repo:${POST}`)
    const ask = async (name: string, collection = POST): Promise<string> => {
      const nsid = `com.example.${name}`
      const headers = await one.headers('POST', nsid)
      return failure(await own.post(nsid, { headers, input: { collection } }))
    }
    expect(await ask('closed')).toBe('403 Forbidden')
    expect(await ask('open')).toBe('200 ')
    expect(await ask('perhaps')).toBe('403 Forbidden')
    expect(await ask('anyway')).toBe('200 ')
    expect(await ask('input')).toBe('200 ')
    expect(await ask('input', 'com.example.other')).toBe('403 ScopeMissingError')
  })

  test('an app stays one where an embedder names its account alone', async () => {
    const here = createTestApps()
    let full = false
    await using own = await startNetwork({
      inProcess: true,
      config: {
        auth: {
          appTokens: here.appTokens,
          authorize: async (_, __, says) => {
            const found = await says()
            if (found === null || !('did' in found)) return found
            return { did: found.did, ...(full ? { scope: 'com.atproto.access' as const } : {}) }
          },
        },
      },
    })
    here.serve(own)
    const { did } = await own.account()
    const one = await here.signIn(did, 'atproto')
    const ask = async (nsid: string, body: CallOptions): Promise<string> =>
      failure(await own.post(nsid, { ...body, headers: await one.headers('POST', nsid) }))
    const record = { input: { repo: did, collection: POST, record: post('x') } }
    const bytes = { bytes: new Uint8Array([1]), type: 'image/png' }
    expect(await ask('com.atproto.repo.createRecord', record)).toBe('403 ScopeMissingError')
    expect(await ask('com.atproto.repo.uploadBlob', bytes)).toBe('403 ScopeMissingError')
    expect(await ask('com.atproto.server.createAppPassword', { input: { name: 'a' } })).toBe('403 Forbidden')
    // Whoever says more, means it.
    full = true
    expect(await ask('com.atproto.repo.createRecord', record)).toBe('200 ')
  })

  test('a service that an embedder names acts where services may, an app where moderators may not', async () => {
    const scopes = createScopeSet('atproto transition:generic')
    let who: Credentials | null = null
    await using own = await startNetwork({ inProcess: true, config: { auth: { authorize: () => who } } })
    const { did } = await own.account()
    const bytes = { bytes: new Uint8Array([1]), type: 'image/png' }
    const upload = async (): Promise<string> => failure(await own.post('com.atproto.repo.uploadBlob', bytes))
    const asked = { params: { did } }
    const info = async (): Promise<string> =>
      failure(await own.get('com.atproto.admin.getAccountInfo', asked))

    who = { kind: 'service', did: did as Did }
    expect([await upload(), await info(), failure(await own.get(SESSION))]).toEqual([
      '200 ',
      '200 ',
      '401 AuthenticationRequired',
    ])
    who = { kind: 'oauth', did: did as Did, clientId: 'x', sessionId: 'y', scopes }
    expect([await upload(), await info(), failure(await own.get(SESSION))]).toEqual([
      '200 ',
      '401 AuthenticationRequired',
      '200 ',
    ])
  })
})
