import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Procedure, Query } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { createClient, passwordSession, type SessionData, type SessionStore } from '../src/index.ts'
import { createFileSessionStore } from '../src/node/index.ts'
import { catalog, json, listen, type Seen, type TestServer } from './http.ts'

const echo = catalog.method('com.example.echo') as Query
const put = catalog.method('com.example.put-thing.name') as Procedure
const upload = catalog.method('com.example.upload') as Procedure

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const jwt = (kind: string, n: number, exp = 4_000_000_000): string =>
  `e30.${Buffer.from(JSON.stringify({ kind, n, exp })).toString('base64url')}.sig`

/** A PDS that knows one account; its tokens can be made to end. */
interface Pds extends TestServer {
  /** Number of the only access token that is still good. */
  good: number
  issued: number
  refresh: 'yes' | 'refuse' | 'down'
  login: 'yes' | 'refuse'
  didDoc: unknown
  /** When the tokens say that they end, in seconds. */
  exp: number
}

async function listenPds(): Promise<Pds> {
  const state = {
    good: 1,
    issued: 0,
    refresh: 'yes',
    login: 'yes',
    didDoc: undefined,
    exp: 4_000_000_000,
  } as Pds
  const issue = (response: ServerResponse): void => {
    state.issued += 1
    state.good = state.issued
    json(response, {
      did,
      handle: 'alice.test',
      email: 'alice@example.com',
      accessJwt: jwt('access', state.issued, state.exp),
      refreshJwt: jwt('refresh', state.issued),
      didDoc: state.didDoc,
    })
  }
  const answers: Record<string, (seen: Seen, response: ServerResponse) => void> = {
    createSession: (seen, response) => {
      const { identifier, password } = JSON.parse(seen.body.toString()) as Record<string, string>
      const right = state.login === 'yes' && identifier === 'alice.test' && password === 'secret'
      if (right) issue(response)
      else json(response, { error: 'AuthenticationRequired', message: 'Invalid identifier or password' }, 401)
    },
    refreshSession: (seen, response) => {
      if (state.refresh === 'down') json(response, {}, 503)
      else if (
        state.refresh === 'yes' &&
        seen.headers.authorization === `Bearer ${jwt('refresh', state.issued)}`
      ) {
        // Slow enough for every call that waits to be waiting.
        setTimeout(() => issue(response), 30)
      } else json(response, { error: 'ExpiredToken', message: 'Token has been revoked' }, 400)
    },
    deleteSession: (_, response) => void response.end(),
  }
  const server = await listen((seen, response) => {
    const own = answers[seen.url.split('.').at(-1)!]
    if (own !== undefined) own(seen, response)
    else if (seen.headers.authorization !== `Bearer ${jwt('access', state.good, state.exp)}`) {
      json(response, { error: 'ExpiredToken', message: 'Token has expired' }, 400)
    } else json(response, { text: 'x', name: 'y', size: seen.body.length })
  })
  return Object.assign(state, server)
}

const login = { identifier: 'alice.test', password: 'secret' }
const called = (pds: Pds): string[] =>
  pds.seen.map((seen) =>
    seen.url
      .split(/[.?]/)
      .find((part, i, all) => i === all.length - 1 || /Session|echo|name|upload/.test(part))!,
  )

describe('passwordSession', () => {
  it('logs in, and carries the token', async () => {
    await using pds = await listenPds()
    const updates: (SessionData | null)[] = []
    const session = await passwordSession({
      ...login,
      service: `${pds.url}/`,
      onUpdate: (data) => updates.push(data),
    })
    expect(session.data).toMatchObject({
      did,
      handle: 'alice.test',
      email: 'alice@example.com',
      service: pds.url,
    })
    const client = createClient({ service: session })
    expect(await client.call(echo, { params: { text: 'a' } })).toMatchObject({ ok: true })
    expect(pds.seen.at(-1)!.headers.authorization).toBe(`Bearer ${jwt('access', 1)}`)
    expect(updates.length).toBe(1)
    await client.call(echo, { params: { text: 'a' }, headers: { authorization: 'Basic x' } })
    expect(pds.seen.at(-1)!.headers.authorization).toBe('Basic x')
  })

  it('finds the PDS: by resolving the handle, then by what the login says', async () => {
    await using pds = await listenPds()
    await using entryway = await listenPds()
    entryway.didDoc = {
      id: did,
      service: [
        { id: '#other', type: 'Other', serviceEndpoint: 'https://other.example.com' },
        { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: pds.url },
      ],
    }
    const asked: string[] = []
    const session = await passwordSession({
      ...login,
      resolveService: async (identifier) => {
        asked.push(identifier)
        return entryway.url
      },
    })
    expect(asked).toEqual(['alice.test'])
    expect(session.url).toBe(pds.url)
    await createClient({ service: session }).call(echo, { params: { text: 'a' } })
    expect(called(pds)).toEqual(['echo'])
  })

  it('says why a login failed', async () => {
    await using pds = await listenPds()
    await expect(passwordSession({ ...login, password: 'wrong', service: pds.url })).rejects.toMatchObject({
      name: 'XrpcClientError',
      status: 401,
      error: 'AuthenticationRequired',
    })
    await expect(passwordSession(login)).rejects.toThrow(TypeError)
    await using odd = await listen((_, response) => json(response, { did: 'x' }))
    await expect(passwordSession({ ...login, service: odd.url })).rejects.toMatchObject({
      code: 'invalid-response',
    })
  })

  it('renews once for many calls, then sends each again', async () => {
    await using pds = await listenPds()
    const session = await passwordSession({ ...login, service: pds.url })
    const client = createClient({ service: session })
    pds.good = 0
    const results = await Promise.all(
      Array.from({ length: 20 }, () => client.call(echo, { params: { text: 'a' } })),
    )
    expect(results.every((result) => result.ok)).toBe(true)
    expect(called(pds).filter((name) => name === 'refreshSession').length).toBe(1)
    expect(called(pds).filter((name) => name === 'echo').length).toBe(40)
    // A call that comes back late with the old token finds the new one, and does not renew again.
    expect(session.data!.accessJwt).toBe(jwt('access', 2))
  })

  it('renews before the token runs out, so that nothing is sent in vain', async () => {
    await using pds = await listenPds()
    pds.exp = 1000
    let now = 900_000
    const session = await passwordSession({ ...login, service: pds.url, now: () => now })
    const client = createClient({ service: session })
    await client.call(echo, { params: { text: 'a' } })
    now = 995_000
    pds.exp = 2000
    const input = new Blob(['abc']).stream()
    expect((await client.call(upload, { input, encoding: 'text/plain' })).ok).toBe(true)
    expect(called(pds)).toEqual(['createSession', 'echo', 'refreshSession', 'upload'])
  })

  it('logs in afresh when the renewal is refused', async () => {
    await using pds = await listenPds()
    const session = await passwordSession({ ...login, service: pds.url })
    pds.good = 0
    pds.refresh = 'refuse'
    expect((await createClient({ service: session }).call(put, { input: { name: 'x' } })).ok).toBe(true)
    expect(called(pds)).toEqual(['createSession', 'name', 'refreshSession', 'createSession', 'name'])
  })

  it.each(['refuse', 'down'] as const)('sends a write once when the renewal fails (%s)', async (how) => {
    await using pds = await listenPds()
    const session = await passwordSession({ ...login, service: pds.url })
    pds.good = 0
    pds.refresh = how
    pds.login = 'refuse'
    const result = await createClient({ service: session }).call(put, { input: { name: 'x' } })
    expect(!result.ok && result.error).toMatchObject({
      status: 400,
      error: 'ExpiredToken',
      message: 'Token has expired',
    })
    expect(called(pds).filter((name) => name === 'name').length).toBe(1)
    // A service that is down has not refused: no password goes there for nothing.
    expect(called(pds).filter((name) => name === 'createSession').length).toBe(how === 'down' ? 1 : 2)
  })

  it('does not send a stream twice', async () => {
    await using pds = await listenPds()
    const session = await passwordSession({ ...login, service: pds.url })
    pds.good = 0
    const client = createClient({ service: session })
    const result = await client.call(upload, { input: new Blob(['abc']).stream(), encoding: 'text/plain' })
    expect(!result.ok && result.error.error).toBe('ExpiredToken')
    expect(called(pds)).toEqual(['createSession', 'upload', 'refreshSession'])
    expect(
      (await client.call(upload, { input: new Blob(['abc']).stream(), encoding: 'text/plain' })).ok,
    ).toBe(true)
  })

  it('logs out', async () => {
    await using pds = await listenPds()
    const updates: (SessionData | null)[] = []
    const session = await passwordSession({
      ...login,
      service: pds.url,
      onUpdate: (data) => updates.push(data),
    })
    await session.logout()
    expect(pds.seen.at(-1)).toMatchObject({
      url: '/xrpc/com.atproto.server.deleteSession',
      headers: { authorization: `Bearer ${jwt('refresh', 1)}` },
    })
    expect(session.data).toBe(null)
    expect(updates.at(-1)).toBe(null)
    const result = await createClient({ service: session }).call(echo, { params: { text: 'a' } })
    expect(!result.ok && result.error.code).toBe('invalid-request')
    await session.logout()
  })

  it('takes up a kept session without logging in', async () => {
    await using pds = await listenPds()
    let kept: SessionData | null = null
    const store: SessionStore = {
      load: async () => kept,
      save: async (data) => {
        kept = data
      },
    }
    await passwordSession({ ...login, service: pds.url, store })
    const again = await passwordSession({ ...login, store })
    expect((await createClient({ service: again }).call(echo, { params: { text: 'a' } })).ok).toBe(true)
    expect(called(pds)).toEqual(['createSession', 'echo'])
    await again.refresh()
    expect(kept!.accessJwt).toBe(jwt('access', 2))
    await again.logout()
    expect(kept).toBe(null)
  })
})

describe('createFileSessionStore', () => {
  const data: SessionData = {
    did,
    handle: 'alice.test',
    accessJwt: 'a',
    refreshJwt: 'r',
    service: 'https://pds.example.com',
  }
  const inDirectory = async (test: (directory: string) => Promise<void>): Promise<void> => {
    const directory = await mkdtemp(join(tmpdir(), 'avocet-session-'))
    try {
      await test(directory)
    } finally {
      await rm(directory, { recursive: true })
    }
  }

  it('keeps a session where programs keep their state, for its owner alone', () =>
    inDirectory(async (directory) => {
      const before = process.env['XDG_STATE_HOME']
      process.env['XDG_STATE_HOME'] = directory
      const store = createFileSessionStore({ program: 'demo', account: 'alice.test' })
      if (before === undefined) delete process.env['XDG_STATE_HOME']
      else process.env['XDG_STATE_HOME'] = before
      expect(store.path).toBe(join(directory, 'demo', 'sessions', 'alice.test.json'))
      expect(await store.load()).toBe(null)
      await store.save(data)
      await store.save({ ...data, accessJwt: 'b' })
      expect(await store.load()).toEqual({ ...data, accessJwt: 'b' })
      expect((await stat(store.path)).mode & 0o777).toBe(0o600)
      expect((await stat(join(directory, 'demo', 'sessions'))).mode & 0o777).toBe(0o700)
      expect(await readdir(join(directory, 'demo', 'sessions'))).toEqual(['alice.test.json'])
      await store.save(null)
      expect(await store.load()).toBe(null)
      await store.save(null)
    }))

  it('replaces a file whole, with the right mode, whatever was there', () =>
    inDirectory(async (directory) => {
      const store = createFileSessionStore({ program: 'demo', account: 'alice.test', directory })
      await mkdir(join(directory, 'demo', 'sessions'), { recursive: true, mode: 0o755 })
      await writeFile(store.path, '{"did":', { mode: 0o644 })
      expect(await store.load()).toBe(null)
      await writeFile(store.path, JSON.stringify({ ...data, service: 'not a url' }))
      expect(await store.load()).toBe(null)
      await Promise.all(
        Array.from({ length: 20 }, (_, i) => store.save({ ...data, accessJwt: `token ${i}` })),
      )
      expect(JSON.parse(await readFile(store.path, 'utf8'))).toMatchObject({ did })
      expect((await stat(store.path)).mode & 0o777).toBe(0o600)
      expect((await readdir(join(directory, 'demo', 'sessions'))).length).toBe(1)
    }))

  it('cannot be led out of its directory', () => {
    const at = (account: string): string =>
      createFileSessionStore({ program: 'demo', account, directory: '/state' }).path
    expect(at('../../etc/passwd')).toBe('/state/demo/sessions/__.._etc_passwd.json')
    expect(at('did:plc:abc')).toBe('/state/demo/sessions/did:plc:abc.json')
    expect(() => at('')).toThrow(TypeError)
  })
})
