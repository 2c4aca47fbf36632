import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { createGuardedFetch } from '@avocet/did'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import {
  createMemoryRemoteRows,
  createRemoteBlobs,
  type BlobLimits,
  type RemoteBlobs,
  type RemoteBlobsOptions,
} from '../src/index.ts'
import { mp4, webm } from './media.ts'
import { cidOf, DID, OTHER } from './store-conformance.ts'

const PNG = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(3000, 'x')])
const DAY = 24 * 60 * 60 * 1000

let base: string
let requests: { url: string; headers: IncomingMessage['headers'] }[]
let answer: (request: IncomingMessage, response: ServerResponse) => void
let close: () => Promise<void>
let time: number
beforeEach(async () => {
  requests = []
  time = Date.parse('2026-01-01T00:00:00Z')
  answer = send(PNG, { 'content-type': 'image/png' })
  const server = createServer((request, response) => {
    requests.push({ url: request.url!, headers: request.headers })
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  close = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
})
afterEach(() => close())

const send =
  (body: Uint8Array, headers: Record<string, string> = {}, status = 200) =>
  (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(status, headers).end(body)
  }

const open = (options: Partial<RemoteBlobsOptions> = {}): RemoteBlobs =>
  createRemoteBlobs({
    fetch: createGuardedFetch({ allowLoopback: true, maxBytes: 1_000_000, timeoutMs: 500 }),
    rows: createMemoryRemoteRows(),
    now: () => time,
    ...options,
  })

/** The code of a refusal, or the blob. */
const added = async (remote: RemoteBlobs, limits?: BlobLimits, path = '/a', did = DID): Promise<unknown> => {
  const result = await remote.add(did, `${base}${path}`, limits)
  return result.ok ? result.value.ref.ref.toString() : result.error.code
}

test('a URL is fetched once for all accounts, and is where its bytes are', async () => {
  const remote = open()
  const result = await remote.add(DID, `${base}/a#part`)
  expect(result).toMatchObject({
    ok: true,
    value: {
      ref: { $type: 'blob', mimeType: 'image/png', size: PNG.length },
      remote: { url: `${base}/a`, cid: cidOf(PNG), durationMs: null, checkedAt: time, state: 'there' },
    },
  })
  expect(await added(remote, {}, '/a', OTHER)).toBe(cidOf(PNG))
  expect(requests.map(({ url }) => url)).toEqual(['/a'])
  expect(requests[0]!.headers['accept-encoding']).toBe('identity')
  expect([await remote.locate(DID, cidOf(PNG)), await remote.locate(OTHER, cidOf(PNG))]).toEqual([
    `${base}/a`,
    `${base}/a`,
  ])
  expect(await remote.locate('did:plc:cccccccccccccccccccccccc', cidOf(PNG))).toBeNull()
  expect(await remote.locate(DID, cidOf('other'))).toBeNull()
})

test('calls at once share one request', async () => {
  const remote = open()
  const all = await Promise.all(Array.from({ length: 10 }, () => added(remote)))
  expect(new Set(all)).toEqual(new Set([cidOf(PNG)]))
  expect(requests).toHaveLength(1)
})

test('a redirect is followed, and the URL that was named is kept', async () => {
  answer = (request, response) =>
    request.url === '/a'
      ? void response.writeHead(302, { location: '/b' }).end()
      : send(PNG, { 'content-type': 'image/png' })(request, response)
  const remote = open()
  expect(await added(remote)).toBe(cidOf(PNG))
  expect(await remote.locate(DID, cidOf(PNG))).toBe(`${base}/a`)
})

describe('the type', () => {
  test.each<[string, Uint8Array, string | undefined, string]>([
    ['of the bytes, not what is said', PNG, 'text/html', 'image/png'],
    [
      'as said where the bytes say none',
      Buffer.from('{}'),
      'Application/JSON; charset=utf-8',
      'application/json',
    ],
    ['of bytes where nothing says it', Buffer.from('?'), undefined, 'application/octet-stream'],
    ['of bytes where what is said is none', Buffer.from('?'), 'text/<b>', 'application/octet-stream'],
    ['of a page that calls itself a picture', Buffer.from('<!doctype html>'), 'image/png', 'text/html'],
  ])('%s', async (_, bytes, said, expected) => {
    answer = send(bytes, said === undefined ? {} : { 'content-type': said })
    const result = await open().add(DID, `${base}/a`)
    expect(result).toMatchObject({ ok: true, value: { ref: { mimeType: expected } } })
  })

  test.each<[readonly string[] | undefined, string]>([
    [undefined, 'taken'],
    [['*/*'], 'taken'],
    [['image/*'], 'taken'],
    [['video/mp4', 'image/png'], 'taken'],
    [['image/jpeg'], 'type-not-accepted'],
    [['video/*'], 'type-not-accepted'],
    [['image'], 'type-not-accepted'],
    [[], 'type-not-accepted'],
  ])('accepted by %j: %s', async (accept, expected) => {
    const remote = open()
    const outcome = await added(remote, { accept })
    expect(outcome).toBe(expected === 'taken' ? cidOf(PNG) : expected)
    // Whoever fetched it: each field asks anew.
    await added(remote, {})
    expect(await added(remote, { accept })).toBe(outcome)
  })

  test('that is not accepted ends the download', async () => {
    let written = 0
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'image/png' })
      const more = setInterval(() => {
        written += 1000
        response.write(Buffer.alloc(1000, 'GIF89a'))
      }, 1)
      response.on('close', () => clearInterval(more))
    }
    expect(await added(open(), { accept: ['image/png'] })).toBe('type-not-accepted')
    expect(written).toBeLessThan(100_000)
  })
})

describe('the size', () => {
  test.each<[number, string]>([
    [PNG.length, 'taken'],
    [PNG.length - 1, 'too-large'],
  ])('of at most %i: %s', async (maxSize, expected) => {
    const outcome = expected === 'taken' ? cidOf(PNG) : expected
    expect(await added(open(), { maxSize })).toBe(outcome)
    expect(await added(open({ maxBytes: maxSize }))).toBe(outcome)
    // Not said before.
    answer = (_, response) => void response.writeHead(200).write(PNG, () => response.end())
    expect(await added(open(), { maxSize })).toBe(outcome)
    // Known already.
    const remote = open()
    await added(remote)
    expect(await added(remote, { maxSize })).toBe(outcome)
  })
})

describe('the length of a video', () => {
  test.each<[string, Uint8Array, number, string]>([
    ['MP4', mp4(180), 180_000, 'taken'],
    ['MP4', mp4(181), 180_000, 'too-long'],
    ['WebM', webm(180), 180_000, 'taken'],
    ['WebM', webm(181), 180_000, 'too-long'],
    ['MP4 without a word', mp4(0), 180_000, 'unknown-duration'],
    ['a picture', PNG, 1, 'taken'],
  ])('%s, %#: at most %i ms', async (_, bytes, maxDurationMs, expected) => {
    answer = send(bytes, { 'content-type': 'application/octet-stream' })
    expect(await added(open(), { maxDurationMs })).toBe(expected === 'taken' ? cidOf(bytes) : expected)
    const remote = open()
    expect(await added(remote)).toBe(cidOf(bytes))
    expect(await added(remote, { maxDurationMs })).toBe(expected === 'taken' ? cidOf(bytes) : expected)
  })
})

test.each<[string, string]>([
  ['ftp://example.com/a', 'invalid-url'],
  ['https://user:password@example.com/a', 'invalid-url'],
  ['no url', 'invalid-url'],
  [`https://example.com/${'a'.repeat(2029)}`, 'invalid-url'],
  ['http://10.0.0.1/a', 'blocked'],
  ['http://169.254.169.254/latest/meta-data', 'blocked'],
  ['http://127.0.0.1:1/a', 'unreachable'],
])('%s: %s', async (url, code) => {
  expect(await open().add(DID, url)).toMatchObject({ ok: false, error: { code } })
})

test('what hosts do: each has its refusal, and nothing is noted', async () => {
  const rows = createMemoryRemoteRows()
  const remote = open({ rows })
  for (const [told, code] of [
    [send(PNG, {}, 404), 'refused'],
    [send(PNG, {}, 500), 'refused'],
    [send(PNG, {}, 206), 'refused'],
    [send(Buffer.alloc(0), {}, 304), 'refused'],
    [() => {}, 'timeout'],
    [(_: IncomingMessage, response: ServerResponse) => void response.destroy(), 'unreachable'],
    [
      (_: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { 'content-length': '5000' })
        response.write(PNG, () => response.destroy())
      },
      'unreachable',
    ],
    [(_: IncomingMessage, response: ServerResponse) => void response.writeHead(200).write('x'), 'timeout'],
    [send(Buffer.alloc(1_000_001)), 'too-large'],
  ] as const) {
    answer = told
    expect(await added(remote)).toBe(code)
  }
  expect(await rows.byUrl(`${base}/a`)).toBeNull()
  answer = send(PNG, {}, 404)
  expect(await remote.add(DID, `${base}/a`)).toMatchObject({ error: { status: 404 } })
})

describe('after a time', () => {
  const VALIDATORS = { etag: '"one"', 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }
  let remote: RemoteBlobs
  beforeEach(async () => {
    answer = send(PNG, VALIDATORS)
    remote = open({ recheckAfterMs: 7 * DAY, retryAfterMs: DAY })
    await added(remote)
    requests = []
  })
  const located = (): Promise<string | null> => remote.locate(DID, cidOf(PNG))

  test('a host is asked whether it is the same, and not before', async () => {
    time += 7 * DAY
    expect(await remote.recheck()).toEqual({ same: 0, lost: 0, failed: 0 })
    time += 1
    answer = send(Buffer.alloc(0), {}, 304)
    expect(await remote.recheck()).toEqual({ same: 1, lost: 0, failed: 0 })
    expect(requests[0]!.headers).toMatchObject({
      'if-none-match': VALIDATORS.etag,
      'if-modified-since': VALIDATORS['last-modified'],
    })
    expect([await remote.recheck(), await located()]).toEqual([{ same: 0, lost: 0, failed: 0 }, `${base}/a`])
  })

  test('the same bytes with another word for them are the same', async () => {
    time += 8 * DAY
    answer = send(PNG, { etag: '"two"' })
    expect(await remote.recheck()).toEqual({ same: 1, lost: 0, failed: 0 })
    time += 8 * DAY
    await remote.recheck()
    expect(requests[1]!.headers).toMatchObject({ 'if-none-match': '"two"' })
    expect(requests[1]!.headers['if-modified-since']).toBeUndefined()
  })

  test.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['other bytes', send(Buffer.from(PNG).fill('y', 100))],
    ['more bytes', send(Buffer.concat([PNG, PNG]))],
    ['404', send(Buffer.alloc(0), {}, 404)],
    ['410', send(Buffer.alloc(0), {}, 410)],
  ])('%s: it is lost, until it comes back', async (_, told) => {
    time += 8 * DAY
    answer = told
    expect([await remote.recheck(), await located()]).toEqual([{ same: 0, lost: 1, failed: 0 }, null])
    time += 8 * DAY
    answer = send(PNG, VALIDATORS)
    expect([await remote.recheck(), await located()]).toEqual([{ same: 1, lost: 0, failed: 0 }, `${base}/a`])
    expect(requests[1]!.headers['if-none-match']).toBeUndefined()
  })

  test('a host that does not answer is asked again a day later; meanwhile nothing changes', async () => {
    time += 8 * DAY
    answer = send(Buffer.alloc(0), {}, 503)
    expect([await remote.recheck(), await located()]).toEqual([{ same: 0, lost: 0, failed: 1 }, `${base}/a`])
    expect(await remote.recheck()).toEqual({ same: 0, lost: 0, failed: 0 })
    time += DAY + 1
    expect(await remote.recheck()).toEqual({ same: 0, lost: 0, failed: 1 })
  })

  test('who names it then has it asked for first, and other bytes are another blob', async () => {
    time += 8 * DAY
    answer = send(Buffer.alloc(0), {}, 304)
    expect([await added(remote), requests.length]).toEqual([cidOf(PNG), 1])
    time += 8 * DAY
    const other = Buffer.from(PNG).fill('y', 100)
    answer = send(other)
    expect(await added(remote)).toBe(cidOf(other))
    expect([await located(), await remote.locate(DID, cidOf(other))]).toEqual([null, `${base}/a`])
  })

  test('so many at a time, the oldest first', async () => {
    for (const path of ['/b', '/c', '/d']) {
      time += 1000
      await added(remote, {}, path)
    }
    requests = []
    time += 8 * DAY
    await remote.recheck(2)
    await remote.recheck(2)
    expect(requests.map(({ url }) => url)).toEqual(['/a', '/b', '/c', '/d'])
  })
})

test('what an account forgot is not where it was, and not asked for again once nobody refers to it', async () => {
  const remote = open({ recheckAfterMs: DAY })
  for (const did of [DID, OTHER]) await added(remote, {}, '/a', did)
  await remote.forget(DID, cidOf(PNG))
  expect([await remote.locate(DID, cidOf(PNG)), await remote.locate(OTHER, cidOf(PNG))]).toEqual([
    null,
    `${base}/a`,
  ])
  time += 2 * DAY
  expect(await remote.recheck()).toEqual({ same: 1, lost: 0, failed: 0 })
  await remote.forget(OTHER)
  time += 2 * DAY
  expect(await remote.recheck()).toEqual({ same: 0, lost: 0, failed: 0 })
  expect(requests).toHaveLength(2)
})
