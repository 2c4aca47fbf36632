// Signing in by a call like any other: what it gives is kept.
import * as CreateSession from '@avocet/lexicons/com.atproto.server.createSession'
import * as DeleteSession from '@avocet/lexicons/com.atproto.server.deleteSession'
import * as GetSession from '@avocet/lexicons/com.atproto.server.getSession'
import { describe, expect, it } from 'vitest'
import { createClient, keepSession, type SessionData } from '../src/index.ts'
import { json, listen, type TestServer } from './http.ts'

const did = 'did:web:alice.example.com'
const input = { identifier: 'alice.example.com', password: 'secret' }

function pds(): Promise<TestServer> {
  let tokens = 0
  return listen((seen, response) => {
    const method = seen.url.split('/').at(-1)!.split('?')[0]!
    const session = {
      did,
      handle: 'alice.example.com',
      accessJwt: `a${tokens}`,
      refreshJwt: `r${tokens}`,
      active: true,
    }
    if (method.endsWith('createSession')) {
      if (!String(seen.body).includes('secret'))
        return json(response, { error: 'AuthenticationRequired' }, 401)
      return json(response, session)
    }
    if (method.endsWith('refreshSession')) {
      tokens += 1
      return json(response, { ...session, accessJwt: `a${tokens}`, refreshJwt: `r${tokens}` })
    }
    if (method.endsWith('deleteSession')) return void response.end()
    if (seen.headers.authorization === undefined) return json(response, { error: 'AuthMissing' }, 401)
    if (tokens === 0) calls += 1
    if (tokens === 0 && calls > 1) return json(response, { error: 'ExpiredToken' }, 400)
    return json(response, { did, handle: 'alice.example.com' })
  })
}
let calls = 0

describe('keepSession', () => {
  it('is nobody before, the account after, and nobody again', async () => {
    calls = 0
    await using server = await pds()
    const updates: (SessionData | null)[] = []
    const service = keepSession({ service: `${server.url}/`, onUpdate: (data) => updates.push(data) })
    const client = createClient({ service, retry: false })
    expect(await client.call(GetSession.main)).toMatchObject({ ok: false, error: { error: 'AuthMissing' } })
    expect(service.session).toBeNull()
    const signedIn = await client.call(CreateSession.main, { input })
    expect(signedIn).toMatchObject({ ok: true, value: { did } })
    expect(service.session?.did).toBe(did)
    expect(await client.call(GetSession.main)).toMatchObject({ ok: true })
    expect(server.seen.at(-1)!.headers.authorization).toBe('Bearer a0')
    // The tokens are renewed when the service says that they are old.
    expect(await client.call(GetSession.main)).toMatchObject({ ok: true })
    expect(server.seen.at(-1)!.headers.authorization).toBe('Bearer a1')
    expect((await client.call(DeleteSession.main)).ok).toBe(true)
    expect(server.seen.at(-1)!.headers.authorization).toBe('Bearer r1')
    expect(service.session).toBeNull()
    expect(await client.call(GetSession.main)).toMatchObject({ ok: false, error: { error: 'AuthMissing' } })
    expect(updates.map((data) => data?.accessJwt)).toEqual(['a0', 'a1', undefined])
  })

  it('keeps nothing of what was refused, and what was kept stays', async () => {
    calls = 0
    await using server = await pds()
    const service = keepSession({ service: server.url })
    const client = createClient({ service, retry: false })
    const wrong = { ...input, password: 'guess' }
    expect((await client.call(CreateSession.main, { input: wrong })).ok).toBe(false)
    expect(service.session).toBeNull()
    await client.call(CreateSession.main, { input })
    expect((await client.call(CreateSession.main, { input: wrong })).ok).toBe(false)
    // A sign-in carries no tokens of whoever was signed in before.
    expect(server.seen.at(-1)!.headers.authorization).toBeUndefined()
    expect(service.session?.did).toBe(did)
  })

  it('goes on at the PDS that the answer names', async () => {
    await using home = await listen((_, response) => json(response, { did, handle: 'alice.example.com' }))
    await using entryway = await listen((_, response) =>
      json(response, {
        did,
        handle: 'alice.example.com',
        accessJwt: 'a',
        refreshJwt: 'r',
        didDoc: {
          service: [{ id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: home.url }],
        },
      }),
    )
    const service = keepSession({ service: entryway.url })
    const client = createClient({ service, validate: false })
    await client.call(CreateSession.main, { input })
    await client.call(GetSession.main)
    expect(home.seen).toHaveLength(1)
    // The next sign-in is at the entryway again.
    await client.call(CreateSession.main, { input })
    expect([home.seen.length, entryway.seen.length]).toEqual([1, 2])
  })
})
