import { cidForRaw } from '@avocet/data'
import { XrpcError } from '@avocet/xrpc'
import { expect, it } from 'vitest'
import { createRouter, redirect, respond } from '../src/index.ts'
import { bothWays, catalog } from './methods.ts'

const cid = cidForRaw(new Uint8Array([1]))
const json = { 'content-type': 'application/json' }
const post = (body: unknown): RequestInit => ({ method: 'POST', headers: json, body: JSON.stringify(body) })

bothWays('methods', (open) => {
  it('answers a query with validated parameters, defaults filled in', async () => {
    const router = createRouter({ catalog }).add('com.example.echo', {
      handler: ({ params }) => ({
        text: params.text.repeat(params.times),
        tags: params.tags,
        cid,
        gone: undefined,
      }),
    })
    await using call = await open(router)
    const response = await call('/xrpc/com.example.echo?text=ab&tags=x&tags=y')
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('x-request-id')).toMatch(/^[\w-]+$/)
    expect(await response.json()).toEqual({ text: 'ab', tags: ['x', 'y'], cid: { $link: cid.toString() } })
  })

  it('answers a procedure: JSON in as data, data out as JSON', async () => {
    const router = createRouter({ catalog }).add('com.example.put', {
      handler: ({ input, encoding }) => {
        expect(encoding).toBe('application/json')
        expect(input.link.equals(cid)).toBe(true)
        expect(input.record.bytes).toEqual(new Uint8Array([1, 2, 3]))
        return { name: input.name, link: input.link }
      },
    })
    await using call = await open(router)
    const body = { name: 'x', link: { $link: cid.toString() }, record: { bytes: { $bytes: 'AQID' } } }
    const response = await call('/xrpc/com.example.put', post(body))
    expect(await response.json()).toEqual({ name: 'x', link: { $link: cid.toString() } })
  })

  it('runs a method without input and output', async () => {
    const router = createRouter({ catalog }).add('com.example.ping', () => {})
    await using call = await open(router)
    const response = await call('/xrpc/com.example.ping', { method: 'POST' })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
  })

  it('streams bytes in, bounded, and out', async () => {
    const router = createRouter({ catalog, limits: { blobBytes: 100_000 } })
      .add('com.example.upload', {
        handler: async ({ input, encoding }) => {
          let size = 0
          for await (const chunk of input) size += chunk.length
          return { size, type: encoding }
        },
      })
      .add('com.example.download', {
        handler: async function ({ params }) {
          return (async function* () {
            for (let i = 0; i < params.size; i++) yield new Uint8Array(1000).fill(i)
          })()
        },
      })
    await using call = await open(router)
    const upload = (size: number): Promise<Response> =>
      call('/xrpc/com.example.upload', {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: new Uint8Array(size),
      })
    expect(await (await upload(100_000)).json()).toEqual({ size: 100_000, type: 'image/png' })
    expect(await (await upload(0)).json()).toEqual({ size: 0, type: 'image/png' })
    const untyped = await call('/xrpc/com.example.upload', { method: 'POST' })
    expect([untyped.status, await untyped.json()]).toMatchObject([400, { error: 'InvalidRequest' }])
    const refused = await upload(100_001)
    expect(refused.status).toBe(413)
    expect(await refused.json()).toMatchObject({ error: 'PayloadTooLarge' })
    const download = await call('/xrpc/com.example.download?size=50')
    expect(download.headers.get('content-type')).toBe('application/vnd.ipld.car')
    const bytes = new Uint8Array(await download.arrayBuffer())
    expect(bytes.length).toBe(50_000)
    expect(bytes[49_999]).toBe(49)
  })

  it('hands credentials of the auth function to the handler, and its refusal to the caller', async () => {
    const router = createRouter({ catalog }).add('com.example.echo', {
      auth: ({ header }) => {
        const token = header('authorization')
        if (token === null) throw new XrpcError(401, 'AuthMissing', 'Authentication Required')
        return { did: token.slice(7) }
      },
      handler: ({ auth }) => ({ text: auth.did }),
    })
    await using call = await open(router)
    const refused = await call('/xrpc/com.example.echo?text=a')
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect(await refused.json()).toEqual({ error: 'AuthMissing', message: 'Authentication Required' })
    const allowed = await call('/xrpc/com.example.echo?text=a', {
      headers: { authorization: 'Bearer did:web:x' },
    })
    expect(await allowed.json()).toEqual({ text: 'did:web:x' })
  })

  it('passes on errors with their headers, and hides what went wrong inside', async () => {
    const seen: unknown[] = []
    const router = createRouter({ catalog, onError: (error) => seen.push(error) }).add('com.example.echo', {
      handler: ({ params }) => {
        if (params.loud === true) {
          throw new XrpcError(400, 'TooLoud', 'quiet please', { headers: { 'X-Volume': '11' } })
        }
        throw new Error('the password is hunter2')
      },
    })
    await using call = await open(router)
    const loud = await call('/xrpc/com.example.echo?text=a&loud=true')
    expect(loud.status).toBe(400)
    expect(loud.headers.get('x-volume')).toBe('11')
    expect(await loud.json()).toEqual({ error: 'TooLoud', message: 'quiet please' })
    expect(seen).toEqual([])
    const broken = await call('/xrpc/com.example.echo?text=a')
    expect(broken.status).toBe(500)
    expect(await broken.text()).toBe('{"error":"InternalServerError","message":"Internal Server Error"}')
    expect(String(seen[0])).toContain('hunter2')
  })

  it('lets an app say what its own errors are on the wire', async () => {
    const seen: unknown[] = []
    const router = createRouter({
      catalog,
      onError: (error) => seen.push(error),
      mapError: (error) =>
        error instanceof RangeError ? new XrpcError(409, 'Conflict', error.message) : undefined,
    }).add('com.example.echo', {
      handler: ({ params }) => {
        throw params.loud === true ? new RangeError('too far') : new Error('inside')
      },
    })
    await using call = await open(router)
    const mapped = await call('/xrpc/com.example.echo?text=a&loud=true')
    expect([mapped.status, await mapped.json()]).toEqual([409, { error: 'Conflict', message: 'too far' }])
    expect(seen).toEqual([])
    expect((await call('/xrpc/com.example.echo?text=a')).status).toBe(500)
    expect(seen.length).toBe(1)
  })

  it('checks what a handler returns, unless told not to', async () => {
    const seen: unknown[] = []
    const handler = (): { text: string } => ({ text: 7 as unknown as string })
    const checked = createRouter({ catalog, onError: (error) => seen.push(error) }).add('com.example.echo', {
      handler,
    })
    await using call = await open(checked)
    expect((await call('/xrpc/com.example.echo?text=a')).status).toBe(500)
    expect(String(seen[0])).toContain('path=/text')
    const unchecked = createRouter({ catalog, validateOutput: false }).add('com.example.echo', { handler })
    await using call2 = await open(unchecked)
    expect(await (await call2('/xrpc/com.example.echo?text=a')).json()).toEqual({ text: 7 })
  })

  it('redirects, sets headers and status, passes native responses on', async () => {
    const router = createRouter({ catalog })
      .add('com.example.download', ({ params }: { params: { size: number } }) =>
        params.size === 1
          ? redirect('https://cdn.example.com/blob')
          : params.size === 2
            ? redirect('/elsewhere', 307)
            : new Response('raw', {
                status: 203,
                headers: [
                  ['content-type', 'text/plain'],
                  ['set-cookie', 'a=1'],
                  ['set-cookie', 'b=2'],
                ],
              }),
      )
      .add('com.example.echo', {
        handler: ({ params, headers }) => {
          headers.set('X-From-Headers', 'yes')
          return respond({ body: { text: params.text }, status: 202, headers: { 'X-From-Reply': 'too' } })
        },
      })
    await using call = await open(router)
    const manual = { redirect: 'manual' } as const
    const found = await call('/xrpc/com.example.download?size=1', manual)
    expect([found.status, found.headers.get('location')]).toEqual([302, 'https://cdn.example.com/blob'])
    const temporary = await call('/xrpc/com.example.download?size=2', manual)
    expect([temporary.status, temporary.headers.get('location')]).toEqual([307, '/elsewhere'])
    const native = await call('/xrpc/com.example.download')
    expect([native.status, await native.text()]).toEqual([203, 'raw'])
    expect(native.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    const reply = await call('/xrpc/com.example.echo?text=a')
    expect(reply.status).toBe(202)
    expect([reply.headers.get('x-from-headers'), reply.headers.get('x-from-reply')]).toEqual(['yes', 'too'])
    expect(await reply.json()).toEqual({ text: 'a' })
  })

  it('hands unknown methods to the fallback', async () => {
    const router = createRouter({
      fallback: async ({ nsid, request }) =>
        Response.json({ nsid, method: request.method, body: await request.text() }, { status: 201 }),
    })
    await using call = await open(router)
    const response = await call('/xrpc/com.example.other?x=1', { method: 'POST', body: 'hello' })
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({ nsid: 'com.example.other', method: 'POST', body: 'hello' })
    expect((await call('/xrpc/nope')).status).toBe(400)
  })
})
