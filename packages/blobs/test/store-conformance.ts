// What every store of blobs must do. Each implementation's test file runs this over a store of its own.

import { createHash, randomBytes } from 'node:crypto'

import { cidFromDigest, formatCid } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  SNIFF_BYTES,
  type BlobEntry,
  type BlobReader,
  type BlobStore,
  type BlobUpkeep,
} from '../src/index.ts'

export type Store = BlobStore & BlobUpkeep

/** A store, and what only its implementation knows how to do. */
export interface StoreFixture {
  readonly store: Store
  /** The same store opened anew, as after a restart of the process; null when it keeps nothing. */
  readonly reopen: (() => Promise<Store>) | null
  /** Makes what an account has so many seconds older; null where stamps cannot be changed. */
  readonly age: ((did: Did, seconds: number) => Promise<void>) | null
  /** Where stamps cannot be changed: what is stored from now on is so many seconds old. */
  readonly ageNext?: (seconds: number) => void
  /** Names of what uploads that did not end left behind. */
  unfinished(): Promise<string[]>
  close(): Promise<void>
}

export const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const OTHER: Did = 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb'
const WEB: Did = 'did:web:localhost%3A2583'

export async function* source(...pieces: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece
}

export const cidOf = (bytes: string | Uint8Array): string =>
  formatCid(cidFromDigest('raw', new Uint8Array(createHash('sha256').update(bytes).digest())))

export async function bytesOf(body: AsyncIterable<Uint8Array> | null): Promise<string | null> {
  if (body === null) return null
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

/** What bytes are, in few letters: the CID they have. */
export async function digestOf(body: AsyncIterable<Uint8Array> | null): Promise<string | null> {
  const text = await bytesOf(body)
  return text === null ? null : cidOf(Buffer.from(text, 'latin1'))
}

/** Stores text. @returns its CID */
export const storedAs = async (store: BlobStore, did: Did, text: string): Promise<string> =>
  formatCid((await store.put(did, source(text), 1e6)).cid)

export async function listed(store: BlobReader, did: Did): Promise<BlobEntry[]> {
  const all: BlobEntry[] = []
  for await (const entries of store.list(did)) all.push(...entries)
  return all.toSorted((a, b) => a.cid.localeCompare(b.cid))
}

export function describeBlobStore(name: string, open: () => Promise<StoreFixture>): void {
  describe(`store of blobs: ${name}`, () => {
    let fixture: StoreFixture
    let store: Store
    beforeEach(async () => {
      fixture = await open()
      store = fixture.store
    })
    afterEach(() => fixture.close())

    const cids = async (did: Did, of: BlobReader = store): Promise<string[]> =>
      (await listed(of, did)).map(({ cid }) => cid)

    it('keeps bytes under their CID, and tells what they are', async () => {
      const bytes = randomBytes(100_000)
      const blob = await store.put(DID, source(bytes.subarray(0, 3), bytes.subarray(3)), 100_000)
      expect([formatCid(blob.cid), blob.size]).toEqual([cidOf(bytes), 100_000])
      expect(Buffer.compare(blob.head, bytes.subarray(0, SNIFF_BYTES))).toBe(0)
      expect(await digestOf(await store.open(DID, cidOf(bytes)))).toBe(cidOf(bytes))
    })

    it('keeps a blob of no bytes, and one in pieces of one byte', async () => {
      const none = await store.put(DID, source(), 0)
      expect([formatCid(none.cid), none.size, none.head.length]).toEqual([cidOf(''), 0, 0])
      expect(await bytesOf(await store.open(DID, cidOf('')))).toBe('')
      const one = await store.put(DID, source('l', 'e', 't', 't', 'e', 'r', 's'), 7)
      expect([formatCid(one.cid), Buffer.from(one.head).toString()]).toEqual([cidOf('letters'), 'letters'])
      expect(await bytesOf(await store.open(DID, cidOf('letters')))).toBe('letters')
    })

    it('takes as many bytes as it is told to, and not one more', async () => {
      expect((await store.put(DID, source('12345', '67890'), 10)).size).toBe(10)
      await expect(store.put(DID, source('12345', '678901'), 10)).rejects.toMatchObject({
        name: 'BlobError',
        code: 'too-large',
      })
      await expect(store.put(DID, source('x'), 0)).rejects.toMatchObject({ code: 'too-large' })
      expect(await cids(DID)).toEqual([cidOf('1234567890')])
      expect(await fixture.unfinished()).toEqual([])
    })

    it('ends the source that is too large', async () => {
      let ended = false
      const endless = async function* (): AsyncGenerator<Uint8Array> {
        try {
          for (;;) yield Buffer.alloc(1000)
        } finally {
          ended = true
        }
      }
      await expect(store.put(DID, endless(), 5000)).rejects.toMatchObject({ code: 'too-large' })
      expect(ended).toBe(true)
    })

    it('leaves nothing of a source that breaks off, and says why it did', async () => {
      const broken = async function* (): AsyncGenerator<Uint8Array> {
        yield randomBytes(70_000)
        throw new Error('the client went away')
      }
      await expect(store.put(DID, broken(), 1e6)).rejects.toThrow('the client went away')
      expect(await cids(DID)).toEqual([])
      expect(await fixture.unfinished()).toEqual([])
    })

    it('does not mind a sender that uses its buffer again', async () => {
      const reused = async function* (): AsyncGenerator<Uint8Array> {
        const buffer = Buffer.alloc(4)
        for (const text of ['abcd', 'efgh', 'ijkl']) {
          buffer.write(text)
          yield buffer
        }
      }
      await store.put(DID, reused(), 100)
      expect(await bytesOf(await store.open(DID, cidOf('abcdefghijkl')))).toBe('abcdefghijkl')
    })

    it('gives ranges, both ends included', async () => {
      const bytes = randomBytes(200_000)
      await store.put(DID, source(bytes), 1e6)
      for (const [start, end] of [
        [0, 0],
        [0, 199_999],
        [10, 19],
        [65_535, 65_536],
        [199_999, 199_999],
      ] as const) {
        const part = await digestOf(await store.open(DID, cidOf(bytes), { start, end }))
        expect([start, part]).toEqual([start, cidOf(bytes.subarray(start, end + 1))])
      }
    })

    it('lets a reader stop half way', async () => {
      const bytes = randomBytes(1_000_000)
      await store.put(DID, source(bytes), 1e6)
      for (let i = 0; i < 3; i++) {
        for await (const chunk of (await store.open(DID, cidOf(bytes)))!) {
          expect(Buffer.compare(chunk, bytes.subarray(0, chunk.length))).toBe(0)
          break
        }
      }
      await store.remove(DID, cidOf(bytes))
      expect(await store.open(DID, cidOf(bytes))).toBeNull()
    })

    it('has no blob that was not stored, nor one of another account', async () => {
      const cid = await storedAs(store, DID, 'some text')
      expect(await store.open(DID, cidOf('other text'))).toBeNull()
      expect(await store.open(OTHER, cid)).toBeNull()
      expect(await listed(store, OTHER)).toEqual([])
    })

    it('keeps the blob of one account when another removes the same bytes', async () => {
      const cid = await storedAs(store, DID, 'some text')
      await storedAs(store, OTHER, 'some text')
      await store.remove(OTHER, cid)
      expect([await cids(DID), await cids(OTHER)]).toEqual([[cid], []])
    })

    it('stores what is there already again', async () => {
      const cid = await storedAs(store, DID, 'some text')
      await storedAs(store, DID, 'some text')
      expect(await cids(DID)).toEqual([cid])
      const all = await Promise.all(Array.from({ length: 5 }, () => storedAs(store, DID, 'at once')))
      expect(new Set(all)).toEqual(new Set([cidOf('at once')]))
      expect(await bytesOf(await store.open(DID, cidOf('at once')))).toBe('at once')
    })

    it('lists what is there: names, sizes, and when it was stored', async () => {
      const before = Date.now() - 2000
      const texts = ['', 'a', 'bb']
      for (const text of texts) await storedAs(store, DID, text)
      const entries = await listed(store, DID)
      expect(entries.map(({ cid, size }) => [cid, size])).toEqual(
        texts.map((text) => [cidOf(text), text.length]).toSorted(([a], [b]) => `${a}`.localeCompare(`${b}`)),
      )
      for (const { writtenAt } of entries) {
        expect(writtenAt).toBeGreaterThan(before)
        expect(writtenAt).toBeLessThan(Date.now() + 2000)
      }
    })

    it('removes, also what is gone already', async () => {
      const [one, two] = [await storedAs(store, DID, 'one'), await storedAs(store, DID, 'two')]
      await store.remove(DID, one)
      await store.remove(DID, one)
      await store.remove(OTHER, two)
      expect(await cids(DID)).toEqual([two])
    })

    it('removes all of an account, which may begin anew at once', async () => {
      const web = await storedAs(store, WEB, 'one')
      await storedAs(store, DID, 'one')
      const two = await storedAs(store, DID, 'two')
      await store.removeAll(DID)
      await store.removeAll(DID)
      expect([await cids(DID), await store.open(DID, two)]).toEqual([[], null])
      await storedAs(store, DID, 'two')
      expect([await cids(DID), await cids(WEB)]).toEqual([[two], [web]])
    })

    it('keeps accounts, and of the others what is new', async () => {
      if (fixture.ageNext !== undefined) fixture.ageNext(100)
      for (const did of [DID, OTHER, WEB]) await storedAs(store, did, 'some text')
      if (fixture.age !== null) for (const did of [DID, OTHER, WEB]) await fixture.age(did, 100)
      if (fixture.age === null && fixture.ageNext === undefined) return
      expect(await store.keepOnly([WEB], Date.now() - 200_000)).toBe(0)
      expect(await store.keepOnly([WEB, OTHER], Date.now() - 50_000)).toBe(1)
      expect([await cids(DID), await cids(OTHER), await cids(WEB)]).toEqual([
        [],
        [cidOf('some text')],
        [cidOf('some text')],
      ])
      expect(await store.keepOnly([WEB, OTHER], Date.now() - 50_000)).toBe(0)
    })

    it('is clean with nothing to do, and keeps what is there', async () => {
      const cid = await storedAs(store, DID, 'some text')
      await store.clean()
      expect(await cids(DID)).toEqual([cid])
    })

    it('has everything after a restart', async () => {
      if (fixture.reopen === null) return
      const cid = await storedAs(store, WEB, 'some text')
      const again = await fixture.reopen()
      expect([await cids(WEB, again), await bytesOf(await again.open(WEB, cid))]).toEqual([
        [cid],
        'some text',
      ])
    })
  })
}
