import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { AtpAgent } from '@atproto/api'
import { startS3, type TestS3 } from '@avocet/testing/s3'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { startPds, type TestPds } from '../support/pds.ts'

let s3: TestS3
let server: TestPds

beforeAll(async () => {
  s3 = await startS3()
  const { bucket, endpoint, accessKeyId, secretAccessKey } = s3
  server = await startPds({ blobBucket: { bucket, endpoint, accessKeyId, secretAccessKey } })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await s3.close()
})

const objects = async (did: string): Promise<string[]> =>
  (await readdir(join(s3.folder, 'blocks', did)).catch((): string[] => []))
    .filter((name) => name.endsWith('_object'))
    .map((name) => name.split('.')[0]!)

test('@atproto/api uploads to a bucket, publishes, reads, and deletes', async () => {
  const agent = await server.newAccount('sylvia')
  const did = agent.assertDid
  const bytes = new Uint8Array(randomBytes(1_900_000))
  bytes.set([0xff, 0xd8, 0xff, 0xe0])
  const { data } = await agent.uploadBlob(bytes, { encoding: 'image/jpeg' })
  const cid = data.blob.ref.toString()
  expect([data.blob.mimeType, data.blob.size, await objects(did)]).toEqual(['image/jpeg', 1_900_000, [cid]])
  const post = await agent.post({
    text: 'a picture',
    embed: { $type: 'app.bsky.embed.images', images: [{ alt: 'noise', image: data.blob }] },
  })
  expect((await agent.com.atproto.sync.listBlobs({ did })).data.cids).toEqual([cid])

  // After a restart, as before it.
  await server.restart()
  const reader = new AtpAgent({ service: server.pds.url })
  const blob = await reader.com.atproto.sync.getBlob({ did, cid })
  expect([blob.headers['content-type'], Buffer.compare(blob.data, bytes)]).toEqual(['image/jpeg', 0])

  await reader.login({ identifier: 'sylvia.test', password: 'correct horse' })
  await reader.deletePost(post.uri)
  await expect(reader.com.atproto.sync.getBlob({ did, cid })).rejects.toMatchObject({ status: 400 })
  expect(await objects(did)).toEqual([])
})
