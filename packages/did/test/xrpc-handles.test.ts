// Handles by a service: what pages do, which have no DNS.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createXrpcHandleResolver, parseDidDocument, resolveAccount, type DidResolver } from '../src/index.ts'
import { startHttpServer, type TestServer } from './support/http-server.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
let server: TestServer
let answer: { status?: number; body?: string; delayMs?: number }
const asked: string[] = []

beforeAll(async () => {
  server = await startHttpServer((request, response) => {
    asked.push(request.url ?? '')
    const { status = 200, body = '', delayMs = 0 } = answer
    setTimeout(() => response.writeHead(status, { 'content-type': 'application/json' }).end(body), delayMs)
  })
})
afterAll(() => server.close())

const resolver = (options: object = {}): ReturnType<typeof createXrpcHandleResolver> =>
  createXrpcHandleResolver({ service: `${server.url}/`, timeoutMs: 500, ...options })

describe('a resolver by XRPC', () => {
  it('asks the service for the handle in its normal form', async () => {
    answer = { body: JSON.stringify({ did }) }
    expect(await resolver().resolve('Alice.Example.com')).toEqual({ ok: true, value: did })
    expect(asked.at(-1)).toBe('/xrpc/com.atproto.identity.resolveHandle?handle=alice.example.com')
  })

  it.each([
    [{ status: 400, body: '{"error":"HandleNotFound"}' }, 'not-found'],
    [{ status: 400, body: '{"error":"InvalidRequest","message":"Unable to resolve handle"}' }, 'not-found'],
    [{ status: 404, body: 'gone' }, 'not-found'],
    [{ status: 400, body: '{"error":"RateLimited"}' }, 'bad-status'],
    [{ status: 429, body: '{}' }, 'bad-status'],
    [{ status: 502, body: '<html>' }, 'bad-status'],
    [{ body: '{"did":"nonsense"}' }, 'bad-status'],
    [{ body: 'null' }, 'bad-status'],
    [{ body: `{"did":"${did}"}`.padEnd(16_385) }, 'too-large'],
    [{ body: '{}', delayMs: 1500 }, 'timeout'],
  ])('%j is %s', async (given, code) => {
    answer = given
    expect(await resolver().resolve('alice.example.com')).toMatchObject({ ok: false, error: { code } })
  })

  it('takes as many bytes as it says', async () => {
    answer = { body: `{"did":"${did}"}`.padEnd(16_384) }
    expect(await resolver().resolve('alice.example.com')).toMatchObject({ ok: true })
  })

  it('asks nobody for what is no handle, or reserved', async () => {
    const before = asked.length
    for (const handle of ['nonsense', 'alice.local', 'alice.test', 'a.b?handle=c.d']) {
      expect((await resolver().resolve(handle as 'a.b')).ok, handle).toBe(false)
    }
    expect(asked.length).toBe(before)
    answer = { body: JSON.stringify({ did }) }
    expect((await resolver({ allowTestTld: true }).resolve('alice.test')).ok).toBe(true)
  })

  it('ends with the signal, and says where nobody listens', async () => {
    answer = { delayMs: 400 }
    const stop = new AbortController()
    const waiting = resolver().resolve('alice.example.com', { signal: stop.signal })
    stop.abort()
    expect(await waiting).toMatchObject({ ok: false, error: { code: 'aborted' } })
    const nowhere = createXrpcHandleResolver({ service: 'http://127.0.0.1:1' })
    expect(await nowhere.resolve('alice.example.com')).toMatchObject({
      ok: false,
      error: { code: 'network' },
    })
    expect(() => createXrpcHandleResolver({ service: 'bsky.social' })).toThrow('service=bsky.social')
  })

  it('is found out where it lies about a handle', async () => {
    answer = { body: JSON.stringify({ did }) }
    const document = parseDidDocument({ id: did, alsoKnownAs: ['at://bob.example.com'] })
    const dids: DidResolver = { resolve: async () => document }
    const found = await resolveAccount('alice.example.com', { dids, handles: resolver() })
    expect(found).toMatchObject({ ok: false, error: { code: 'handle-mismatch' } })
  })
})
