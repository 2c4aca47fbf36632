import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startS3, type TestS3 } from '@avocet/testing/s3'
import { onlySqlite, pdsDatabase } from '@avocet/testing/pds-store'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { backup } from '../src/commands/backup.ts'
import { doctor } from '../src/commands/doctor.ts'
import { restore } from '../src/commands/restore.ts'
import { verifyBackup } from '../src/commands/verify-backup.ts'
import type { BlobBucket, PdsOptions } from '../src/config/config.ts'
import { SILENT } from '../src/logger.ts'
import { failure, post, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'

let s3: TestS3
let bucket: BlobBucket
beforeAll(async () => {
  s3 = await startS3('pds-blobs')
  const { endpoint, accessKeyId, secretAccessKey } = s3
  bucket = {
    bucket: s3.bucket,
    endpoint,
    accessKeyId,
    secretAccessKey,
    uploadTimeoutMs: 2000,
    requestTimeoutMs: 1000,
  }
})
afterAll(() => s3.close())

const png = (size: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(randomBytes(size))
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return bytes
}
const illustrated = (blob: unknown): object => ({
  ...post('look'),
  embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image: blob }] },
})

const noBackups = onlySqlite('backups are of a data directory')

describe('a server whose blobs are in a bucket', () => {
  let net: TestNetwork
  let alice: TestAccount
  beforeEach(async () => {
    net = await startNetwork({ config: { blobBucket: bucket, blobUploadLimit: 300_000 }, log: SILENT })
    alice = await net.account()
  })
  afterEach(async () => {
    s3.fault = () => null
    await net[Symbol.asyncDispose]()
    // A removal that was under way may still take effect meanwhile.
    for (const name of await readdir(s3.folder)) {
      await rm(join(s3.folder, name), { recursive: true, force: true, maxRetries: 5 })
    }
  })

  const upload = (bytes: Uint8Array<ArrayBuffer>): Promise<Answer> =>
    net.post('com.atproto.repo.uploadBlob', { bytes, type: 'image/png', token: alice.accessJwt })
  const write = (record: object): Promise<Answer> =>
    net.post('com.atproto.repo.createRecord', {
      token: alice.accessJwt,
      input: { repo: alice.did, collection: 'app.bsky.feed.post', record },
    })
  const remove = (uri: string): Promise<Answer> =>
    net.post('com.atproto.repo.deleteRecord', {
      token: alice.accessJwt,
      input: { repo: alice.did, collection: 'app.bsky.feed.post', rkey: uri.split('/').at(-1) },
    })
  const fetchBlob = (cid: string, headers: Record<string, string> = {}): Promise<Answer> =>
    net.get('com.atproto.sync.getBlob', { params: { did: alice.did, cid }, headers })
  const objects = async (did = alice.did): Promise<string[]> =>
    (await readdir(join(s3.folder, 'blocks', did)).catch((): string[] => []))
      .filter((name) => name.endsWith('_object'))
      .map((name) => name.split('.')[0]!)
  const uploading = (): Promise<string[]> => readdir(join(net.folder, 'blobs', 'temporary'))
  /** A blob that a record refers to. */
  const published = async (bytes = png(2000)): Promise<{ cid: string; uri: string; blob: unknown }> => {
    const { blob } = (await upload(bytes)).body
    return { cid: blob.ref.$link, uri: (await write(illustrated(blob))).body.uri, blob }
  }
  const options = (): PdsOptions => ({
    dataDirectory: net.folder,
    adminPassword: 'operator-password',
    plcUrl: net.directory.url,
    blobBucket: bucket,
    postgres: pdsDatabase(net.folder),
  })

  test('a blob is uploaded, published, read in ranges, and goes with its record', async () => {
    const bytes = png(200_000)
    const { cid, uri } = await published(bytes)
    expect([await objects(), await uploading()]).toEqual([[cid], []])
    const whole = await fetchBlob(cid)
    expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect(Buffer.compare(whole.bytes, bytes)).toBe(0)
    const part = await fetchBlob(cid, { range: 'bytes=150000-' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 150000-199999/200000'])
    expect(Buffer.compare(part.bytes, bytes.subarray(150_000))).toBe(0)
    const first = await fetchBlob(cid, { range: 'bytes=0-0' })
    expect([first.status, first.bytes.length]).toEqual([206, 1])
    expect((await fetchBlob(cid, { range: 'bytes=200000-' })).status).toBe(416)
    const url = `${net.pds.url}/xrpc/com.atproto.sync.getBlob?did=${alice.did}&cid=${cid}`
    const head = await fetch(url, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '200000'])
    await expect.poll(() => s3.open(), { timeout: 5000 }).toBe(0)
    expect((await remove(uri)).status).toBe(200)
    expect(failure(await fetchBlob(cid))).toBe('400 InvalidRequest')
    expect(await objects()).toEqual([])
  })

  test('too large: refused, and nothing is left', async () => {
    expect(failure(await upload(png(300_001)))).toBe('413 PayloadTooLarge')
    expect((await upload(png(300_000))).status).toBe(200)
    expect([(await objects()).length, await uploading()]).toEqual([1, []])
  })

  test('a service that fails: 503 with a name, the rest goes on, and all comes back by itself', async () => {
    const { cid, uri } = await published()
    s3.fault = () => ({ status: 503, code: 'SlowDown' })
    expect(failure(await upload(png(100)))).toBe('503 ServiceUnavailable')
    expect(failure(await fetchBlob(cid))).toBe('503 ServiceUnavailable')
    expect((await write(post('no picture'))).status).toBe(200)
    // The record is gone although its blob could not be removed.
    expect((await remove(uri)).status).toBe(200)
    expect(failure(await fetchBlob(cid))).toBe('400 InvalidRequest')
    expect(await uploading()).toEqual([])
    s3.fault = () => null
    expect((await upload(png(100))).status).toBe(200)
  })

  test('a silent service holds no write up', async () => {
    const { uri } = await published()
    s3.fault = (method) => (method === 'DELETE' ? 'silence' : null)
    const begun = performance.now()
    const [removed, written] = await Promise.all([remove(uri), write(post('meanwhile'))])
    expect([removed.status, written.status]).toEqual([200, 200])
    expect((await write(post('after it'))).status).toBe(200)
    expect(performance.now() - begun).toBeLessThan(3500)
  })

  test('bytes uploaded again while they are being removed are there afterwards', async () => {
    const bytes = png(3000)
    const { cid, uri } = await published(bytes)
    // The removal takes effect at the last try, when it is not waited for any more and the upload would have ended.
    let calls = 0
    s3.fault = (method, url) => (method === 'DELETE' && url.includes(cid) && ++calls < 4 ? 'silence' : null)
    expect((await remove(uri)).status).toBe(200)
    const again = await published(bytes)
    expect([again.cid, calls]).toEqual([cid, 4])
    expect(Buffer.compare((await fetchBlob(cid)).bytes, bytes)).toBe(0)
    expect(await objects()).toEqual([cid])
  })

  test('the blobs of a deleted account go, those of another stay', async () => {
    await published()
    const bob = await net.account()
    await net.post('com.atproto.repo.uploadBlob', { bytes: png(10), type: 'image/png', token: bob.accessJwt })
    await net.post('com.atproto.admin.deleteAccount', { admin: true, input: { did: alice.did } })
    await expect.poll(() => objects()).toEqual([])
    expect(await objects(bob.did)).toHaveLength(1)
  })

  test('objects that no row knows are collected after the next start, and no other', async () => {
    const { cid } = await published()
    await net.pds.close()
    const old = new Date(Date.now() - 2 * 60 * 60_000)
    for (const [did, name] of [
      [alice.did, 'bafkreiorphan'],
      ['did:plc:cccccccccccccccccccccccc', cid],
    ] as const) {
      // An object of the server's is three files.
      const [from, to] = [join(s3.folder, 'blocks', alice.did, cid), join(s3.folder, 'blocks', did)]
      await copyObject(from, to, name, old)
    }
    await net.start()
    await expect.poll(() => objects(), { timeout: 5000 }).toEqual([cid])
    await expect.poll(() => objects('did:plc:cccccccccccccccccccccccc')).toEqual([])
  })

  test('the bucket of another server, or of one that lost its database, stops the start', async () => {
    await published()
    const other = (config: object): Promise<TestNetwork> =>
      startNetwork({ directory: net.directory, config: { blobBucket: bucket, ...config } })
    await expect(other({})).rejects.toThrow('there are blobs of accounts in the bucket but no database')
    await expect(other({ blobBucket: { ...bucket, bucket: 'missing' } })).rejects.toThrow(
      'cannot open the store of blobs; the bucket does not exist; bucket=missing',
    )
    await net.pds.close()
    const renamed = startNetwork({
      directory: net.directory,
      folder: net.folder,
      config: { blobBucket: bucket, hostname: 'other.test', devMode: true },
    })
    await expect(renamed).rejects.toThrow('belong to another owner; owner=localhost expected=other.test')
    await net.start()
  })

  test('a service that is down does not stop the start of a server that was there before', async () => {
    const { cid } = await published()
    await net.pds.close()
    s3.fault = () => ({ status: 503, code: 'ServiceUnavailable' })
    await net.start()
    expect((await net.get('_health')).status).toBe(200)
    // On another port it is another server, to which the token says nothing.
    const input = { identifier: alice.handle, password: 'correct horse' }
    alice = (await net.post('com.atproto.server.createSession', { input })).body as TestAccount
    expect((await write(post('no picture'))).status).toBe(200)
    expect(failure(await upload(png(100)))).toBe('503 ServiceUnavailable')
    s3.fault = () => null
    expect((await upload(png(100))).status).toBe(200)
    expect((await fetchBlob(cid)).status).toBe(200)
  })

  test('the doctor looks at the bucket', async () => {
    const { cid } = await published()
    const look = async (): Promise<string> => {
      const lines: string[] = []
      await doctor(options(), (line) => void lines.push(line), { deep: true }).catch(() => {})
      return lines.filter((line) => line.includes('  blobs:')).join('\n')
    }
    expect(await look()).toBe('ok   blobs: 1 files read and hashed')
    const object = join(s3.folder, 'blocks', alice.did, `${cid}._S3rver_object`)
    await writeFile(object, png(2000))
    expect(await look()).toBe(`BAD  blobs: 1 of 1 files are not what their names say: ${alice.did}/${cid}`)
    await rm(object)
    expect(await look()).toBe(`BAD  blobs: 1 of 1 files are missing: ${alice.did}/${cid}`)
    s3.fault = () => ({ status: 403, code: 'AccessDenied' })
    expect(await look()).toContain('BAD  blobs: the store of blobs refuses the request; bucket=pds-blobs')
  })

  test.skipIf(noBackups)(
    'a backup holds all but the blobs, and says so; a restore wants the bucket',
    async () => {
      const { cid } = await published()
      const lines: string[] = []
      const report = (line: string): void => void lines.push(line)
      const target = join(await mkdtemp(join(tmpdir(), 'avocet-pds-backup-')), 'backup')
      await backup(options(), target, report)
      expect(lines.join('\n')).toContain(
        `BLOBS ARE NOT IN THIS BACKUP: 1 blob (2000 bytes) stay in ${s3.endpoint}/pds-blobs.`,
      )
      expect((await readdir(target)).toSorted()).toEqual([
        'SHA256SUMS',
        'manifest.json',
        'pds.sqlite',
        'secrets.json',
      ])
      expect(await verifyBackup(target)).toMatchObject({
        blobs: { count: 1, bytes: 2000 },
        bucket: `${s3.endpoint}/pds-blobs`,
      })
      await net.pds.close()
      const folder = join(target, '..', 'restored')
      const onDisk = { ...options(), dataDirectory: folder, blobBucket: null }
      await expect(restore(onDisk, target, report)).rejects.toThrow(
        `the blobs of this backup are not in it but in ${s3.endpoint}/pds-blobs: set PDS_BLOBSTORE_S3_BUCKET`,
      )
      await restore({ ...options(), dataDirectory: folder }, target, report)
      expect(lines.join('\n')).toContain('BLOBS ARE NOT IN THIS BACKUP: 1 blob have to be in')
      {
        await using restored = await startNetwork({
          directory: net.directory,
          folder,
          config: { blobBucket: bucket },
        })
        const found = await restored.get('com.atproto.sync.getBlob', { params: { did: alice.did, cid } })
        expect(found.bytes.length).toBe(2000)
      }
      await net.start()
    },
  )
})

test.skipIf(noBackups)('a backup with blobs is restored into a bucket', async () => {
  const net = await startNetwork()
  const alice = await net.account()
  const bytes = png(1000)
  const uploaded = await net.post('com.atproto.repo.uploadBlob', {
    bytes,
    type: 'image/png',
    token: alice.accessJwt,
  })
  const { blob } = uploaded.body
  await net.post('com.atproto.repo.createRecord', {
    token: alice.accessJwt,
    input: { repo: alice.did, collection: 'app.bsky.feed.post', record: illustrated(blob) },
  })
  const target = join(await mkdtemp(join(tmpdir(), 'avocet-pds-backup-')), 'backup')
  const settings = {
    dataDirectory: net.folder,
    adminPassword: 'operator-password',
    plcUrl: net.directory.url,
  }
  await backup(settings, target, () => {})
  await net.pds.close()
  const folder = join(target, '..', 'restored')
  await restore({ ...settings, dataDirectory: folder, blobBucket: bucket }, target, () => {})
  {
    await using moved = await startNetwork({
      directory: net.directory,
      folder,
      config: { blobBucket: bucket },
    })
    const params = { did: alice.did, cid: blob.ref.$link }
    const found = await moved.get('com.atproto.sync.getBlob', { params })
    expect(Buffer.compare(found.bytes, bytes)).toBe(0)
  }
  await net.start()
  await net[Symbol.asyncDispose]()
})

/** Copies the three files that are an object of the test's server. */
async function copyObject(from: string, folder: string, name: string, time: Date): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const part of ['_S3rver_object', '_S3rver_object.md5', '_S3rver_metadata.json']) {
    await copyFile(`${from}.${part}`, join(folder, `${name}.${part}`))
    await utimes(join(folder, `${name}.${part}`), time, time)
  }
}
