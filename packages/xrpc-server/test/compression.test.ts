/** What is compressed, what a cache is told of it, and that it costs no memory. */
import { gunzipSync } from 'node:zlib'

import { createCatalog } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'

import { createRouter, respond } from '../src/index.ts'
import { serve } from '../src/node/index.ts'

const method = (id: string, encoding: string) => ({
  lexicon: 1 as const,
  id,
  defs: {
    main: {
      type: 'query' as const,
      parameters: { type: 'params' as const, properties: { size: { type: 'integer' as const } } },
      output: { encoding },
    },
  },
})
const catalog = createCatalog([
  method('com.example.car', 'application/vnd.ipld.car'),
  method('com.example.any', '*/*'),
])
const CAR = 'application/vnd.ipld.car'

/** Bytes that gzip makes some smaller, as those of a repository are. */
const chunk = (n: number): Uint8Array => Buffer.from(JSON.stringify({ n, text: 'some words ' }).repeat(30))

describe('compression', () => {
  it('takes archives as a stream and whole, and says that it depends on the request', async () => {
    const router = createRouter({ catalog }).add('com.example.car', ({ params }) =>
      respond({
        encoding: CAR,
        body:
          params.size === undefined
            ? Buffer.concat([chunk(0), chunk(1)])
            : (async function* () {
                for (let i = 0; i < params.size; i++) yield chunk(i)
              })(),
      }),
    )
    await using server = await serve({ router })
    const get = (query: string, accepted: string | null) =>
      fetch(`${server.url}/xrpc/com.example.car${query}`, {
        headers: accepted === null ? { 'accept-encoding': 'identity' } : { 'accept-encoding': accepted },
      })
    for (const [query, bytes] of [
      ['', Buffer.concat([chunk(0), chunk(1)])],
      ['?size=100', Buffer.concat(Array.from({ length: 100 }, (_, i) => chunk(i)))],
    ] as const) {
      const packed = await get(query, 'gzip')
      expect(packed.headers.get('content-encoding')).toBe('gzip')
      expect(packed.headers.get('content-type')).toBe(CAR)
      expect(packed.headers.get('vary')).toBe('Accept-Encoding')
      expect(packed.headers.get('content-length') === null || query === '').toBe(true)
      expect(Buffer.from(await packed.arrayBuffer()).equals(bytes)).toBe(true)
      const plain = await get(query, null)
      expect([plain.headers.get('content-encoding'), plain.headers.get('vary')]).toEqual([
        null,
        'Accept-Encoding',
      ])
      expect(Buffer.from(await plain.arrayBuffer()).equals(bytes)).toBe(true)
    }
  })

  it('makes a strong tag weak, and tells the two forms apart no further', async () => {
    const router = createRouter({ catalog }).add('com.example.any', () =>
      respond({ encoding: 'text/plain', body: 'x'.repeat(2000), headers: { etag: '"abc"' } }),
    )
    const tag = async (accepted: string) => {
      const response = await router.fetch(
        new Request('http://x/xrpc/com.example.any', { headers: { 'accept-encoding': accepted } }),
      )
      return response.headers.get('etag')
    }
    expect([await tag('gzip'), await tag('identity')]).toEqual(['W/"abc"', '"abc"'])
  })

  it('leaves what is packed already, parts, and small answers as they are', async () => {
    for (const [encoding, body, status] of [
      ['image/png', 'x'.repeat(2000), 200],
      ['text/plain', 'x'.repeat(2000), 206],
      ['text/plain', 'x'.repeat(1023), 200],
    ] as const) {
      const router = createRouter({ catalog }).add('com.example.any', () =>
        respond({ encoding, body, status }),
      )
      const request = new Request('http://x/xrpc/com.example.any', { headers: { 'accept-encoding': 'gzip' } })
      const response = await router.fetch(request)
      expect([encoding, response.headers.get('content-encoding')]).toEqual([encoding, null])
      expect(await response.text()).toBe(body)
    }
  })

  it('pulls no further than the reader reads, and stops when the reader goes', async () => {
    let pulled = 0
    let ended = false
    const router = createRouter({ catalog }).add('com.example.car', () =>
      respond({
        encoding: CAR,
        body: (async function* () {
          try {
            for (;;) {
              pulled += 1
              // Random bytes: gzip makes nothing of them smaller.
              yield crypto.getRandomValues(new Uint8Array(64 * 1024))
            }
          } finally {
            ended = true
          }
        })(),
      }),
    )
    await using server = await serve({ router })
    const abort = new AbortController()
    const response = await fetch(`${server.url}/xrpc/com.example.car`, {
      headers: { 'accept-encoding': 'gzip' },
      signal: abort.signal,
    })
    await response.body!.getReader().read()
    let before = -1
    while (before !== pulled) {
      before = pulled
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    // What sockets and streams hold, and no more: some megabytes.
    expect(pulled).toBeLessThan(200)
    abort.abort()
    await expect.poll(() => ended).toBe(true)
  })

  it('unpacks to what went in, whatever the sizes of the pieces', async () => {
    const sizes = [1, 0, 70_000, 3, 1024, 500_000]
    const all = Buffer.concat(sizes.map((size, i) => Buffer.alloc(size, i)))
    const router = createRouter({ catalog }).add('com.example.car', () =>
      respond({
        encoding: CAR,
        body: (async function* () {
          for (const [i, size] of sizes.entries()) yield new Uint8Array(Buffer.alloc(size, i))
        })(),
      }),
    )
    const request = new Request('http://x/xrpc/com.example.car', { headers: { 'accept-encoding': 'gzip' } })
    const packed = Buffer.from(await (await router.fetch(request)).arrayBuffer())
    expect(gunzipSync(packed).equals(all)).toBe(true)
  })
})
