import { expect, test } from 'vitest'

import { answerBlob, createMemoryBlobs, type BlobSources, type ServedBlob } from '../src/index.ts'
import { bytesOf, DID, storedAs } from './store-conformance.ts'

const store = createMemoryBlobs()
const cid = await storedAs(store, DID, '0123456789')
const BLOB: ServedBlob = { did: DID, cid, mimeType: 'text/plain', size: 10 }

async function ask(
  headers: { range?: string; ifNoneMatch?: string } = {},
  redirect?: BlobSources['redirect'],
  blob = BLOB,
): Promise<unknown> {
  const request = { range: headers.range ?? null, ifNoneMatch: headers.ifNoneMatch ?? null }
  const sources = redirect === undefined ? { store } : { store, redirect }
  const answer = await answerBlob(request, blob, sources, 'public, max-age=60')
  if (answer === null) return null
  const { status, headers: sent, body } = answer
  return [
    status,
    sent['content-length'] ?? null,
    sent['content-range'] ?? sent['location'] ?? null,
    await bytesOf(body),
  ]
}

test('the whole, a part, nothing new, nothing there', async () => {
  expect(await ask()).toEqual([200, '10', null, '0123456789'])
  expect(await ask({ range: 'bytes=2-4' })).toEqual([206, '3', 'bytes 2-4/10', '234'])
  expect(await ask({ range: 'bytes=10-' })).toEqual([416, null, 'bytes */10', null])
  expect(await ask({ ifNoneMatch: `W/"x", "${cid}"` })).toEqual([304, null, null, null])
  expect(await ask({ ifNoneMatch: '"x"' })).toEqual([200, '10', null, '0123456789'])
  expect(await ask({}, undefined, { ...BLOB, cid: 'bafkreimissing' })).toBeNull()
})

test('a redirect, or the bytes where there is none', async () => {
  const url = 'https://cdn.example.com/picture'
  const asked: string[][] = []
  const redirect = (...args: string[]): string | null => {
    asked.push(args)
    return asked.length === 1 ? url : null
  }
  expect(await ask({ range: 'bytes=2-4' }, redirect)).toEqual([302, null, url, null])
  expect(await ask({}, redirect)).toEqual([200, '10', null, '0123456789'])
  expect(asked).toEqual([
    [DID, cid],
    [DID, cid],
  ])
})

test('no browser runs what is served', async () => {
  const answer = await answerBlob({ range: null, ifNoneMatch: null }, BLOB, { store }, 'no-store')
  expect(answer!.headers).toEqual({
    etag: `"${cid}"`,
    'accept-ranges': 'bytes',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': `default-src 'none'; sandbox`,
    'content-disposition': `attachment; filename="${cid}"`,
    'content-type': 'text/plain',
    'content-length': '10',
  })
})
