import type { Procedure, Query } from '@avocet/lexicon'
import { describe, expect, expectTypeOf, it } from 'vitest'
import {
  createLiteClient,
  passwordSession,
  unwrap,
  XrpcClientError,
  type CallResult,
  type JsonOf,
  type LiteCallOptions,
} from '../src/index.ts'
import type { BlobRef, CID } from '@avocet/data'
import { json, listen } from './http.ts'

const failure = async (result: Promise<CallResult<unknown>>): Promise<Partial<XrpcClientError>> => {
  const { error } = (await result) as { error: XrpcClientError }
  expect(error).toBeInstanceOf(XrpcClientError)
  const { code, status, message } = error
  return { code, status, error: error.error, message }
}

describe('a lite client', () => {
  it('gets by name: parameters as a query string, JSON as it is', async () => {
    const body = { link: { $link: 'bafy' }, lat: 52.37 }
    await using server = await listen((_, response) => json(response, body, 200, { 'x-there': 'yes' }))
    const client = createLiteClient({
      service: `${server.url}/prefix/`,
      proxy: 'did:web:a.example#b',
      headers: { 'x-a': '1', 'x-b': '1' },
    })
    const result = await client.get('com.example.echo', {
      params: { text: 'a b&', tags: ['x', 'y'], yes: true, none: null, absent: undefined },
      headers: { 'x-b': '2' },
    })
    expect(result).toMatchObject({ ok: true, value: body, status: 200 })
    expect(result.ok && result.headers.get('x-there')).toBe('yes')
    expect(server.seen[0]).toMatchObject({
      method: 'GET',
      url: '/prefix/xrpc/com.example.echo?text=a+b%26&tags=x&tags=y&yes=true',
      headers: { 'x-a': '1', 'x-b': '2', 'atproto-proxy': 'did:web:a.example#b' },
    })
    expect(server.seen[0]!.headers).not.toHaveProperty('content-type')
  })

  it('posts JSON, bytes, blobs and streams', async () => {
    await using server = await listen((seen, response) => json(response, { size: seen.body.length }))
    const { post } = createLiteClient({ service: new URL(server.url) })
    const sent = async (options?: LiteCallOptions<Procedure>): Promise<unknown> =>
      unwrap(await post('com.example.put', options)).size
    expect(await sent({ input: { a: 1 }, params: { dry: true } })).toBe(7)
    expect(await sent({ input: new Uint8Array(10), encoding: 'image/png' })).toBe(10)
    expect(await sent({ input: new Blob(['abc'], { type: 'text/plain' }) })).toBe(3)
    const stream = new Blob([new Uint8Array(100_000)]).stream()
    expect(await sent({ input: stream, encoding: 'video/mp4' })).toBe(100_000)
    expect(await sent()).toBe(0)
    expect(server.seen.map(({ method, headers }) => [method, headers['content-type']])).toEqual([
      ['POST', 'application/json'],
      ['POST', 'image/png'],
      ['POST', 'text/plain'],
      ['POST', 'video/mp4'],
      ['POST', undefined],
    ])
    expect(server.seen[0]).toMatchObject({ url: '/xrpc/com.example.put?dry=true' })
  })

  it('gives other forms of an answer on demand, and nothing for an empty one', async () => {
    await using server = await listen(
      (seen, response) => void response.end(seen.url.slice('/xrpc/a.b.'.length)),
    )
    const { get } = createLiteClient({ service: server.url })
    expect(unwrap(await get('a.b.', {}))).toBeUndefined()
    expect(await unwrap(await get('a.b.blob', { as: 'blob' })).text()).toBe('blob')
    expect(await new Response(unwrap(await get('a.b.stream', { as: 'stream' }))).text()).toBe('stream')
    expect(unwrap(await get('a.b.none', { as: 'none' }))).toBeNull()
  })

  it('types what failed', async () => {
    await using server = await listen((seen, response) => {
      const [what] = seen.url.split('/').slice(-1)
      if (what === 'named') json(response, { error: 'RecordNotFound', message: 'none such' }, 400)
      else if (what === 'odd') json(response, { error: 7, message: ['x'] }, 403)
      else if (what === 'long') json(response, { error: 'x'.repeat(300), message: 'y'.repeat(10_001) }, 400)
      else if (what === 'page') {
        response.writeHead(502)
        response.end('<html>')
      } else if (what === 'cut') response.end('{"a":')
      else if (what === 'large') json(response, 'x'.repeat(8))
      else if (what === 'slow') setTimeout(() => response.end('1'), 10_000).unref()
    })
    const { get } = createLiteClient({ service: server.url })
    expect(await failure(get('named'))).toEqual({
      code: 'response',
      status: 400,
      error: 'RecordNotFound',
      message: 'none such',
    })
    const unnamed = (status: number, nsid: string): object => ({
      code: 'response',
      status,
      error: '',
      message: `status ${status}; nsid=${nsid}`,
    })
    expect(await failure(get('odd'))).toEqual(unnamed(403, 'odd'))
    expect(await failure(get('page'))).toEqual(unnamed(502, 'page'))
    const long = await failure(get('long'))
    expect([long.error?.length, long.message?.length]).toEqual([256, 10_000])
    expect(await failure(get('cut'))).toMatchObject({ code: 'invalid-response', status: 200, error: '' })
    expect(unwrap(await get('large', { maxJsonBytes: 10 }))).toBe('xxxxxxxx')
    expect(await failure(get('large', { maxJsonBytes: 9 }))).toMatchObject({ code: 'too-large', status: 200 })
    expect(await failure(get('slow', { signal: AbortSignal.timeout(20) }))).toMatchObject({
      code: 'aborted',
      status: 0,
    })
    const nobody = createLiteClient({
      service: 'https://a.example',
      fetch: () => Promise.reject(new TypeError('fetch failed')),
    })
    expect(await failure(nobody.get('a.b.c'))).toEqual({
      code: 'network',
      status: 0,
      error: '',
      message: 'no answer: TypeError: fetch failed; nsid=a.b.c',
    })
    expect(() => createLiteClient({ service: 'bsky.social' })).toThrow(TypeError)
  })

  it('takes a session', async () => {
    const tokens = { did: 'did:plc:a', handle: 'a.example', accessJwt: 'one', refreshJwt: 'two' }
    await using server = await listen((seen, response) =>
      json(response, seen.url.endsWith('createSession') ? tokens : { as: seen.headers['authorization'] }),
    )
    const service = await passwordSession({ service: server.url, identifier: 'a', password: 'b' })
    expect(unwrap(await createLiteClient({ service }).get('a.b.c'))).toEqual({ as: 'Bearer one' })
  })

  it('has the types of a schema in their JSON form', () => {
    type Get = Query<{ actor: string }, { cid: CID; blob: BlobRef; sig?: Uint8Array; tags: ('a' | 'b')[] }>
    type Put = Procedure<Record<string, never>, { link: CID }, undefined>
    const check = async (): Promise<void> => {
      const { get, post } = createLiteClient({ service: 'https://a.example' })
      const value = unwrap(await get<Get>('a.b.get', { params: { actor: 'x' } }))
      expectTypeOf(value.cid).toEqualTypeOf<{ $link: string }>()
      expectTypeOf(value.blob.ref).toEqualTypeOf<{ $link: string }>()
      expectTypeOf(value.blob.$type).toEqualTypeOf<'blob'>()
      expectTypeOf(value.sig).toEqualTypeOf<{ $bytes: string } | undefined>()
      expectTypeOf(value.tags).toEqualTypeOf<('a' | 'b')[]>()
      expectTypeOf(unwrap(await get('a.b.any'))).toBeAny()
      // @ts-expect-error -- another parameter's type
      await get<Get>('a.b.get', { params: { actor: 1 } })
      await post<Put>('a.b.put', { input: { link: { $link: 'bafy' } } })
      // @ts-expect-error -- a CID is no JSON
      await post<Put>('a.b.put', { input: { link: null as unknown as CID } })
    }
    expectTypeOf(check).returns.toEqualTypeOf<Promise<void>>()
    expectTypeOf<JsonOf<'x' | 1 | null | boolean>>().toEqualTypeOf<'x' | 1 | null | boolean>()
  })
})
