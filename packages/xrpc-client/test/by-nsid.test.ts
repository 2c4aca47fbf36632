// Calls by NSID: with what the client's lexicons know, and without.
import { describe, expect, it } from 'vitest'
import { createClient, get, list, post, type ItemFailure } from '../src/index.ts'
import { catalog, json, listen } from './http.ts'

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const item of iterable) out.push(item)
  return out
}

describe('get and post', () => {
  it('take JSON as data where nothing is known of the method', async () => {
    await using server = await listen((_, response) => json(response, { n: 1, bytes: { $bytes: 'AQI' } }))
    const client = createClient({ service: server.url })
    const got = await get(client, 'com.example.unknown', {
      params: { q: 'a', none: undefined, tags: ['x', 'y'] },
    })
    expect(got).toMatchObject({ ok: true, value: { n: 1, bytes: new Uint8Array([1, 2]) } })
    await post(client, 'com.example.unknown', { input: { bytes: new Uint8Array([1, 2]) } })
    await post(client, 'com.example.unknown', { input: new Blob(['x'], { type: 'image/png' }) })
    await post(client, 'com.example.unknown')
    expect(
      server.seen.map(({ method, url, headers, body }) => [
        method,
        url,
        headers['content-type'],
        String(body),
      ]),
    ).toEqual([
      ['GET', '/xrpc/com.example.unknown?q=a&tags=x&tags=y', undefined, ''],
      ['POST', '/xrpc/com.example.unknown', 'application/json', '{"bytes":{"$bytes":"AQI"}}'],
      ['POST', '/xrpc/com.example.unknown', 'image/png', 'x'],
      ['POST', '/xrpc/com.example.unknown', undefined, ''],
    ])
  })

  it('give a stream where the answer is not JSON, and nothing where there is none', async () => {
    await using server = await listen((_, response, count) => {
      if (count === 1) response.setHeader('content-type', 'application/vnd.ipld.car').end('abc')
      else response.end()
    })
    const client = createClient({ service: server.url })
    const car = await get(client, 'com.example.unknown')
    expect(car.ok && (await new Response(car.value as ReadableStream).text())).toBe('abc')
    expect(await post(client, 'com.example.unknown')).toMatchObject({ ok: true, value: undefined })
  })

  it('check what the lexicons of the client know', async () => {
    await using server = await listen((_, response) => json(response, { text: 7 }))
    const client = createClient({ service: server.url, lexicons: catalog })
    expect(await get(client, 'com.example.echo')).toMatchObject({
      ok: false,
      error: { code: 'invalid-request' },
    })
    expect(server.seen).toHaveLength(0)
    const answer = await get(client, 'com.example.echo', { params: { text: 'a' } })
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'invalid-response', issues: [{ path: '/text' }] },
    })
    for (const wrong of [
      get(client, 'com.example.ping'),
      post(client, 'com.example.echo'),
      get(client, 'com.example.count'),
    ])
      expect(await wrong).toMatchObject({ ok: false, error: { code: 'unknown-method' } })
  })

  it('send nothing to what is no NSID, and nothing without its encoding', async () => {
    await using server = await listen((_, response) => json(response, {}))
    const client = createClient({ service: server.url })
    for (const name of ['../../admin', 'com.example', 'a.b.c?x=y', '']) {
      expect(await get(client, name)).toMatchObject({ ok: false, error: { code: 'invalid-request' } })
    }
    expect(await post(client, 'com.example.unknown', { input: new Uint8Array(1) })).toMatchObject({
      ok: false,
      error: { code: 'invalid-request' },
    })
    expect(server.seen).toHaveLength(0)
  })

  it('give failures by their names, and read leniently on demand', async () => {
    await using server = await listen((_, response, count) =>
      count === 1 ? json(response, { error: 'Nope' }, 400) : json(response, { n: 1.5 }),
    )
    const client = createClient({ service: server.url })
    expect(await get(client, 'com.example.unknown')).toMatchObject({ ok: false, error: { error: 'Nope' } })
    expect(await get(client, 'com.example.unknown')).toMatchObject({
      ok: false,
      error: { code: 'invalid-response' },
    })
    expect(await get(client, 'com.example.unknown', { lenient: true })).toMatchObject({
      ok: true,
      value: { n: 1.5 },
    })
  })
})

describe('list', () => {
  it('walks any list of any method, page by page', async () => {
    const pages = [
      { things: [{ n: 1 }, { n: 2 }], cursor: 'a' },
      { things: [], cursor: 'b' },
      { things: [{ n: 3 }] },
    ]
    await using server = await listen((_, response, count) => json(response, pages[count - 1]))
    const client = createClient({ service: server.url })
    const got = await all(list(client, 'com.example.unknown', 'things', { params: { limit: 2 } }))
    expect(got).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(server.seen.map(({ url }) => url.split('?')[1])).toEqual([
      'limit=2',
      'limit=2&cursor=a',
      'limit=2&cursor=b',
    ])
  })

  it('tells of odd items, or ends with the first, or lets them through', async () => {
    await using server = await listen((_, response) => json(response, { things: [1, { lat: 1.5 }, 3] }))
    const client = createClient({ service: server.url })
    const told: ItemFailure[] = []
    const onInvalid = (failure: ItemFailure): void => void told.push(failure)
    expect(await all(list(client, 'com.example.unknown', 'things', { onInvalid }))).toEqual([1, 3])
    expect(told).toMatchObject([{ index: 1, value: { lat: 1.5 }, issues: [{ path: '/lat' }] }])
    await expect(all(list(client, 'com.example.unknown', 'things'))).rejects.toMatchObject({
      code: 'invalid-response',
      message: expect.stringContaining('things/1') as unknown,
    })
    expect(await all(list(client, 'com.example.unknown', 'things', { lenient: true }))).toEqual([
      1,
      { lat: 1.5 },
      3,
    ])
  })

  it('checks the items of a method that is known', async () => {
    await using server = await listen((_, response) => json(response, { items: ['a', 7] }))
    const client = createClient({ service: server.url, lexicons: catalog })
    const told: number[] = []
    const onInvalid = ({ index }: ItemFailure): void => void told.push(index)
    expect(await all(list(client, 'com.example.list', 'items', { onInvalid }))).toEqual(['a'])
    expect(told).toEqual([1])
  })

  it('says where there is no such list, and does not turn in circles', async () => {
    await using server = await listen((_, response) => json(response, { things: [], cursor: 'same' }))
    const client = createClient({ service: server.url })
    await expect(all(list(client, 'com.example.unknown', 'others'))).rejects.toThrow('key=others')
    await expect(all(list(client, 'com.example.unknown', 'constructor'))).rejects.toThrow('key=constructor')
    await expect(all(list(client, 'com.example.unknown', 'things'))).rejects.toThrow(
      'the cursor does not move',
    )
  })
})
