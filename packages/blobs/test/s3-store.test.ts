import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Did } from '@avocet/syntax'
import { startS3, type S3Fault, type TestS3 } from '@avocet/testing/s3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest'

import type { BlobError } from '../src/index.ts'
import { openS3Blobs, readS3Blobs, type S3Blobs, type S3BlobsOptions } from '../src/s3.ts'
import {
  bytesOf,
  cidOf,
  describeBlobStore,
  DID,
  digestOf,
  listed,
  OTHER,
  source,
  storedAs,
} from './store-conformance.ts'

/** Every blob here gets over the chance that its first try fails. */
const QUICK = { retryMs: 1, uploadTimeoutMs: 5000, requestTimeoutMs: 5000 }

let s3: TestS3
beforeAll(async () => {
  s3 = await startS3()
})
afterAll(() => s3.close())

/** Each test has a part of the bucket for itself. */
let prefix: string
let spool: string
let count = 0
const begin = async (): Promise<void> => {
  prefix = `part-${count++}/`
  spool = await mkdtemp(join(tmpdir(), 'avocet-spool-'))
  s3.requests.length = 0
}
const end = async (): Promise<void> => {
  s3.fault = () => null
  await rm(spool, { recursive: true, force: true })
}

const open = (options: Partial<S3BlobsOptions> = {}): Promise<S3Blobs> =>
  openS3Blobs({
    endpoint: s3.endpoint,
    bucket: s3.bucket,
    accessKeyId: s3.accessKeyId,
    secretAccessKey: s3.secretAccessKey,
    owner: 'pds.example.com',
    prefix,
    spoolFolder: spool,
    ...QUICK,
    ...options,
  })

describeBlobStore('S3', async () => {
  await begin()
  return {
    store: await open(),
    reopen: open,
    age: async (did, seconds) => {
      const time = new Date(Date.now() - seconds * 1000)
      const place = join(s3.folder, prefix, 'blocks', did)
      for (const name of await readdir(place)) await utimes(join(place, name), time, time)
    },
    unfinished: () => readdir(spool),
    close: end,
  }
})

beforeEach(begin)
afterEach(end)

/** The fault comes this many times for requests of a method, then no more. */
const failing = (method: string, fault: S3Fault, times = 1): void => {
  let left = times
  s3.fault = (asked) => (asked === method && left-- > 0 ? fault : null)
}

describe('a bucket that cannot be used is refused at once', () => {
  it.each([
    [{ bucket: 'missing' }, 'not-found', /the bucket does not exist; bucket=missing service=http/],
    [{ secretAccessKey: 'wrong' }, 'denied', /refuses the request; .* status=403 code=SignatureDoesNotMatch/],
    [{ accessKeyId: 'nobody' }, 'denied', /status=403/],
    [{ bucket: 'a/b' }, 'invalid-option', /not the name of a bucket/],
    [{ endpoint: 'blobs.example.com' }, 'invalid-option', /not the URL of an S3 service/],
    [
      { endpoint: 'http://127.0.0.1:1' },
      'unavailable',
      /does not answer; bucket=blobs service=http:\/\/127.0.0.1:1/,
    ],
  ])('%j', async (options, code, message) => {
    await expect(open(options)).rejects.toMatchObject({ name: 'BlobError', code })
    await expect(open(options)).rejects.toThrow(message)
  })

  it('in another region', async () => {
    s3.fault = () => ({
      status: 301,
      code: 'PermanentRedirect',
      headers: { 'x-amz-bucket-region': 'eu-west-1' },
    })
    await expect(open()).rejects.toThrow('the bucket is elsewhere; region=eu-west-1')
    expect(s3.requests).toHaveLength(1)
  })
})

test.each<[string, Partial<S3BlobsOptions>, string]>([
  ['of Amazon', {}, 'https://blobs.s3.us-east-1.amazonaws.com/blocks'],
  ['in a region', { region: 'eu-west-1' }, 'https://blobs.s3.eu-west-1.amazonaws.com/blocks'],
  ['in the path', { forcePathStyle: true }, 'https://s3.us-east-1.amazonaws.com/blobs/blocks'],
  ['with a dot', { bucket: 'blobs.me' }, 'https://s3.us-east-1.amazonaws.com/blobs.me/blocks'],
  ['of a service', { endpoint: 'https://s3.example.com/' }, 'https://blobs.s3.example.com/blocks'],
  ['at an address', { endpoint: 'http://192.0.2.1:9000' }, 'http://192.0.2.1:9000/blobs/blocks'],
  ['with a prefix', { prefix: 'pds/' }, 'https://blobs.s3.us-east-1.amazonaws.com/pds/blocks'],
])('a bucket %s', async (_, options, expected) => {
  const asked: string[] = []
  const fetch = async (request: Request): Promise<Response> => {
    asked.push(request.url)
    return new Response('<Error><Code>NoSuchKey</Code></Error>', { status: 404 })
  }
  const keys = { bucket: 'blobs', accessKeyId: 'key', secretAccessKey: 'secret' }
  const reader = readS3Blobs({ ...keys, prefix: '', ...options, fetch: fetch as typeof globalThis.fetch })
  expect(await reader.open(DID, 'bafy')).toBeNull()
  expect(asked).toEqual([`${expected}/did%3Aplc%3A${DID.slice(8)}/bafy`])
})

test('an upload goes to its place in one request, and leaves no file', async () => {
  const store = await open()
  s3.requests.length = 0
  const cid = await storedAs(store, DID, 'some text')
  expect(s3.requests).toEqual([`PUT /blobs/${prefix}blocks/${DID}/${cid}`])
  expect(await readdir(spool)).toEqual([])
})

describe('what passes is got over', () => {
  it.each<[string, string, S3Fault]>([
    ['a service that asks to slow down', 'PUT', { status: 503, code: 'SlowDown' }],
    ['too many requests', 'PUT', { status: 429, code: 'TooManyRequests' }],
    ['an internal error', 'PUT', { status: 500, code: 'InternalError' }],
    ['a service that waited too long', 'PUT', { status: 400, code: 'RequestTimeout' }],
    ['bytes that were changed on the way', 'PUT', { status: 400, code: 'XAmzContentSHA256Mismatch' }],
    ['a connection cut at once', 'PUT', 'cut'],
    ['a connection cut after the bytes were stored', 'PUT', 'cut-after'],
    ['slow down, of a read', 'GET', { status: 503, code: 'SlowDown' }],
    ['a connection cut, of a read', 'GET', 'cut'],
    ['silence, of a read', 'GET', 'silence'],
    ['slow down, of a removal', 'DELETE', { status: 503, code: 'SlowDown' }],
    ['silence, of a removal', 'DELETE', 'silence'],
    ['a removal that took effect', 'DELETE', 'cut-after'],
  ])('%s', async (_, method, fault) => {
    const store = await open(fault === 'silence' ? { requestTimeoutMs: 500 } : {})
    failing(method, fault, 2)
    const cid = await storedAs(store, DID, 'some text')
    expect(await bytesOf(await store.open(DID, cid))).toBe('some text')
    await store.remove(DID, cid)
    expect(await store.open(DID, cid)).toBeNull()
    expect(s3.requests.filter((line) => line.startsWith(method) && line.includes(cid))).toHaveLength(
      method === 'GET' ? 4 : 3,
    )
  })
})

describe('what does not pass is told', () => {
  it.each<[string, S3Fault, string]>([
    ['slow down', { status: 503, code: 'SlowDown' }, 'unavailable'],
    ['cut connections', 'cut', 'unavailable'],
    ['silence', 'silence', 'unavailable'],
    ['no right to write', { status: 403, code: 'AccessDenied' }, 'denied'],
    ['a bucket that was removed', { status: 404, code: 'NoSuchBucket' }, 'not-found'],
  ])('%s', async (_, fault, code) => {
    const store = await open({ uploadTimeoutMs: 30_000, requestTimeoutMs: 400, attempts: 2 })
    const cid = await storedAs(store, DID, 'some text')
    s3.fault = () => fault
    await expect(store.open(DID, cid)).rejects.toMatchObject({ code })
    await expect(store.remove(DID, cid)).rejects.toMatchObject({ code })
    await expect(listed(store, DID)).rejects.toMatchObject({ code })
    await expect(store.keepOnly([], Date.now())).rejects.toMatchObject({ code })
    if (fault !== 'silence') await expect(storedAs(store, DID, 'other')).rejects.toMatchObject({ code })
    expect(await readdir(spool)).toEqual([])
    s3.fault = () => null
    expect(await bytesOf(await store.open(DID, cid))).toBe('some text')
  })

  it('an upload that the service does not take in time', async () => {
    const store = await open({ uploadTimeoutMs: 300 })
    failing('PUT', 'silence', 9)
    const begun = performance.now()
    await expect(storedAs(store, DID, 'some text')).rejects.toMatchObject({ code: 'timeout' })
    expect(performance.now() - begun).toBeLessThan(3000)
    expect(await readdir(spool)).toEqual([])
    expect(await listed(store, DID)).toEqual([])
  })

  it('as often as it is told to try, and no more', async () => {
    const store = await open({ attempts: 3 })
    s3.requests.length = 0
    s3.fault = () => ({ status: 503, code: 'SlowDown' })
    await expect(storedAs(store, DID, 'some text')).rejects.toMatchObject({ code: 'unavailable' })
    expect(s3.requests).toHaveLength(3)
  })
})

describe('a read that breaks off', () => {
  const bytes = randomBytes(600_000)
  it.each<[string, S3Fault]>([
    ['cut', { cutAt: 100_000 }],
    ['silent', { silentAt: 100_000 }],
    ['cut before the first byte', { cutAt: 0 }],
  ])('%s: goes on from where it was', async (_, fault) => {
    const store = await open({ requestTimeoutMs: 300 })
    await store.put(DID, source(bytes), 1e6)
    failing('GET', fault, 2)
    expect(await digestOf(await store.open(DID, cidOf(bytes)))).toBe(cidOf(bytes))
    failing('GET', fault, 2)
    const part = await store.open(DID, cidOf(bytes), { start: 1000, end: 500_000 })
    expect(await digestOf(part)).toBe(cidOf(bytes.subarray(1000, 500_001)))
  })

  it('again and again: ends with an error, never with less', async () => {
    const store = await open()
    await store.put(DID, source(bytes), 1e6)
    failing('GET', { cutAt: 1000 }, 99)
    await expect(bytesOf(await store.open(DID, cidOf(bytes)))).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('and is gone meanwhile', async () => {
    const store = await open()
    await store.put(DID, source(bytes), 1e6)
    failing('GET', { cutAt: 1000 })
    const body = await store.open(DID, cidOf(bytes))
    await store.remove(DID, cidOf(bytes))
    await expect(bytesOf(body)).rejects.toThrow('the blob went away')
  })
})

test('a slow reader is not taken for a service that is silent', async () => {
  const store = await open({ requestTimeoutMs: 250 })
  const bytes = randomBytes(3_000_000)
  await store.put(DID, source(bytes), 1e7)
  let size = 0
  for await (const chunk of (await store.open(DID, cidOf(bytes)))!) {
    if (size === 0) await new Promise((resolve) => setTimeout(resolve, 800))
    size += chunk.length
  }
  expect(size).toBe(bytes.length)
})

test('an answer that nobody reads is given up, and asked for again', async () => {
  const store = await open({ requestTimeoutMs: 500 })
  const bytes = randomBytes(3_000_000)
  await store.put(DID, source(bytes), 1e7)
  const body = await store.open(DID, cidOf(bytes))
  await expect.poll(() => s3.open(), { timeout: 5000 }).toBe(0)
  expect(await digestOf(body)).toBe(cidOf(bytes))
})

test('a reader that stops half way lets go of its connection', async () => {
  const store = await open()
  const bytes = randomBytes(5_000_000)
  await store.put(DID, source(bytes), 1e7)
  for await (const chunk of (await store.open(DID, cidOf(bytes)))!) {
    expect(chunk.length).toBeGreaterThan(0)
    break
  }
  await expect.poll(() => s3.open()).toBe(0)
})

test('uploads wait in files, in as much room as there is', async () => {
  const store = await open({ spoolBytes: 1000 })
  const gate = Promise.withResolvers<void>()
  const slow = store.put(
    DID,
    (async function* () {
      yield Buffer.alloc(600)
      await gate.promise
    })(),
    1e6,
  )
  await expect.poll(async () => (await readdir(spool)).length).toBe(1)
  await expect(store.put(DID, source(Buffer.alloc(401)), 1e6)).rejects.toMatchObject({ code: 'busy' })
  await store.put(DID, source(Buffer.alloc(400)), 1e6)
  gate.resolve()
  expect((await slow).size).toBe(600)
  await store.put(DID, source(Buffer.alloc(1000)), 1e6)
  await expect(store.put(DID, source(Buffer.alloc(1001)), 1e6)).rejects.toMatchObject({ code: 'busy' })
  expect(await readdir(spool)).toEqual([])
})

test('a large upload does not lie in memory', async () => {
  const store = await open({ uploadTimeoutMs: 30_000, fetch: discarding })
  const chunk = randomBytes(1_000_000)
  const large = async function* (): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 100; i++) yield chunk
  }
  const before = process.memoryUsage().rss
  expect((await store.put(DID, large(), 1e8)).size).toBe(100_000_000)
  expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000)
})

/** A service in this process that takes bytes and keeps none. */
const discarding = (async (request: Request): Promise<Response> => {
  for await (const _ of request.body ?? []) continue
  return new Response('<Error><Code>NoSuchKey</Code></Error>', {
    status: request.method === 'GET' ? 404 : 200,
  })
}) as unknown as typeof globalThis.fetch

test('what an earlier process left of its uploads goes, one under way stays', async () => {
  await writeFile(join(spool, 'old'), 'x')
  const store = await open()
  await writeFile(join(spool, 'fresh'), 'x')
  await store.clean()
  expect(await readdir(spool)).toEqual(['fresh'])
  expect((await stat(spool)).mode & 0o777).toBe(0o700)
})

test('more blobs than one page lists', async () => {
  const store = await open({ pageSize: 10 })
  const texts = Array.from({ length: 41 }, (_, i) => `text ${i}`)
  for (const text of texts) await storedAs(store, DID, text)
  const other = await storedAs(store, OTHER, 'some text')
  const cids = (await listed(store, DID)).map(({ cid }) => cid)
  expect(cids).toEqual(texts.map(cidOf).toSorted((a, b) => a.localeCompare(b)))
  await store.removeAll(DID)
  expect([await listed(store, DID), (await listed(store, OTHER))[0]?.cid]).toEqual([[], other])
})

test('more accounts than one page lists', async () => {
  const store = await open({ pageSize: 2 })
  const dids = Array.from({ length: 7 }, (_, i): Did => `did:plc:${'abcdefg'.charAt(i).repeat(24)}`)
  for (const did of dids) await storedAs(store, did, 'some text')
  const later = Date.now() + 60_000
  expect(await store.keepOnly([dids[2]!, dids[6]!], later)).toBe(5)
  const left: Did[] = []
  for (const did of dids) if ((await listed(store, did)).length > 0) left.push(did)
  expect(left).toEqual([dids[2], dids[6]])
})

test('the bucket of another owner is not touched', async () => {
  const store = await open()
  await storedAs(store, DID, 'some text')
  await expect(open({ owner: 'other.example.com' })).rejects.toMatchObject({ code: 'denied' })
  await expect(open({ owner: 'other.example.com' })).rejects.toThrow(
    `belong to another owner; owner=pds.example.com expected=other.example.com object=${prefix}blobs-owner.txt`,
  )
  // A prefix of its own is for another owner.
  const beside = await open({ owner: 'other.example.com', prefix: `${prefix}other/` })
  expect([await store.isEmpty(), await beside.isEmpty()]).toEqual([false, true])
  expect(await beside.keepOnly([], Date.now() + 1e6)).toBe(0)
  expect(await listed(store, DID)).toHaveLength(1)
})

describe('a service that does not answer as the store opens', () => {
  it('is an error, unless there is somebody to tell', async () => {
    s3.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
    await expect(open()).rejects.toMatchObject({ code: 'unavailable' })
    const told: BlobError[] = []
    await open({ onUnavailable: (error) => void told.push(error) })
    expect(told.map(({ code }) => code)).toEqual(['unavailable'])
  })

  it('gets no write before it was asked whose the bucket is, and each one after it answered', async () => {
    s3.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
    const store = await open({ onUnavailable: () => {} })
    await expect(storedAs(store, DID, 'some text')).rejects.toMatchObject({ code: 'unavailable' })
    s3.fault = () => null
    s3.requests.length = 0
    await storedAs(store, DID, 'some text')
    const owner = `${prefix}blobs-owner.txt`
    expect(s3.requests.map((line) => line.includes(owner))).toEqual([true, true, false])
    s3.requests.length = 0
    await storedAs(store, DID, 'more')
    expect(s3.requests).toHaveLength(1)
  })

  it('gets none at all when it is another owner’s', async () => {
    const first = await open()
    const cid = await storedAs(first, DID, 'some text')
    s3.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
    const other = await open({ owner: 'other.example.com', onUnavailable: () => {} })
    s3.fault = () => null
    const denied = { code: 'denied' }
    await expect(storedAs(other, DID, 'more')).rejects.toMatchObject(denied)
    await expect(other.remove(DID, cid)).rejects.toMatchObject(denied)
    await expect(other.removeAll(DID)).rejects.toMatchObject(denied)
    await expect(other.keepOnly([], Date.now() + 1e6)).rejects.toMatchObject(denied)
    expect(await listed(first, DID)).toHaveLength(1)
  })

  it('stops what a bucket that answers stops', async () => {
    const options = { bucket: 'missing', onUnavailable: () => {} }
    await expect(open(options)).rejects.toMatchObject({ code: 'not-found' })
  })
})

test.each(['..', '', '../x', 'a/b', 'a b', 'é', 'x'.repeat(201)])('%j names no blob', async (name) => {
  const store = await open()
  s3.requests.length = 0
  expect(await store.open(DID, name)).toBeNull()
  await store.remove(DID, name)
  expect(s3.requests).toEqual([])
  await expect(store.removeAll('blocks' as typeof DID)).rejects.toMatchObject({ code: 'invalid-did' })
})
