import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Did } from '@avocet/syntax'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openDiskBlobs } from '../src/disk.ts'
import { areRemovalsHeld, dropHeld, holdRemovals } from '../src/disk.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-blobs-hold-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const DID = 'did:plc:abcdefghijklmnopqrstuvwx' as Did

test('one backup holds at a time, until it ends or was not heard of for a minute', async () => {
  expect(await areRemovalsHeld(folder)).toBe(false)
  {
    await using hold = await holdRemovals(folder)
    expect([hold === null, await areRemovalsHeld(folder)]).toEqual([false, true])
    expect(await holdRemovals(folder)).toBeNull()
    const touched = async (secondsAgo: number): Promise<boolean> => {
      const time = new Date(Date.now() - secondsAgo * 1000)
      await utimes(join(folder, 'backup.hold'), time, time)
      return areRemovalsHeld(folder)
    }
    expect([await touched(58), await touched(60), await touched(3600)]).toEqual([true, false, false])
    // A clock that was set back does not make a hold that lasts.
    expect([await touched(-3600), await touched(0)]).toEqual([false, true])
  }
  expect(await areRemovalsHeld(folder)).toBe(false)
})

test('what is removed meanwhile is moved aside, and goes when the hold has ended', async () => {
  let held = true
  const blobs = join(folder, 'blobs')
  const files = await openDiskBlobs(blobs, { isHeld: () => Promise.resolve(held) })
  const put = async (text: string): Promise<string> => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text)
    }
    return (await files.put(DID, source(), 100)).cid.toString()
  }
  const [one, two, three] = [await put('one'), await put('two'), await put('three')]
  await files.remove(DID, one)
  await files.remove(DID, one)
  // Uploaded again while its former file is held: the new one stays.
  await put('one')
  await files.removeAll(DID)
  expect(await files.open(DID, two)).toBeNull()
  const aside = join(blobs, 'held', DID)
  expect((await readdir(aside)).toSorted()).toEqual([one, two, three].toSorted())
  await files.clean()
  expect(await readdir(aside)).toHaveLength(3)
  held = false
  await files.clean()
  expect(await readdir(blobs)).not.toContain('held')
})

test('files moved aside while such files are dropped: none is lost track of, and nothing fails', async () => {
  const blobs = join(folder, 'racing')
  let held = true
  const files = await openDiskBlobs(blobs, { isHeld: () => Promise.resolve(held) })
  const cids = Array.from({ length: 400 }, (_, i) => `bafkrei${i}`)
  await mkdir(join(blobs, DID), { recursive: true })
  for (const cid of cids) await writeFile(join(blobs, DID, cid), 'x')
  const some = async (part: number): Promise<void> => {
    for (let i = part; i < cids.length; i += 8) await files.remove(DID, cids[i]!)
  }
  const removing = Promise.all(Array.from({ length: 8 }, (_, part) => some(part)))
  const ended = new AbortController()
  void removing.finally(() => ended.abort()).catch(() => {})
  while (!ended.signal.aborted) await dropHeld(blobs)
  await removing
  expect(await readdir(join(blobs, DID))).toEqual([])
  held = false
  await files.clean()
  expect(await readdir(blobs)).not.toContain('held')
  expect(await readdir(join(blobs, 'removed'))).toEqual([])
})
