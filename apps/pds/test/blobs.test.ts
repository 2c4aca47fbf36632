import { createHash, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { cidFromDigest, formatCid } from '@avocet/data'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

const LIMIT = 300_000
const png = (size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(randomBytes(size))
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return bytes
}
const cidOf = (bytes: Uint8Array): string =>
  formatCid(cidFromDigest('raw', new Uint8Array(createHash('sha256').update(bytes).digest())))

describe.each([
  ['over HTTP', false],
  ['in process', true],
])('blobs %s', (_, inProcess) => {
  let net: TestNetwork
  let alice: TestAccount
  beforeAll(async () => {
    net = await startNetwork({ inProcess, config: { blobUploadLimit: LIMIT } })
    alice = await net.account()
  })
  afterAll(() => net[Symbol.asyncDispose]())

  const upload = (bytes: Uint8Array<ArrayBuffer>, type = 'image/png', token = alice.accessJwt) =>
    net.post('com.atproto.repo.uploadBlob', { bytes, type, token })
  const fetchBlob = (cid: string, headers: Record<string, string> = {}) =>
    net.get('com.atproto.sync.getBlob', { params: { did: alice.did, cid }, headers })
  const illustrated = (blob: unknown) => ({
    ...post('look'),
    embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image: blob }] },
  })
  const write = (record: unknown, rkey?: string) =>
    net.post('com.atproto.repo.createRecord', {
      token: alice.accessJwt,
      input: {
        repo: alice.did,
        collection: 'app.bsky.feed.post',
        record,
        ...(rkey === undefined ? {} : { rkey }),
      },
    })
  const files = async (): Promise<string[]> =>
    readdir(join(net.folder, 'blobs', alice.did)).catch(() => [] as string[])

  test('an upload is served once a record refers to it, and gone when none does', async () => {
    const bytes = png(100_000)
    const { status, body } = await upload(bytes)
    expect([status, body]).toEqual([
      200,
      { blob: { $type: 'blob', ref: { $link: cidOf(bytes) }, mimeType: 'image/png', size: 100_000 } },
    ])
    const cid = cidOf(bytes)
    expect(failure(await fetchBlob(cid))).toBe('400 InvalidRequest')
    const made = await write(illustrated(body.blob))
    expect(made.status).toBe(200)
    const served = await fetchBlob(cid)
    expect(Buffer.compare(served.bytes, bytes)).toBe(0)
    expect(Object.fromEntries(served.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': '100000',
      'x-content-type-options': 'nosniff',
      'content-security-policy': `default-src 'none'; sandbox`,
      'cache-control': 'public, max-age=3600',
    })
    const params = { did: alice.did }
    expect((await net.get('com.atproto.sync.listBlobs', { params })).body.cids).toEqual([cid])
    const rkey = made.body.uri.split('/').at(-1)
    const input = { repo: alice.did, collection: 'app.bsky.feed.post', rkey }
    await net.post('com.atproto.repo.deleteRecord', { token: alice.accessJwt, input })
    expect(failure(await fetchBlob(cid))).toBe('400 InvalidRequest')
    expect((await net.get('com.atproto.sync.listBlobs', { params })).body.cids).toEqual([])
    expect(await files()).not.toContain(cid)
  })

  test('ranges and revalidation', async () => {
    const bytes = png(5000)
    const { blob } = (await upload(bytes)).body
    await write(illustrated(blob))
    const cid = cidOf(bytes)
    const part = await fetchBlob(cid, { range: 'bytes=10-19' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 10-19/5000'])
    expect(Buffer.compare(part.bytes, bytes.subarray(10, 20))).toBe(0)
    const tail = await fetchBlob(cid, { range: 'bytes=-5' })
    expect(Buffer.compare(tail.bytes, bytes.subarray(4995))).toBe(0)
    expect((await fetchBlob(cid, { range: 'bytes=5000-' })).status).toBe(416)
    expect((await fetchBlob(cid, { 'if-none-match': `"${cid}"` })).status).toBe(304)
  })

  test('what the bytes are counts, not what the sender says', async () => {
    const html = new TextEncoder().encode('<!DOCTYPE html><script>alert(1)</script>')
    expect((await upload(html, 'image/png')).body.blob.mimeType).toBe('text/html')
    const plain = new TextEncoder().encode('just text')
    expect((await upload(plain, 'text/plain')).body.blob.mimeType).toBe('text/plain')
  })

  test('the type of the newest upload counts until a record says one', async () => {
    const captions = new TextEncoder().encode('captions of a video')
    const first = (await upload(captions, 'application/octet-stream')).body.blob
    const { blob } = (await upload(captions, 'text/vtt')).body
    expect(blob).toEqual({ ...first, mimeType: 'text/vtt' })
    const record = { text: 'a video', captions: blob }
    const input = { repo: alice.did, collection: 'com.example.video', record }
    const create = () => net.post('com.atproto.repo.createRecord', { token: alice.accessJwt, input })
    expect((await create()).status).toBe(200)
    expect((await upload(captions, 'text/plain')).body.blob).toEqual(blob)
    expect((await create()).status).toBe(200)
    expect((await fetchBlob(blob.ref.$link)).headers.get('content-type')).toBe('text/vtt')
  })

  test('a record may only name blobs of this account, as they are', async () => {
    const { blob } = (await upload(png(2000))).body
    const missing = { ...blob, ref: { $link: 'bafkreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm' } }
    expect(failure(await write(illustrated(missing)))).toBe('400 BlobNotFound')
    expect(failure(await write(illustrated({ ...blob, mimeType: 'image/jpeg' })))).toBe('400 InvalidMimeType')
    expect(failure(await write(illustrated({ ...blob, size: 1 })))).toBe('400 InvalidSize')
    const bob = await net.account()
    const input = { repo: bob.did, collection: 'app.bsky.feed.post', record: illustrated(blob) }
    expect(failure(await net.post('com.atproto.repo.createRecord', { token: bob.accessJwt, input }))).toBe(
      '400 BlobNotFound',
    )
  })

  test('too large, without a session, cut short: refused, and nothing is left', async () => {
    const before = await files()
    expect(failure(await upload(png(LIMIT + 1)))).toBe('413 PayloadTooLarge')
    expect(
      failure(await net.post('com.atproto.repo.uploadBlob', { bytes: png(10), type: 'image/png' })),
    ).toBe('401 AuthMissing')
    const aborting = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        controller.enqueue(png(1000))
        setTimeout(() => controller.error(new Error('gone')), 20)
      },
    })
    const request = new Request(`${net.pds.url}/xrpc/com.atproto.repo.uploadBlob`, {
      method: 'POST',
      body: aborting,
      headers: { authorization: `Bearer ${alice.accessJwt}`, 'content-type': 'image/png' },
      duplex: 'half',
    } as RequestInit)
    await (inProcess ? net.pds.fetch(request) : fetch(request)).catch(() => null)
    await expect.poll(() => readdir(join(net.folder, 'blobs', 'temporary'))).toEqual([])
    expect(await files()).toEqual(before)
  })

  const removePost = (uri: string) =>
    net.post('com.atproto.repo.deleteRecord', {
      token: alice.accessJwt,
      input: { repo: alice.did, collection: 'app.bsky.feed.post', rkey: uri.split('/').at(-1) },
    })

  test('uploading again while the last reference goes leaves the blob usable', async () => {
    const bytes = png(150_000)
    const cid = cidOf(bytes)
    const { blob } = (await upload(bytes)).body
    let { uri } = (await write(illustrated(blob))).body
    for (let i = 0; i < 5; i++) {
      const [, again] = await Promise.all([removePost(uri), upload(bytes)])
      expect(again.status).toBe(200)
      const made = await write(illustrated(blob))
      expect(failure(made)).toBe('200 ')
      expect((await fetchBlob(cid)).bytes.length).toBe(150_000)
      uri = made.body.uri
    }
    await upload(bytes)
    await removePost(uri)
    expect(failure(await fetchBlob(cid))).toBe('400 InvalidRequest')
    expect(failure(await write(illustrated(blob)))).toBe('200 ')
  })

  test.each(['delete first', 'create first'])(
    'one commit moves a blob from one record to another, %s',
    async (order) => {
      const bytes = png(3000)
      const cid = cidOf(bytes)
      const { blob } = (await upload(bytes)).body
      const { uri } = (await write(illustrated(blob))).body
      const collection = 'app.bsky.feed.post'
      const writes = [
        { $type: 'com.atproto.repo.applyWrites#delete', collection, rkey: uri.split('/').at(-1) },
        { $type: 'com.atproto.repo.applyWrites#create', collection, value: illustrated(blob) },
      ]
      const input = { repo: alice.did, writes: order === 'delete first' ? writes : writes.toReversed() }
      expect(failure(await net.post('com.atproto.repo.applyWrites', { token: alice.accessJwt, input }))).toBe(
        '200 ',
      )
      expect((await fetchBlob(cid)).bytes.length).toBe(3000)
      const { cids } = (
        await net.get('com.atproto.sync.listBlobs', { params: { did: alice.did, limit: 1000 } })
      ).body
      expect(cids).toContain(cid)
      expect(await files()).toContain(cid)
    },
  )

  test('a blob that was taken down is gone, and does not come back', async () => {
    const bytes = png(2500)
    const { blob } = (await upload(bytes)).body
    const { uri } = (await write(illustrated(blob))).body
    const cid = cidOf(bytes)
    const subject = { $type: 'com.atproto.admin.defs#repoBlobRef', did: alice.did, cid }
    const decide = (applied: boolean) =>
      net.post('com.atproto.admin.updateSubjectStatus', {
        admin: true,
        input: { subject, takedown: { applied } },
      })
    expect((await decide(true)).status).toBe(200)
    expect(failure(await fetchBlob(cid))).toBe('400 InvalidRequest')
    expect(failure(await upload(bytes))).toBe('400 InvalidRequest')
    expect(failure(await write(illustrated(blob)))).toBe('400 BlobNotFound')
    await decide(false)
    expect((await fetchBlob(cid)).status).toBe(200)
    expect(uri).toContain(alice.did)
  })

  test('one blob in two records stays until both are gone', async () => {
    const bytes = png(3000)
    const { blob } = (await upload(bytes)).body
    const keys = [await write(illustrated(blob)), await write(illustrated(blob))].map(({ body }) =>
      body.uri.split('/').at(-1),
    )
    const remove = (rkey: string) =>
      net.post('com.atproto.repo.deleteRecord', {
        token: alice.accessJwt,
        input: { repo: alice.did, collection: 'app.bsky.feed.post', rkey },
      })
    await remove(keys[0])
    expect((await fetchBlob(cidOf(bytes))).status).toBe(200)
    await remove(keys[1])
    expect((await fetchBlob(cidOf(bytes))).status).toBe(400)
  })
})
