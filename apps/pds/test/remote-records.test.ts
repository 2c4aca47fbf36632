/** Records that are not here: of accounts elsewhere, of those that moved away, and of feed generators. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import { failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { echo, startService, type StubAnswer, type StubService } from './stub-service.ts'

/** The server that is asked, and another one in the same network. */
let here: TestNetwork
let there: TestNetwork
/** One with an AppView. */
let viewed: TestNetwork
let view: StubService
let bob: TestAccount
let written: { uri: string; cid: string }

const nameOf = (uri: string) => {
  const [repo, collection, rkey] = uri.replace('at://', '').split('/')
  return { repo: repo!, collection: collection!, rkey: rkey! }
}
const write = async (net: TestNetwork, account: TestAccount, record: object, rkey?: string) => {
  const { $type: collection } = record as { $type: string }
  const input = { repo: account.did, collection, record, ...(rkey === undefined ? {} : { rkey }) }
  return (await net.post('com.atproto.repo.createRecord', { token: account.accessJwt, input })).body as {
    uri: string
    cid: string
  }
}

beforeAll(async () => {
  here = await startNetwork()
  const { directory } = here
  there = await startNetwork({ directory })
  view = await startService([], (did) => {
    const last = directory.log(did).at(-1) as unknown as { verificationMethods: Record<string, string> }
    return last.verificationMethods['atproto']
  })
  viewed = await startNetwork({ directory, config: { appView: { url: view.url, did: view.did } } })
  bob = await there.account()
  written = await write(there, bob, post('from afar'))
})
afterEach(() => {
  view.answer = echo
})
afterAll(async () => {
  await viewed[Symbol.asyncDispose]()
  await there[Symbol.asyncDispose]()
  await here[Symbol.asyncDispose]()
  await view[Symbol.asyncDispose]()
})

const get = (net: TestNetwork, uri: string, more: Record<string, string> = {}) =>
  net.get('com.atproto.repo.getRecord', { params: { ...nameOf(uri), ...more } })

describe('getRecord', () => {
  test('of an account elsewhere asks the server that its DID document names', async () => {
    const answer = await get(here, written.uri)
    expect([answer.status, answer.body]).toEqual([200, { ...pick(written), value: post('from afar') }])
    expect((await get(here, written.uri, { cid: written.cid })).status).toBe(200)
  })

  test('of an account that moved away does so too', async () => {
    // Deactivated here, with a document that names the other server: as after a move.
    const carol = await there.account()
    const record = await write(there, carol, post('moved'))
    const token = await there.get('com.atproto.server.getServiceAuth', {
      token: carol.accessJwt,
      params: { aud: `did:web:localhost%3A${here.pds.port}`, lxm: 'com.atproto.server.createAccount' },
    })
    const input = {
      did: carol.did,
      handle: carol.handle,
      email: 'carol@example.com',
      password: 'correct horse',
    }
    const adopted = await here.post('com.atproto.server.createAccount', { token: token.body.token, input })
    expect(adopted.status).toBe(200)
    expect((await get(here, record.uri)).body).toEqual({ ...pick(record), value: post('moved') })
    expect((await get(here, record.uri.replace(carol.did, carol.handle))).status).toBe(200)
  })

  test('of what nobody has is refused, for a while without asking again', async () => {
    const missing = `at://${bob.did}/com.example.note/missing`
    expect((await get(here, missing)).body).toEqual({
      error: 'InvalidRequest',
      message: 'Could not locate record',
    })
    const late = await write(there, bob, { $type: 'com.example.note', text: 'late' }, 'missing')
    expect(late.uri).toBe(missing)
    expect(failure(await get(here, missing))).toBe('400 InvalidRequest')
    expect(
      failure(
        await get(here, written.uri, { cid: 'bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq' }),
      ),
    ).toBe('400 InvalidRequest')
    for (const repo of ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', 'nobody.example.com']) {
      const params = { repo, collection: 'app.bsky.feed.post', rkey: 'x' }
      expect(failure(await here.get('com.atproto.repo.getRecord', { params }))).toBe('400 InvalidRequest')
    }
  })

  test('of an account that is only deactivated, or taken down, here is refused', async () => {
    const off = await here.account()
    const { uri } = await write(here, off, post('mine'))
    await here.post('com.atproto.server.deactivateAccount', { token: off.accessJwt, input: {} })
    expect(failure(await get(here, uri))).toBe('400 InvalidRequest')
    const down = await viewed.account()
    const taken = await write(viewed, down, post('mine'))
    const subject = { $type: 'com.atproto.admin.defs#repoRef', did: down.did }
    await viewed.post('com.atproto.admin.updateSubjectStatus', {
      admin: true,
      input: { subject, takedown: { applied: true, ref: 'x' } },
    })
    const before = view.seen.length
    expect(failure(await get(viewed, taken.uri))).toBe('400 InvalidRequest')
    expect(view.seen.length).toBe(before)
  })

  test('asks the AppView first, once at a time, and remembers for a while', async () => {
    const uri = 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaab/app.bsky.feed.post/x'
    const waiting = Promise.withResolvers<void>()
    view.answer = async (): Promise<StubAnswer> => {
      await waiting.promise
      return { body: { uri, cid: written.cid, value: post('x'), more: 'left out' } }
    }
    const before = view.seen.length
    const asked = [get(viewed, uri), get(viewed, uri)]
    await new Promise((resolve) => setTimeout(resolve, 50))
    waiting.resolve()
    for (const answer of await Promise.all(asked)) {
      expect(answer.body).toEqual({ uri, cid: written.cid, value: post('x') })
    }
    await get(viewed, uri)
    expect(view.seen.length).toBe(before + 1)
    expect(view.seen.at(-1)).toMatchObject({ nsid: 'com.atproto.repo.getRecord', token: null })
    expect(Object.fromEntries(view.seen.at(-1)!.query)).toEqual(nameOf(uri))
  })

  test('leaves places for others while one network asks for what is slow to come', async () => {
    const uri = (rkey: string): string =>
      `at://did:plc:aaaaaaaaaaaaaaaaaaaaaaae/app.bsky.feed.generator/${rkey}`
    const waiting = Promise.withResolvers<void>()
    view.answer = async ({ nsid, query }): Promise<StubAnswer> => {
      if (nsid !== 'com.atproto.repo.getRecord') return { body: { feed: [] } }
      const rkey = query.get('rkey')!
      if (rkey.startsWith('slow')) await waiting.promise
      return { body: { uri: uri(rkey), value: { did: 'did:web:feeds.example.com' } } }
    }
    const { accessJwt: token } = await viewed.account()
    const read = (rkey: string, from: string) =>
      viewed.get('com.atproto.repo.getRecord', {
        params: nameOf(uri(rkey)),
        headers: { 'x-forwarded-for': from },
      })
    const feed = (rkey: string, from: string) =>
      viewed.get('app.bsky.feed.getFeed', {
        token,
        params: { feed: uri(rkey) },
        headers: { 'x-forwarded-for': from },
      })
    const before = view.seen.length
    const slow = [0, 1, 2, 3].map((n) => read(`slow${n}`, '203.0.113.1'))
    await expect.poll(() => view.seen.length).toBe(before + 4)
    expect(failure(await read('other', '203.0.113.1'))).toBe('429 RateLimitExceeded')
    expect(failure(await feed('other', '203.0.113.1'))).toBe('429 RateLimitExceeded')
    expect((await read('other', '203.0.113.2')).status).toBe(200)
    expect((await feed('another', '203.0.113.2')).status).toBe(200)
    waiting.resolve()
    for (const answer of await Promise.all(slow)) expect(answer.status).toBe(200)
  })

  test('goes on to the account’s own server when the AppView has nothing of use', async () => {
    const answers: StubAnswer[] = [
      { status: 400, body: { error: 'RecordNotFound' } },
      { status: 500 },
      { body: 'no json' },
      { body: [] },
      { body: { uri: 'at://did:plc:other/app.bsky.feed.post/x', value: {} } },
      { body: { uri: written.uri } },
      { body: 'x'.repeat(2 * 1024 * 1024 + 1) },
      { status: 302, headers: { location: `${there.pds.url}/` } },
    ]
    for (const [i, answer] of answers.entries()) {
      const made = await write(there, bob, post(`try ${i}`))
      view.answer = () => answer
      expect((await get(viewed, made.uri)).body).toEqual({ ...pick(made), value: post(`try ${i}`) })
    }
  })
})

describe('getFeed', () => {
  const feed = (uri: string | undefined) =>
    viewed.get('app.bsky.feed.getFeed', {
      token: alice.accessJwt,
      params: { ...(uri === undefined ? {} : { feed: uri }), limit: 3 },
    })
  let alice: TestAccount
  beforeAll(async () => {
    alice = await viewed.account()
  })
  const generator = (did: unknown) => ({
    $type: 'app.bsky.feed.generator',
    did,
    displayName: 'feed',
    createdAt: '2026-01-01T00:00:00.000Z',
  })

  test('goes to the AppView with a token for the generator', async () => {
    const uri = 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaac/app.bsky.feed.generator/cats'
    view.answer = (request) =>
      request.nsid === 'com.atproto.repo.getRecord'
        ? { body: { uri, cid: written.cid, value: generator('did:web:feeds.example.com') } }
        : { body: { feed: [] } }
    const answer = await feed(uri)
    expect([answer.status, answer.body]).toEqual([200, { feed: [] }])
    expect(view.seen.at(-1)).toMatchObject({
      nsid: 'app.bsky.feed.getFeed',
      token: {
        iss: alice.did,
        aud: 'did:web:feeds.example.com',
        lxm: 'app.bsky.feed.getFeedSkeleton',
        signed: true,
      },
    })
    expect(view.seen.at(-1)!.query.get('limit')).toBe('3')
  })

  test('knows the generators that live here', async () => {
    const made = await write(viewed, alice, generator('did:web:own.example.com'), 'own')
    await feed(made.uri)
    expect(view.seen.at(-1)!.token?.aud).toBe('did:web:own.example.com')
    await feed(made.uri.replace(alice.did, alice.handle))
    expect(view.seen.at(-1)!.token?.aud).toBe('did:web:own.example.com')
  })

  test('of a generator that was taken down is refused, here as for others', async () => {
    const made = await write(viewed, alice, generator('did:web:down.example.com'), 'down')
    const subject = { $type: 'com.atproto.repo.strongRef', uri: made.uri, cid: made.cid }
    await viewed.post('com.atproto.admin.updateSubjectStatus', {
      admin: true,
      input: { subject, takedown: { applied: true } },
    })
    const asked = view.seen.length
    expect(failure(await feed(made.uri))).toBe('400 UnknownFeed')
    expect(view.seen).toHaveLength(asked)
  })

  test('of a feed that is none is refused', async () => {
    view.answer = () => ({ status: 400, body: { error: 'RecordNotFound' } })
    for (const uri of [
      'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaad/app.bsky.feed.generator/none',
      written.uri,
      `at://${bob.did}`,
    ]) {
      expect((await feed(uri)).body).toEqual({ error: 'UnknownFeed', message: 'could not resolve feed did' })
    }
    for (const uri of ['nonsense', undefined]) expect(failure(await feed(uri))).toBe('400 InvalidRequest')
    expect(failure(await viewed.get('app.bsky.feed.getFeed', { params: { feed: written.uri } }))).toBe(
      '401 AuthMissing',
    )
  })
})

function pick({ uri, cid }: { uri: string; cid: string }): { uri: string; cid: string } {
  return { uri, cid }
}
