import { describe, expect, test } from 'vitest'

import { readPage } from '../src/s3-answers.ts'
import { readS3Blobs } from '../src/s3.ts'
import { bytesOf, DID, listed } from './store-conformance.ts'

/** A store whose service answers these, one after the other, the last again and again. */
function answering(...answers: (() => Response)[]): ReturnType<typeof readS3Blobs> {
  let count = 0
  const fetch = async (): Promise<Response> => answers[Math.min(count++, answers.length - 1)]!()
  return readS3Blobs({
    bucket: 'blobs',
    accessKeyId: 'key',
    secretAccessKey: 'secret',
    retryMs: 1,
    fetch,
  })
}

const part =
  (text: string, headers: Record<string, string>, status = 206) =>
  (): Response =>
    new Response(text, { status, headers })

describe('a service that gives other bytes than it was asked for', () => {
  const range = { start: 2, end: 4 }
  test.each<[string, () => Response]>([
    ['the whole', part('0123456789', { 'content-length': '10' }, 200)],
    ['another range', part('012', { 'content-length': '3', 'content-range': 'bytes 0-2/10' })],
    ['a longer one', part('2345', { 'content-length': '4', 'content-range': 'bytes 2-5/10' })],
    ['a range it does not name', part('234', { 'content-length': '3' })],
  ])('%s', async (_, answer) => {
    const store = answering(answer)
    await expect(store.open(DID, 'bafy', range)).rejects.toThrow('gave another range than asked for')
  })

  test('the range', async () => {
    const store = answering(part('234', { 'content-length': '3', 'content-range': 'bytes 2-4/10' }))
    expect(await bytesOf(await store.open(DID, 'bafy', range))).toBe('234')
  })
})

test('an answer that ends early without a word is continued, or fails', async () => {
  const short = part('01234', { 'content-length': '10' }, 200)
  const rest = part('56789', { 'content-length': '5', 'content-range': 'bytes 5-9/10' })
  expect(await bytesOf(await answering(short, rest).open(DID, 'bafy'))).toBe('0123456789')
  const none = part('', { 'content-length': '5', 'content-range': 'bytes 5-9/10' })
  await expect(bytesOf(await answering(short, none).open(DID, 'bafy'))).rejects.toMatchObject({
    code: 'unavailable',
  })
})

test('an answer that does not say how long it is cannot be checked', async () => {
  const store = answering(part('01234', {}, 200))
  await expect(bytesOf(await store.open(DID, 'bafy'))).rejects.toThrow('an answer of unknown length')
})

describe('lists', () => {
  const object = (key: string): string =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified><Size>7</Size></Contents>`
  const list = (content: string, truncated = false): string =>
    `<?xml version="1.0"?><ListBucketResult xmlns="x"><IsTruncated>${truncated}</IsTruncated>${content}</ListBucketResult>`

  test('are read', () => {
    expect(readPage(list(object('a/b&amp;amp;&lt;c') + object('d')))).toEqual({
      objects: [
        { key: 'a/b&amp;<c', size: 7, writtenAt: Date.parse('2026-01-02T03:04:05.678Z') },
        { key: 'd', size: 7, writtenAt: Date.parse('2026-01-02T03:04:05.678Z') },
      ],
      prefixes: [],
      marker: null,
    })
    expect(readPage(list('<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>')).prefixes).toEqual(['a/'])
  })

  test('go on from where they say, or from the last name', () => {
    expect(readPage(list(`${object('a')}<NextMarker>b</NextMarker>`, true)).marker).toBe('b')
    expect(readPage(list(object('a') + object('c'), true)).marker).toBe('c')
    expect(
      readPage(list(`${object('a')}<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>`, true)).marker,
    ).toBe('d/')
  })

  test.each<[string, string]>([
    ['no list', '<html></html>'],
    ['nothing', ''],
    ['one that goes on from nowhere', list('', true)],
  ])('%s is a failure, not an empty list', async (_, xml) => {
    await expect(listed(answering(part(xml, {}, 200)), DID)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('without end are not read to their end', async () => {
    const store = answering(part('x'.repeat(5_000_000), {}, 200))
    await expect(listed(store, DID)).rejects.toThrow('the answer is too long')
  })
})
