// What the first program of anybody meets: plain strings, a service that is not there, an upload.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createClient, passwordSession, subscribe, uploadBlob } from '../src/index.ts'
import { json, listen } from './http.ts'

const ping = { nsid: 'com.example.ping', type: 'procedure' } as const

describe('a service that is no URL', () => {
  it.each([
    ['bsky.social', 'https://bsky.social'],
    ['localhost:2583', 'http://localhost:2583'],
    ['127.0.0.1:2583', 'http://127.0.0.1:2583'],
  ])('%s is named, with what was meant', (service, meant) => {
    const message = `not an http(s) URL: ${meant} was meant?; service=${service}`
    expect(() => createClient({ service })).toThrow(new TypeError(message))
  })

  it.each(['', 'ftp://bsky.social', 'at://bsky.social'])('%j is named', (service) => {
    expect(() => createClient({ service })).toThrow(new TypeError(`not an http(s) URL; service=${service}`))
  })

  it('is named by a session and by a stream', async () => {
    await expect(passwordSession({ identifier: 'a', password: 'b', service: 'bsky.social' })).rejects.toThrow(
      'https://bsky.social was meant?',
    )
    const stream = subscribe({ service: 'bsky.network', nsid: 'com.example.count' })
    await expect(stream.next()).rejects.toThrow('https://bsky.network was meant?')
  })
})

it('says what refused the connection, and where', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const service = `http://127.0.0.1:${port}`
  const result = await createClient({ service, retry: false }).request(ping)
  expect(result).toMatchObject({
    ok: false,
    error: {
      code: 'network',
      message: `no answer: connect ECONNREFUSED 127.0.0.1:${port}; nsid=com.example.ping service=${service}`,
    },
  })
})

it('says the innermost reason it finds, of several attempts the first', async () => {
  const failing = async (error: unknown): Promise<string> => {
    const fetch = (): Promise<Response> => Promise.reject(error as Error)
    const client = createClient({ service: 'https://x.example', fetch, retry: false })
    const result = await client.request(ping)
    return result.ok ? '' : result.error.message.split(';')[0]!
  }
  const both = new AggregateError([new Error('connect ECONNREFUSED ::1:9'), new Error('other')], '')
  expect(await failing(new TypeError('fetch failed', { cause: both }))).toBe(
    'no answer: connect ECONNREFUSED ::1:9',
  )
  expect(await failing(new TypeError('fetch failed', { cause: new Error('') }))).toBe(
    'no answer: fetch failed',
  )
  expect(await failing('text')).toBe('no answer: fetch failed')
  const circle = new Error('round')
  circle.cause = circle
  expect(await failing(circle)).toBe('no answer: round')
})

it('takes the type of a Blob, and asks for that of bytes', async () => {
  const blob = { $type: 'blob', ref: { $link: `bafkrei${'a'.repeat(52)}` }, mimeType: 'image/png', size: 3 }
  await using server = await listen((_, response) => json(response, { blob }))
  const client = createClient({ service: server.url })
  await uploadBlob(client, new Blob(['abc'], { type: 'image/png' }))
  await uploadBlob(client, new Blob(['abc'], { type: 'image/png' }), { encoding: 'image/webp' })
  expect(server.seen.map(({ headers }) => headers['content-type'])).toEqual(['image/png', 'image/webp'])
  const without = await uploadBlob(client, new Blob(['abc']))
  expect(without).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
  expect(server.seen).toHaveLength(2)
  // @ts-expect-error -- bytes have no type of their own
  expect(await uploadBlob(client, new Uint8Array(3))).toMatchObject({ ok: false })
})
