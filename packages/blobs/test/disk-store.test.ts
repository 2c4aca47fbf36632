import { mkdir, mkdtemp, open, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { blobFolderName, openDiskBlobs, readDiskBlobs } from '../src/disk.ts'
import { bytesOf, describeBlobStore, DID, OTHER, source, storedAs } from './store-conformance.ts'

describeBlobStore('disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-blobs-'))
  const store = await openDiskBlobs(folder)
  return {
    store,
    reopen: () => openDiskBlobs(folder),
    age: async (did, seconds) => {
      const time = new Date(Date.now() - seconds * 1000)
      const place = join(folder, blobFolderName(did))
      for (const name of await readdir(place)) await utimes(join(place, name), time, time)
      await utimes(place, time, time)
    },
    unfinished: () => readdir(join(folder, 'temporary')),
    close: () => rm(folder, { recursive: true, force: true }),
  }
})

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-blobs-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

test('a reader looks at a folder and makes none', async () => {
  const place = join(folder, 'blobs')
  const reader = readDiskBlobs(place)
  expect(await reader.open(DID, 'bafy')).toBeNull()
  for await (const entries of reader.list(DID)) expect(entries).toEqual([])
  expect(await readdir(folder)).toEqual([])
  const cid = await storedAs(await openDiskBlobs(place), DID, 'some text')
  expect(await bytesOf(await reader.open(DID, cid))).toBe('some text')
})

test.each(['..', '.', '', '.hidden', '../x', `../${OTHER}/x`, '/etc/hostname', 'a\\b', 'a\0b'])(
  'no name leads out of the folder of an account: %j',
  async (name) => {
    const store = await openDiskBlobs(folder)
    await storedAs(store, DID, 'some text')
    await writeFile(join(folder, 'x'), 'x')
    expect(await store.open(DID, name)).toBeNull()
    await store.remove(DID, name)
    expect((await readdir(folder)).toSorted()).toEqual([DID, 'removed', 'temporary', 'x'])
    expect(await readdir(join(folder, DID))).toHaveLength(1)
  },
)

test.each(['..', 'temporary', 'did:plc:../../x', ''])('%j is no account', async (name) => {
  const store = await openDiskBlobs(folder)
  await expect(store.put(name as Did, source('x'), 10)).rejects.toMatchObject({ code: 'invalid-did' })
  await expect(store.removeAll(name as Did)).rejects.toMatchObject({ code: 'invalid-did' })
  expect((await readdir(folder)).toSorted()).toEqual(['removed', 'temporary'])
  expect(await readdir(join(folder, 'temporary'))).toEqual([])
})

test('files and folders are for their owner alone', async () => {
  const store = await openDiskBlobs(folder)
  const cid = await storedAs(store, DID, 'some text')
  const mode = async (...path: string[]): Promise<number> => (await stat(join(folder, ...path))).mode & 0o777
  expect([await mode(DID), await mode(DID, cid), await mode('temporary')]).toEqual([0o700, 0o600, 0o700])
})

test('what is no folder of an account stays', async () => {
  const store = await openDiskBlobs(folder)
  await mkdir(join(folder, 'lost+found'))
  await storedAs(store, DID, 'some text')
  expect(await store.keepOnly([], Date.now() + 60_000)).toBe(1)
  expect((await readdir(folder)).toSorted()).toEqual(['lost+found', 'removed', 'temporary'])
})

test.each([
  ['its bytes', 1],
  ['its name', 2],
])('a blob whose sync of %s fails is not acknowledged', async (_, nth) => {
  const store = await openDiskBlobs(folder)
  const probe = await open(join(folder, 'probe'), 'w')
  const prototype = Object.getPrototypeOf(probe) as { sync: () => Promise<void> }
  await probe.close()
  let syncs = 0
  vi.spyOn(prototype, 'sync').mockImplementation(() =>
    ++syncs === nth
      ? Promise.reject(Object.assign(new Error('EIO: fsync'), { code: 'EIO' }))
      : Promise.resolve(),
  )
  await expect(storedAs(store, DID, 'some text')).rejects.toThrow('EIO: fsync')
  expect(await readdir(join(folder, 'temporary'))).toEqual([])
  // Nothing is at its place whose bytes may be lost.
  if (nth === 1) expect(await readdir(folder)).not.toContain(DID)
})

test('what an earlier process left of its uploads goes, one under way stays', async () => {
  await openDiskBlobs(folder)
  const place = join(folder, 'temporary')
  await writeFile(join(place, 'old'), 'x')
  const store = await openDiskBlobs(folder)
  await writeFile(join(place, 'fresh'), 'x')
  await store.clean()
  expect(await readdir(place)).toEqual(['fresh'])
})

test('in a folder that processes share, uploads go a day after somebody wrote to them, not before', async () => {
  await openDiskBlobs(folder)
  const place = join(folder, 'temporary')
  const hours = (count: number): Date => new Date(Date.now() - count * 60 * 60 * 1000)
  for (const [name, age] of [
    ['abandoned', 25],
    ['slow', 23],
  ] as const) {
    await writeFile(join(place, name), 'x')
    await utimes(join(place, name), hours(age), hours(age))
  }
  const store = await openDiskBlobs(folder, { isShared: true })
  await store.clean()
  expect(await readdir(place)).toEqual(['slow'])
})
