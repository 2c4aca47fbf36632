// An account that moves to another PDS while it is signed in: the session follows where its server is the same, and ends where it is not.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createMemoryStores } from '../src/index.ts'
import { ALICE, createWorld, valueOf, type Host, type World } from './world.ts'

let world: World
beforeEach(async () => {
  world = await createWorld()
})
afterEach(() => world.close())

const HOUR = 3600
const call = '/xrpc/com.example.get'
const move = (to: string): void => void world.accounts.set(ALICE, { pds: to, handle: 'alice.example.com' })
const paths = (): string[] => world.requests.filter((path) => path.startsWith('/oauth/'))

/** Another PDS of the same authorization server. */
async function sibling(): Promise<Host> {
  const other = await world.host()
  other.intercept = (request, answer) => {
    const { pathname } = new URL(request.url)
    if (pathname === '/.well-known/oauth-protected-resource') {
      return Response.json({ resource: other.origin, authorization_servers: [world.origin] })
    }
    if (!pathname.startsWith('/xrpc/')) return answer() as never
    return Response.json({ at: other.origin, path: pathname, proof: request.headers.has('dpop') })
  }
  world.intercept = async (request, answer) => {
    const response = await answer()
    if (!request.url.endsWith('/oauth-authorization-server')) return response
    const document = (await response.json()) as object
    return Response.json({ ...document, protected_resources: [world.origin, other.origin] })
  }
  return other
}

describe('an account that moves', () => {
  it('to a PDS of the same server is followed with the next renewal, calls under way included', async () => {
    const other = await sibling()
    const stores = createMemoryStores()
    const client = world.client({ stores })
    const session = await world.signIn(client)
    expect(session.url).toBe(world.origin)
    move(other.origin)
    world.advance(HOUR)
    // The caller made the URL before anybody knew.
    const answer = await session.fetch(`${world.origin}${call}?a=b`)
    expect(await answer.json()).toEqual({ at: other.origin, path: call, proof: true })
    expect(session.url).toBe(other.origin)
    expect(valueOf(await client.restore(session.id)).url).toBe(other.origin)
    await expect(session.fetch(`${world.origin}${call}`)).rejects.toMatchObject({ code: 'foreign-url' })
  })

  it('takes its credentials nowhere else, whatever the path looks like', async () => {
    const other = await sibling()
    const session = await world.signIn(world.client())
    move(other.origin)
    world.advance(HOUR)
    other.requests.length = 0
    await session
      .fetch(`${world.origin}//elsewhere.example.com${call}`)
      .then((answer) => answer.body?.cancel())
    expect(other.requests.at(-1)).toBe(`//elsewhere.example.com${call}`)
  })

  it('to a PDS of another server has to sign in there: the session ends, and its tokens are given back', async () => {
    const other = await world.host()
    const client = world.client()
    const session = await world.signIn(client)
    move(other.origin)
    world.advance(HOUR)
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'session-ended', ending: 'moved' })
    expect(world.events.at(-1)).toEqual({
      type: 'session-ended',
      id: session.id,
      did: ALICE,
      ending: 'moved',
    })
    expect(session.ended.aborted).toBe(true)
    expect(valueOf(await client.list())).toEqual([])
    expect(paths().at(-1)).toBe('/oauth/revoke')
  })

  it('is told so as well where its old server answers no more', async () => {
    const other = await world.host()
    const session = await world.signIn(world.client())
    move(other.origin)
    world.advance(HOUR)
    world.intercept = async (request, answer) =>
      new URL(request.url).pathname === '/oauth/token' ? 'lose' : answer()
    await expect(session.fetch(call)).rejects.toMatchObject({ code: 'session-ended', ending: 'moved' })
  })

  it.each([
    ['the directory', (path: string): boolean => path.startsWith('/did:')],
    ['the new PDS', (path: string): boolean => path.endsWith('/oauth-protected-resource')],
  ])('is left where it was while %s does not answer', async (_, isSilent) => {
    const other = await world.host()
    const session = await world.signIn(world.client())
    move(other.origin)
    world.advance(HOUR)
    for (const host of [world, other]) {
      host.intercept = async (request, answer) =>
        isSilent(new URL(request.url).pathname) ? new Response('', { status: 503 }) : answer()
    }
    expect((await session.fetch(call)).status).toBe(200)
    expect(session.url).toBe(world.origin)
  })
})
