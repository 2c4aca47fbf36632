// Sessions are renewed once, whatever happens on the way, and end only when the server says so.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createLock, createMemoryStores, type OAuthStores } from '../src/index.ts'
import { ALICE, codeOf, createWorld, SCOPE, valueOf, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const HOUR = 3600
const call = '/xrpc/com.example.get'
const renewals = (): number => world.events.filter(({ type }) => type === 'session-renewed').length
const tokenRequests = (): number => world.requests.filter((path) => path === '/oauth/token').length
/** The grant that a request to the token endpoint is of; null for others. */
const grantOf = async (request: Request): Promise<string | null> =>
  new URL(request.url).pathname === '/oauth/token'
    ? new URLSearchParams(await request.clone().text()).get('grant_type')
    : null

/** A store whose sessions can be made to fail. */
function failing(stores: OAuthStores): OAuthStores & { fails: { set: boolean; get: boolean } } {
  const fails = { set: false, get: false }
  const { sessions } = stores
  const fail = async (): Promise<never> => Promise.reject(new Error('disk full'))
  return {
    ...stores,
    fails,
    sessions: {
      ...sessions,
      get: (id) => (fails.get ? fail() : sessions.get(id)),
      set: (data) => (fails.set ? fail() : sessions.set(data)),
    },
  }
}

describe('an access token that is over', () => {
  it('is renewed once for 20 calls at the same time', async () => {
    const session = await world.signIn(world.client())
    world.advance(HOUR)
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await session.fetch(call)).status),
    )
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 200))
    expect(renewals()).toBe(1)
  })

  it('is renewed once for session objects, and clients, that share a store and a lock', async () => {
    const stores = createMemoryStores()
    const lock = createLock()
    const { id } = await world.signIn(world.client({ stores, lock }))
    const clients = [1, 2, 3, 4].map(() => world.client({ stores, lock }))
    const sessions = await Promise.all(clients.map(async (client) => valueOf(await client.restore(id))))
    world.advance(HOUR)
    const answers = await Promise.all(sessions.map((session) => session.fetch(call)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(renewals()).toBe(1)
  })

  it('is renewed before it is over, when 60 to 70 seconds are left', async () => {
    const session = await world.signIn(world.client())
    world.advance(900 - 72)
    await session.fetch(call)
    expect(renewals()).toBe(0)
    world.advance(14)
    await session.fetch(call)
    expect(renewals()).toBe(1)
  })

  it('is renewed when the server says so, and the call goes again', async () => {
    const session = await world.signIn(world.client())
    let refusals = 0
    world.intercept = async (request, answer) => {
      if (!request.url.endsWith(call) || refusals > 0) return answer()
      refusals += 1
      return new Response('{}', {
        status: 401,
        headers: { 'www-authenticate': 'DPoP algs="ES256", error="invalid_token"' },
      })
    }
    expect((await session.fetch(call, { method: 'POST', body: 'x' })).status).toBe(200)
    expect([renewals(), refusals]).toEqual([1, 1])
  })

  it('of which the server never has enough is renewed once a call', async () => {
    const session = await world.signIn(world.client())
    const headers = { 'www-authenticate': 'DPoP error="invalid_token"' }
    world.intercept = async (request, answer) =>
      request.url.endsWith(call) ? new Response('{}', { status: 401, headers }) : answer()
    expect((await session.fetch(call)).status).toBe(401)
    expect(renewals()).toBe(1)
  })

  it.each([
    [401, 'DPoP error="insufficient_scope"'],
    [401, ''],
    [403, 'DPoP error="invalid_token"'],
  ])('is not what %d with %j means', async (status, challenge) => {
    const session = await world.signIn(world.client())
    world.intercept = async (request, answer) =>
      request.url.endsWith(call)
        ? new Response('{}', { status, headers: { 'www-authenticate': challenge } })
        : answer()
    expect((await session.fetch(call)).status).toBe(status)
    expect(renewals()).toBe(0)
  })
})

describe('a renewal whose answer is lost', () => {
  it('is asked for again, and gets the same tokens', async () => {
    const session = await world.signIn(world.client())
    world.advance(HOUR)
    let lost = 0
    world.intercept = async (request, answer) => {
      if ((await grantOf(request)) !== 'refresh_token' || lost === 1) return answer()
      const response = await answer()
      if (response.status !== 200) return response
      lost += 1
      return 'lose'
    }
    expect((await session.fetch(call)).status).toBe(200)
    expect([lost, renewals()]).toEqual([1, 1])
    expect(world.store.sessions.list(ALICE)).toMatchObject([{ generation: 2 }])
  })

  it('every time fails as what may pass; the session lives on', async () => {
    const client = world.client()
    const session = await world.signIn(client)
    world.advance(HOUR)
    world.intercept = async (request, answer) => ((await grantOf(request)) === null ? answer() : 'lose')
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'network', isTransient: true })
    expect(session.ended.aborted).toBe(false)
    world.intercept = null
    expect((await session.fetch(call)).status).toBe(200)
    expect(codeOf(await client.restore(session.id))).toBe('ok')
  })

  it('does not wait for ever for a server that hangs', async () => {
    const session = await world.signIn(world.client({ timeoutMs: 100 }))
    world.advance(HOUR)
    world.intercept = async (request, answer) => ((await grantOf(request)) === null ? answer() : 'hang')
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'timeout' })
    world.intercept = null
    expect((await session.fetch(call)).status).toBe(200)
  })

  it('lets calls go on with a token that is good for a while yet', async () => {
    const session = await world.signIn(world.client())
    world.advance(900 - 30)
    world.intercept = async (request, answer) =>
      (await grantOf(request)) === null ? answer() : new Response('{}', { status: 503 })
    expect((await session.fetch(call)).status).toBe(200)
    expect(renewals()).toBe(0)
  })
})

describe('a session', () => {
  it.each([
    ['invalid_client', 400],
    ['invalid_request', 400],
    ['server_error', 500],
    ['temporarily_unavailable', 503],
    ['slow_down', 429],
    ['invalid_dpop_proof', 400],
  ])('does not end by %s', async (error, status) => {
    const client = world.client()
    const session = await world.signIn(client)
    world.advance(HOUR)
    world.intercept = async (request, answer) =>
      (await grantOf(request)) === null ? answer() : Response.json({ error }, { status })
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'refused', oauthError: error, status })
    world.intercept = null
    expect(codeOf(await client.restore(session.id))).toBe('ok')
    expect((await session.fetch(call)).status).toBe(200)
  })

  it('ends by invalid_grant, and says so', async () => {
    const client = world.client()
    const session = await world.signIn(client)
    world.advance(15 * 86_400)
    await expect(session.fetch(call)).rejects.toMatchObject({
      code: 'session-ended',
      ending: 'refused',
      oauthError: 'invalid_grant',
    })
    expect(session.ended.reason).toMatchObject({ ending: 'refused' })
    expect(world.events.at(-1)).toEqual({
      type: 'session-ended',
      id: session.id,
      did: ALICE,
      ending: 'refused',
    })
    expect(codeOf(await client.restore(session.id))).toBe('unknown-session')
  })

  it('does not end where another process without the lock was quicker', async () => {
    const stores = createMemoryStores()
    const session = await world.signIn(world.client({ stores }))
    const other = valueOf(await world.client({ stores }).restore(session.id))
    world.advance(HOUR)
    let isFirst = true
    world.intercept = async (request, answer) => {
      if ((await grantOf(request)) !== 'refresh_token' || !isFirst) return answer()
      isFirst = false
      // The other one gets new tokens and keeps them before this request is looked at; this one is told the worst.
      await other.refresh()
      return Response.json({ error: 'invalid_grant' }, { status: 400 })
    }
    expect((await session.fetch(call)).status).toBe(200)
    expect(session.ended.aborted).toBe(false)
    expect((await stores.sessions.get(session.id))?.did).toBe(ALICE)
  })

  it('that another process forgot is over', async () => {
    const stores = createMemoryStores()
    const session = await world.signIn(world.client({ stores }))
    await stores.sessions.delete(session.id)
    world.advance(HOUR)
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'session-ended', ending: 'removed' })
  })

  it('without a refresh token ends with its access token', async () => {
    world.intercept = async (request, answer) => {
      if ((await grantOf(request)) === null) return answer()
      const response = await answer()
      const { refresh_token: _, ...body } = (await response.clone().json()) as Record<string, unknown>
      return Response.json(body, { status: response.status, headers: response.headers })
    }
    const session = await world.signIn(world.client())
    expect((await session.fetch(call)).status).toBe(200)
    world.advance(HOUR)
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'session-ended', ending: 'expired' })
  })

  it('keeps the refresh token that a server does not replace', async () => {
    const session = await world.signIn(world.client())
    const used: (string | null)[] = []
    world.intercept = async (request, answer) => {
      if ((await grantOf(request)) !== 'refresh_token') return answer()
      used.push(new URLSearchParams(await request.text()).get('refresh_token'))
      return Response.json({
        token_type: 'DPoP',
        access_token: `another-${used.length}`,
        sub: ALICE,
        scope: SCOPE,
      })
    }
    await session.refresh()
    await session.refresh()
    expect(used).toEqual([used[0], used[0]])
    expect(used[0]).toMatch(/./)
    expect(renewals()).toBe(2)
  })

  it('does not take tokens of another account', async () => {
    const session = await world.signIn(world.client())
    world.advance(HOUR)
    world.intercept = async (request, answer) => {
      if ((await grantOf(request)) === null) return answer()
      const response = await answer()
      if (response.status !== 200) return response
      const body = (await response.json()) as object
      return Response.json({ ...body, sub: 'did:plc:mallory' })
    }
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'wrong-account' })
    expect(renewals()).toBe(0)
  })

  it('is not renewed by the signal of a call that is given up', async () => {
    const session = await world.signIn(world.client())
    world.advance(HOUR)
    const abort = new AbortController()
    world.intercept = async (request, answer) => {
      if ((await grantOf(request)) !== null) abort.abort()
      return answer()
    }
    await expect(session.fetch(call, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' })
    await expect.poll(renewals).toBe(1)
    world.intercept = null
    expect((await session.fetch(call)).status).toBe(200)
    expect(renewals()).toBe(1)
  })
})

describe('a call that is given up', () => {
  it('does not wait for a renewal', async () => {
    const session = await world.signIn(world.client())
    world.advance(HOUR)
    world.intercept = async (request, answer) => ((await grantOf(request)) === null ? answer() : 'hang')
    const began = performance.now()
    const signal = AbortSignal.timeout(50)
    await expect(session.fetch(call, { signal })).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

describe('a store that fails', () => {
  it('after a renewal loses nothing: the tokens are used, and kept when it works again', async () => {
    const stores = failing(createMemoryStores())
    const client = world.client({ stores })
    const session = await world.signIn(client)
    world.advance(HOUR)
    stores.fails.set = true
    expect((await session.fetch(call)).status).toBe(200)
    expect(world.events).toContainEqual(expect.objectContaining({ type: 'store-failed', id: session.id }))
    stores.fails.set = false
    world.advance(HOUR)
    expect((await session.fetch(call)).status).toBe(200)
    const again = valueOf(await world.client({ stores }).restore(session.id))
    world.advance(HOUR)
    expect((await again.fetch(call)).status).toBe(200)
    expect(world.store.sessions.list(ALICE)).toMatchObject([{ generation: 4 }])
  })

  it('keeps them in this process for others who take the session up', async () => {
    const stores = failing(createMemoryStores())
    const client = world.client({ stores })
    const session = await world.signIn(client)
    world.advance(HOUR)
    stores.fails.set = true
    await session.refresh()
    const other = valueOf(await client.restore(session.id))
    expect((await other.fetch(call)).status).toBe(200)
    expect(world.store.sessions.list(ALICE)).toMatchObject([{ generation: 2 }])
  })

  it('through several renewals loses nothing either', async () => {
    const stores = failing(createMemoryStores())
    const session = await world.signIn(world.client({ stores }))
    stores.fails.set = true
    for (let hour = 0; hour < 3; hour++) {
      world.advance(HOUR)
      expect((await session.fetch(call)).status).toBe(200)
    }
    stores.fails.set = false
    await session.refresh()
    const kept = valueOf(await world.client({ stores }).restore(session.id))
    world.advance(HOUR)
    expect((await kept.fetch(call)).status).toBe(200)
    expect(world.store.sessions.list(ALICE)).toMatchObject([{ generation: 6 }])
  })

  it('before a renewal sends none', async () => {
    const stores = failing(createMemoryStores())
    const session = await world.signIn(world.client({ stores }))
    world.advance(HOUR)
    const before = tokenRequests()
    stores.fails.get = true
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'store' })
    expect(tokenRequests()).toBe(before)
    stores.fails.get = false
    expect((await session.fetch(call)).status).toBe(200)
  })

  it('at the end of a sign-in gives its tokens back', async () => {
    const stores = failing(createMemoryStores())
    stores.fails.set = true
    await expect(world.signIn(world.client({ stores }))).rejects.toMatchObject({ code: 'store' })
    expect(world.store.sessions.list(ALICE)).toEqual([])
  })
})
