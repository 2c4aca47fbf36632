import { cidForRaw } from '@avocet/data'
import type { Procedure, Query } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { createClient, createRpc, unwrap, XrpcClientError } from '../src/index.ts'
import { catalog, json, listen } from './http.ts'

const echo = catalog.method('com.example.echo') as Query
const put = catalog.method('com.example.put-thing.name') as Procedure
const ping = catalog.method('com.example.ping') as Procedure
const upload = catalog.method('com.example.upload') as Procedure
const download = catalog.method('com.example.download') as Query
const cid = cidForRaw(new Uint8Array([1]))

describe('call', () => {
  it('sends a query: arrays repeated, empty ones dropped, defaults included', async () => {
    await using server = await listen((_, response) =>
      json(response, { text: 'hi', cid: { $link: cid.toString() } }, 200, {
        'atproto-repo-rev': '3jzfcijpj2z2a',
      }),
    )
    const client = createClient({ service: `${server.url}/` })
    const result = await client.call(echo, { params: { text: 'a b', tags: ['x', 'y'], loud: undefined } })
    expect(server.seen[0]).toMatchObject({
      method: 'GET',
      url: '/xrpc/com.example.echo?text=a+b&tags=x&tags=y&times=1',
    })
    expect(server.seen[0]!.headers['user-agent']).toBe('avocet-xrpc-client')
    expect(result).toMatchObject({ ok: true, status: 200, value: { text: 'hi' } })
    expect(result.ok && result.headers.get('atproto-repo-rev')).toBe('3jzfcijpj2z2a')
    expect(result.ok && cid.equals(result.value.cid)).toBe(true)
  })

  it('keeps the path of a base URL', async () => {
    await using server = await listen((_, response) => json(response, { text: 'x' }))
    await createClient({ service: new URL(`${server.url}/prefix/`) }).call(echo, { params: { text: 'a' } })
    expect(server.seen[0]!.url).toBe('/prefix/xrpc/com.example.echo?text=a&times=1')
    expect(() => createClient({ service: 'ftp://x' })).toThrow(TypeError)
  })

  it('sends a procedure: data as JSON', async () => {
    await using server = await listen((_, response) => json(response, { name: 'x' }))
    const client = createClient({ service: server.url })
    unwrap(await client.call(put, { params: { dry: true }, input: { name: 'abc', link: cid } }))
    const [seen] = server.seen
    expect(seen).toMatchObject({ method: 'POST', url: '/xrpc/com.example.put-thing.name?dry=true' })
    expect(seen!.headers['content-type']).toBe('application/json')
    expect(JSON.parse(seen!.body.toString())).toEqual({ name: 'abc', link: { $link: cid.toString() } })
  })

  it('calls a method without input and output', async () => {
    await using server = await listen((_, response) => void response.end())
    const result = await createClient({ service: server.url }).call(ping)
    expect(result).toMatchObject({ ok: true, value: undefined })
    expect(server.seen[0]!.body.length).toBe(0)
    const refused = await createClient({ service: server.url }).call(ping, { input: {} } as never)
    expect(!refused.ok && refused.error.code).toBe('invalid-request')
  })

  it('uploads bytes, blobs and streams', async () => {
    await using server = await listen((seen, response) => json(response, { size: seen.body.length }))
    const client = createClient({ service: server.url })
    const size = async (input: never, encoding: string): Promise<unknown> =>
      unwrap(await client.call(upload, { input, encoding })).size
    expect(await size(new Uint8Array(10) as never, 'image/png')).toBe(10)
    expect(server.seen[0]!.headers['content-type']).toBe('image/png')
    expect(
      unwrap(await client.call(upload, { input: new Blob(['abc'], { type: 'text/plain' }) } as never)).size,
    ).toBe(3)
    expect(server.seen[1]!.headers['content-type']).toBe('text/plain')
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 100; i++) yield new Uint8Array(10_000)
    }
    expect(await size(chunks() as never, 'video/mp4')).toBe(1_000_000)
    expect(server.seen[2]!.headers['transfer-encoding']).toBe('chunked')
    const refused = await client.call(upload, { input: new Uint8Array(1) } as never)
    expect(!refused.ok && refused.error.code).toBe('invalid-request')
  })

  it('hands out bytes as they arrive', async () => {
    let finish = (): void => {}
    await using server = await listen((_, response) => {
      response.write('first')
      finish = () => response.end('last')
    })
    const result = await createClient({ service: server.url, timeoutMs: 200 }).call(download)
    const reader = (unwrap(result) as ReadableStream<Uint8Array>).getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('first')
    // The time limit was for the head of the answer alone.
    await new Promise((resolve) => setTimeout(resolve, 300))
    finish()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('last')
  })

  it('sends headers, labelers and proxy of the client and of the call', async () => {
    await using server = await listen((_, response) => json(response, { text: 'x' }))
    const client = createClient({
      service: server.url,
      headers: { 'X-A': '1', 'X-B': '1', 'User-Agent': 'me' },
      labelers: ['did:plc:a', { did: 'did:plc:b', redact: true }],
      proxy: 'did:web:api.example.com#appview',
    })
    await client.call(echo, { params: { text: 'a' }, headers: { 'x-b': '2' } })
    await client.call(echo, { params: { text: 'a' }, labelers: [], proxy: 'did:web:chat.example.com#chat' })
    expect(server.seen[0]!.headers).toMatchObject({
      'x-a': '1',
      'x-b': '2',
      'user-agent': 'me',
      'atproto-accept-labelers': 'did:plc:a, did:plc:b;redact',
      'atproto-proxy': 'did:web:api.example.com#appview',
    })
    expect(server.seen[1]!.headers['atproto-accept-labelers']).toBe(undefined)
    expect(server.seen[1]!.headers['atproto-proxy']).toBe('did:web:chat.example.com#chat')
  })
})

describe('failures', () => {
  it('gives the error of the service, whatever its form', async () => {
    const answers: [number, string, string][] = [
      [400, 'application/json', '{"error":"RecordNotFound","message":"no such record"}'],
      [502, 'text/html', '<h1>Bad gateway</h1>'],
      [401, 'application/json', '{"error":'],
    ]
    await using server = await listen((_, response, count) => {
      const [status, type, body] = answers[count - 1]!
      response.writeHead(status, { 'content-type': type, 'x-extra': 'yes' }).end(body)
    })
    const client = createClient({ service: server.url, retry: false })
    const call = async (): Promise<XrpcClientError> => {
      const result = await client.call(echo, { params: { text: 'a' } })
      if (result.ok) throw new Error('worked')
      return result.error
    }
    expect(await call()).toMatchObject({
      name: 'XrpcClientError',
      code: 'response',
      status: 400,
      error: 'RecordNotFound',
      message: 'no such record',
    })
    const gateway = await call()
    expect(gateway).toMatchObject({ code: 'response', status: 502, error: 'UpstreamFailure' })
    expect(gateway.headers.get('x-extra')).toBe('yes')
    expect(await call()).toMatchObject({ status: 401, error: 'AuthenticationRequired' })
    expect(() => unwrap({ ok: false, error: gateway })).toThrow(gateway)
  })

  it('checks what it sends, and sends nothing that is wrong', async () => {
    await using server = await listen((_, response) => json(response, { text: 'x' }))
    const client = createClient({ service: server.url })
    const results = [
      await client.call(echo, { params: {} as never }),
      await client.call(echo, { params: { text: 'x'.repeat(21) } }),
      await client.call(echo, { params: { text: 'x', nope: 1 } as never }),
      await client.call(put, { input: { name: 7 } }),
      await client.call(put, {} as never),
    ]
    expect(results.map((result) => !result.ok && result.error.code)).toEqual(Array(5).fill('invalid-request'))
    const [missing] = results
    expect(!missing!.ok && missing!.error.issues[0]).toMatchObject({
      path: '/text',
      code: 'required',
    })
    expect(server.seen.length).toBe(0)
    const unchecked = await client.call(echo, {
      params: { text: 'x'.repeat(21) },
      validate: { params: false },
    })
    expect(unchecked.ok).toBe(true)
  })

  it('checks what it gets', async () => {
    const bodies = ['{"text":7}', '{"text":1.5}', '{"text":', '{"text":{"$link":"x"}}', '[]']
    await using server = await listen((_, response, count) => {
      response.setHeader('content-type', 'application/json')
      response.end(bodies[(count - 1) % bodies.length])
    })
    const client = createClient({ service: server.url })
    for (const body of bodies) {
      const result = await client.call(echo, { params: { text: 'a' } })
      expect(result.ok ? body : result.error.code).toBe('invalid-response')
    }
    const unchecked = await client.call(echo, { params: { text: 'a' }, validate: { output: false } })
    expect(unchecked.ok && unchecked.value).toEqual({ text: 7 })
  })

  it('bounds the size of an answer, said and unsaid', async () => {
    const text = JSON.stringify({ text: 'x'.repeat(1000) })
    await using server = await listen((_, response, count) => {
      if (count === 1) response.setHeader('content-length', text.length)
      else response.write(' ')
      response.end(text)
    })
    const client = createClient({ service: server.url, maxJsonBytes: 500 })
    for (let i = 0; i < 2; i++) {
      const result = await client.call(echo, { params: { text: 'a' } })
      expect(!result.ok && result.error.code).toBe('too-large')
    }
  })

  it('gives up in time, before and within an answer, and when told to', async () => {
    await using server = await listen((_, response, count) => {
      if (count === 2) response.write('{"te')
    })
    const client = createClient({ service: server.url, timeoutMs: 50, retry: false })
    for (let i = 0; i < 2; i++) {
      const result = await client.call(echo, { params: { text: 'a' } })
      expect(!result.ok && result.error.code).toBe('timeout')
    }
    const abort = new AbortController()
    const pending = client.call(echo, { params: { text: 'a' }, signal: abort.signal, timeoutMs: 0 })
    setTimeout(() => abort.abort(), 20)
    const aborted = await pending
    expect(!aborted.ok && aborted.error.code).toBe('aborted')
    const early = await client.call(echo, { params: { text: 'a' }, signal: AbortSignal.abort() })
    expect(!early.ok && early.error.code).toBe('aborted')
  })

  it('tells that nobody answered', async () => {
    const server = await listen(() => {})
    await server[Symbol.asyncDispose]()
    const result = await createClient({ service: server.url, retry: false }).call(echo, {
      params: { text: 'a' },
    })
    expect(!result.ok && result.error).toMatchObject({ code: 'network', status: 0, error: '' })
  })
})

describe('retry', () => {
  const fast = { minMs: 5, maxMs: 2000 }

  it('repeats a query that failed in passing', async () => {
    const statuses = [503, 502, 200]
    await using server = await listen((_, response, count) =>
      json(response, { text: 'x' }, statuses[count - 1]!),
    )
    const result = await createClient({ service: server.url, retry: fast }).call(echo, {
      params: { text: 'a' },
    })
    expect(result.ok).toBe(true)
    expect(server.seen.length).toBe(3)
  })

  it('repeats a query whose connection broke', async () => {
    await using server = await listen((_, response, count) => {
      if (count === 1) response.destroy()
      else json(response, { text: 'x' })
    })
    const result = await createClient({ service: server.url, retry: fast }).call(echo, {
      params: { text: 'a' },
    })
    expect(result.ok).toBe(true)
  })

  it('does not repeat an error, a write, or more often than told', async () => {
    await using server = await listen((seen, response) => {
      if (seen.url.includes('text=bad')) json(response, { error: 'InvalidRequest' }, 400)
      else if (seen.url.includes('text=down')) json(response, {}, 503)
      else response.destroy()
    })
    const client = createClient({ service: server.url, retry: { ...fast, times: 1 } })
    await client.call(echo, { params: { text: 'bad' } })
    expect(server.seen.length).toBe(1)
    await client.call(echo, { params: { text: 'down' } })
    expect(server.seen.length).toBe(3)
    await client.call(put, { input: { name: 'x' } })
    expect(server.seen.length).toBe(4)
  })

  it('waits as long as a refused write was asked to, and no longer than allowed', async () => {
    await using server = await listen((seen, response, count) => {
      const wait = seen.url.includes('dry=true') ? '100' : '1'
      if (count === 1 || wait === '100') json(response, {}, 429, { 'retry-after': wait })
      else json(response, { name: 'x' })
    })
    const client = createClient({ service: server.url, retry: fast })
    const started = performance.now()
    expect((await client.call(put, { input: { name: 'x' } })).ok).toBe(true)
    expect(performance.now() - started).toBeGreaterThan(950)
    expect(server.seen.length).toBe(2)
    const refused = await client.call(put, { params: { dry: true }, input: { name: 'x' } })
    expect(!refused.ok && refused.error.error).toBe('RateLimitExceeded')
    expect(server.seen.length).toBe(3)
  })

  it('does not send a used-up stream again', async () => {
    await using server = await listen((_, response) => json(response, {}, 429, { 'retry-after': '0' }))
    const input = new Blob(['abc']).stream()
    const result = await createClient({ service: server.url, retry: fast }).call(upload, {
      input,
      encoding: 'a/b',
    })
    expect(result.ok).toBe(false)
    expect(server.seen.length).toBe(1)
  })
})

describe('rpc', () => {
  it('calls by name, `_` for `-`, and gives the output itself', async () => {
    await using server = await listen((seen, response) =>
      json(response, seen.method === 'GET' ? { text: 'x' } : { name: 'y' }),
    )
    const rpc: any = createRpc(createClient({ service: server.url }), catalog)
    expect(await rpc.com.example.echo({ text: 'a', tags: null })).toEqual({ text: 'x' })
    expect(await rpc.com.example.put_thing.name({ name: 'a' }, { params: { dry: false } })).toEqual({
      name: 'y',
    })
    expect(server.seen.map((seen) => seen.url)).toEqual([
      '/xrpc/com.example.echo?text=a&times=1',
      '/xrpc/com.example.put-thing.name?dry=false',
    ])
    expect(JSON.parse(server.seen[1]!.body.toString())).toEqual({ name: 'a' })
  })

  it('throws failures, and says what it does not know', async () => {
    await using server = await listen((_, response) => json(response, { error: 'Nope', message: 'no' }, 400))
    const rpc: any = createRpc(createClient({ service: server.url }), catalog)
    await expect(rpc.com.example.echo({ text: 'a' })).rejects.toMatchObject({ error: 'Nope' })
    await expect(rpc.com.example.nothing()).rejects.toMatchObject({ code: 'unknown-method' })
    await expect(rpc.com.example.count()).rejects.toMatchObject({ code: 'unknown-method' })
    // A proxy that looked like a promise would be called by `await`.
    expect(typeof (await rpc.com)).toBe('function')
  })
})

describe('truncate', () => {
  const create = catalog.method('com.atproto.repo.createRecord') as Procedure
  const body = (seen: { body: Buffer } | undefined): any => JSON.parse(seen!.body.toString())

  it('shortens the input, and records in it', async () => {
    await using server = await listen((_, response) => json(response, {}))
    const client = createClient({ service: server.url, lexicons: catalog, truncate: true })
    unwrap(await client.call(put, { input: { name: '👨‍👩‍👧‍👦abcdefg' } }))
    expect(body(server.seen[0]).name).toBe('👨‍👩‍👧‍👦abcd')
    const note = { $type: 'com.example.note', text: 'too long' }
    const input = { repo: 'did:web:x', collection: 'com.example.note', record: note }
    unwrap(await client.call(create, { input }))
    expect(body(server.seen[1]).record.text).toBe('too l')
    expect(note.text).toBe('too long')
  })

  it('refuses what is too long otherwise', async () => {
    await using server = await listen((_, response) => json(response, {}))
    const client = createClient({ service: server.url, lexicons: catalog })
    const named = await client.call(put, { input: { name: 'abcdefg' } })
    expect(!named.ok && named.error.issues[0]!.path).toBe('/name')
    const record = { $type: 'com.example.note', text: 'too long' }
    const noted = await client.call(create, {
      input: { repo: 'did:web:x', collection: 'com.example.note', record },
    })
    expect(!noted.ok && noted.error.issues[0]!.path).toBe('/text')
    const unknown = { $type: 'com.example.other', text: 'too long' }
    expect(
      (
        await client.call(create, {
          input: { repo: 'did:web:x', collection: 'com.example.other', record: unknown },
        })
      ).ok,
    ).toBe(true)
  })
})
