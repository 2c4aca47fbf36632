// What a method asks of its callers, and what is on every answer.
import { XrpcError } from '@avocet/xrpc'
import { describe, expect, it } from 'vitest'
import { createRouter, respond, type Router } from '../src/index.ts'
import { bothWays, catalog } from './methods.ts'

const json = { 'content-type': 'application/json' }
const put = (name: string, who = 'anna'): RequestInit => ({
  method: 'POST',
  headers: { ...json, authorization: who },
  body: JSON.stringify({ name }),
})
const outcome = async (answer: Response): Promise<unknown> => [
  answer.status,
  ((await answer.json()) as { error?: string }).error,
]

bothWays('permission', (open) => {
  it('is asked with the caller and the input, before the method runs', async () => {
    const ran: string[] = []
    const router = createRouter({ catalog }).add('com.example.put', {
      auth: ({ header }) => ({ who: header('authorization') }),
      permit: ({ auth, input, encoding }) => {
        expect(encoding).toBe('application/json')
        if (input.name !== auth.who) throw new XrpcError(403, 'NotYours', `${auth.who} ${input.name}`)
      },
      handler: ({ input }) => {
        ran.push(input.name)
        return { name: input.name }
      },
    })
    await using call = await open(router)
    const refused = await call('/xrpc/com.example.put', put('berta'))
    expect([refused.status, await refused.json()]).toEqual([
      403,
      { error: 'NotYours', message: 'anna berta' },
    ])
    expect(ran).toEqual([])
    expect((await call('/xrpc/com.example.put', put('anna'))).status).toBe(200)
    expect(ran).toEqual(['anna'])
    // Who is nobody, or says nothing that can be read, is told that first.
    expect(await outcome(await call('/xrpc/com.example.put', { ...put('x'), body: '{' }))).toEqual([
      400,
      'InvalidRequest',
    ])
  })

  it('is waited for', async () => {
    let ran = 0
    const router = createRouter({ catalog }).add('com.example.echo', {
      permit: async ({ params }) => {
        await Promise.resolve()
        if (params.text === 'secret') throw new XrpcError(403, 'Forbidden')
      },
      handler: ({ params }) => {
        ran += 1
        return { text: params.text }
      },
    })
    await using call = await open(router)
    expect(await outcome(await call('/xrpc/com.example.echo?text=secret'))).toEqual([403, 'Forbidden'])
    expect((await call('/xrpc/com.example.echo?text=open')).status).toBe(200)
    expect(ran).toBe(1)
  })

  it('that is refused counts for no rule by caller', async () => {
    const router = createRouter({ catalog }).add('com.example.put', {
      auth: ({ header }) => ({ who: header('authorization')! }),
      permit: ({ input }) => {
        if (input.name === 'no') throw new XrpcError(403, 'Forbidden')
      },
      rateLimit: {
        name: 'once',
        limit: 1,
        windowMs: 60_000,
        key: ({ auth }) => (auth as { who: string }).who,
      },
      handler: ({ input }) => ({ name: input.name }),
    })
    await using call = await open(router)
    for (const [name, status] of [
      ['no', 403],
      ['no', 403],
      ['yes', 200],
      ['no', 403],
      ['yes', 429],
    ] as const) {
      expect((await call('/xrpc/com.example.put', put(name))).status).toBe(status)
    }
  })

  it('finds a body that is no JSON as a stream that nobody has read', async () => {
    const seen: unknown[] = []
    const router = createRouter({ catalog }).add('com.example.upload', {
      permit: ({ input, encoding }) => {
        seen.push(encoding, input instanceof ReadableStream && !input.locked)
      },
      handler: async ({ input }) => {
        let size = 0
        for await (const chunk of input as AsyncIterable<Uint8Array>) size += chunk.length
        return { size }
      },
    })
    await using call = await open(router)
    const init = { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'abc' }
    expect(await (await call('/xrpc/com.example.upload', init)).json()).toEqual({ size: 3 })
    expect(seen).toEqual(['image/png', true])
  })
})

bothWays('headers of every answer', (open) => {
  const nonce = { 'dpop-nonce': 'n1' }
  const build = (more: Parameters<typeof createRouter>[0] = {}): Router =>
    createRouter({
      catalog,
      answerHeaders: ({ header }) => (header('authorization') === 'DPoP x' ? nonce : undefined),
      fallback: ({ nsid }) => {
        if (nsid === 'com.example.broken') throw new XrpcError(502, 'UpstreamFailure')
        return new Response('{}', { headers: { ...json, 'dpop-nonce': 'theirs' } })
      },
      ...more,
    })
      .add('com.example.echo', {
        auth: ({ params }) => {
          if (params.text !== 'challenge') return
          const headers = { 'www-authenticate': 'DPoP algs="ES256", error="use_dpop_nonce"' }
          throw new XrpcError(401, 'use_dpop_nonce', 'again', { headers })
        },
        handler: ({ params }) => {
          if (params.text === 'refuse') throw new XrpcError(400, 'TooLoud')
          if (params.text === 'break') throw new Error('inside')
          if (params.text === 'more') return respond({ headers: { 'x-own': '1' }, body: { text: 'a' } })
          return { text: params.text }
        },
      })
      .add('com.example.count', async function* () {})

  it('are on successes, refusals of every kind, and what the fallback gave', async () => {
    await using call = await open(build())
    const found: unknown[] = []
    for (const [path, method] of [
      ['com.example.echo?text=a', 'GET'],
      ['com.example.echo?text=more', 'GET'],
      ['com.example.echo?text=refuse', 'GET'],
      ['com.example.echo?text=break', 'GET'],
      ['com.example.echo?text=challenge', 'GET'],
      ['com.example.echo', 'GET'],
      ['com.example.echo?text=a', 'POST'],
      ['com.example.other', 'GET'],
      ['com.example.broken', 'GET'],
      ['nothing', 'GET'],
      ['_health', 'GET'],
    ] as const) {
      const headers = { authorization: 'DPoP x' }
      const answer = await call(`/xrpc/${path}`, { method, headers })
      found.push([answer.status, answer.headers.get('dpop-nonce')])
      // Scripts of other origins may read it.
      expect(answer.headers.get('access-control-expose-headers')).toBe('*')
    }
    expect(found).toEqual([200, 200, 400, 500, 401, 400, 405, 200, 502, 400, 200].map((code) => [code, 'n1']))
  })

  it('are there for whom they are meant, and leave what the answer says itself', async () => {
    await using call = await open(build())
    const bare = await call('/xrpc/com.example.echo?text=a')
    expect(bare.headers.get('dpop-nonce')).toBe(null)
    const own = await call('/xrpc/com.example.echo?text=more', { headers: { authorization: 'DPoP x' } })
    expect([own.headers.get('x-own'), own.headers.get('cache-control')]).toEqual(['1', 'private'])
    const challenged = await call('/xrpc/com.example.echo?text=challenge')
    expect(challenged.headers.get('www-authenticate')).toBe('DPoP algs="ES256", error="use_dpop_nonce"')
  })

  it('that cannot be told leave the answer as it is', async () => {
    const failures: unknown[] = []
    const router = build({
      answerHeaders: () => {
        throw new Error('no nonce')
      },
      onError: (error, { nsid }) => failures.push([(error as Error).message, nsid]),
    })
    await using call = await open(router)
    const answer = await call('/xrpc/com.example.echo?text=a')
    expect([answer.status, await answer.json()]).toEqual([200, { text: 'a' }])
    expect(failures).toEqual([['no nonce', 'com.example.echo']])
  })
})

describe('the methods of a router', () => {
  it('are listed with what they ask of their callers', () => {
    const router = createRouter({ catalog })
      .add('com.example.put', { needs: { repo: 'create' }, handler: () => ({ name: 'a' }) })
      .add('com.example.ping', () => {})
      .add('com.example.count', { needs: 'nothing', handler: async function* () {} })
    expect(router.methods().map(({ schema, needs }) => [schema.nsid, schema.type, needs])).toEqual([
      ['com.example.put', 'procedure', { repo: 'create' }],
      ['com.example.ping', 'procedure', undefined],
      ['com.example.count', 'subscription', 'nothing'],
    ])
  })

  it('refuse a socket with the headers of every answer', async () => {
    const router = createRouter({ catalog, answerHeaders: () => ({ 'dpop-nonce': 'n1' }) })
    const request = new Request('http://localhost/xrpc/com.example.none')
    const call = {
      method: 'GET',
      path: '/xrpc/com.example.none',
      query: '',
      address: null,
      request,
      signal: request.signal,
      header: () => null,
      body: () => null,
    }
    const connection = await router.connect(call)
    expect(connection.ok).toBe(false)
    expect(!connection.ok && connection.answer.headers['dpop-nonce']).toBe('n1')
  })
})
