// Two processes on one Postgres and one store of blobs: one removes bytes that nobody refers to while the other stores them anew.
import { createMemoryBlobs, type BlobStore, type BlobUpkeep } from '@avocet/blobs'
import { formatCid } from '@avocet/data'
import { openDatabase, type PostgresDatabase } from '@avocet/postgres'
import type { Did } from '@avocet/syntax'
import { startPostgres } from '@avocet/testing/postgres'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'

import { createRemovals } from '../src/removals.ts'
import { createUploads, type Uploads } from '../src/uploads.ts'
import { openRepoServerStore, type PostgresRepoServerStore } from '../src/postgres/index.ts'

const server = await startPostgres()
let schemas = 0
const DID: Did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const BYTES = new TextEncoder().encode('the same bytes')

/** A place where work waits until it is let on. */
function createStop(): { reached: Promise<void>; here: () => Promise<void>; open: () => void } {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    reached: reached.promise,
    here: () => (reached.resolve(), opened.promise),
    open: opened.resolve,
  }
}

describe.skipIf(server === null)('blobs that two processes store and remove', () => {
  let admin: PostgresDatabase
  let schema: string
  let files: BlobStore & BlobUpkeep
  let here: Uploads
  let there: Uploads
  let errors: unknown[]
  let opened: { db: PostgresDatabase; store: PostgresRepoServerStore }[]
  /** What a process waits for before it removes bytes, and after it put some. */
  let beforeRemoval: () => Promise<void>
  let afterPut: () => Promise<void>

  beforeEach(async () => {
    const { url } = server!
    schema = `blob_turns_${process.pid}_${schemas++}`
    admin = openDatabase({ url, poolSize: 2, schema })
    await admin.query(`CREATE SCHEMA ${schema}`)
    files = createMemoryBlobs()
    opened = []
    const told: unknown[] = []
    errors = told
    beforeRemoval = async () => {}
    afterPut = async () => {}
    const open = async (own: BlobStore & BlobUpkeep): Promise<Uploads> => {
      const db = openDatabase({ url, schema, poolSize: 4 })
      const store = await openRepoServerStore(db)
      opened.push({ db, store })
      return createUploads({ store, files: own, limit: 1000, onError: (error) => told.push(error) })
    }
    here = await open({
      ...files,
      remove: async (did, cid) => {
        await beforeRemoval()
        await files.remove(did, cid)
      },
    })
    there = await open({
      ...files,
      put: async (did, source, limit) => {
        const stored = await files.put(did, source, limit)
        await afterPut()
        return stored
      },
    })
  })
  afterEach(async () => {
    for (const { db, store } of opened) {
      await store[Symbol.asyncDispose]()
      await db.close()
    }
    await admin.query(`DROP SCHEMA ${schema} CASCADE`)
    await admin.close()
  })
  afterAll(() => server?.close())

  const upload = async (uploads: Uploads): Promise<string> => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield BYTES
    }
    return formatCid((await uploads.upload(DID, source(), 'text/plain')).ref)
  }
  const isStored = async (cid: string): Promise<boolean> => (await files.open(DID, cid)) !== null
  const tickets = async (): Promise<number> => (await admin.query('SELECT 1 FROM blob_upload')).length

  /** The bytes of a blob whose row is gone. */
  const orphan = async (): Promise<string> => {
    const cid = await upload(there)
    await admin.query('DELETE FROM blob')
    return cid
  }

  it('an upload waits for the removal that looked before it came', async () => {
    const cid = await orphan()
    const stop = createStop()
    beforeRemoval = stop.here
    const removal = here.discard(DID, [cid])
    await stop.reached
    const again = upload(there)
    // As long as the removal lasts; without turns it ends here, and the removal takes what it stored.
    await Promise.race([again, sleep(200)])
    stop.open()
    await removal
    expect(await again).toBe(cid)
    expect([await isStored(cid), await opened[0]!.store.blobs.get(DID, cid)]).toMatchObject([true, { cid }])
    expect([errors, await tickets()]).toEqual([[], 0])
  })

  it('a removal waits for the upload whose row is not there yet, and finds it', async () => {
    const cid = await orphan()
    const stop = createStop()
    afterPut = stop.here
    const again = upload(there)
    await stop.reached
    // The process that uploads is no other to it.
    await Promise.all([here.discard(DID, [cid]), there.discard(DID, [cid])])
    expect(await isStored(cid)).toBe(true)
    stop.open()
    expect(await again).toBe(cid)
    // They follow those that are waiting.
    await Promise.all([here.discard(DID, [cid]), there.discard(DID, [cid])])
    expect([await isStored(cid), errors, await tickets()]).toEqual([true, [], 0])
  })

  it('an upload that was given up is refused once its bytes may be gone', async () => {
    const cid = await orphan()
    const stop = createStop()
    afterPut = stop.here
    const again = upload(there)
    await stop.reached
    await admin.query("UPDATE blob_upload SET until = clock_timestamp() - interval '1 ms'")
    await here.discard(DID, [cid])
    expect(await isStored(cid)).toBe(false)
    stop.open()
    await expect(again).rejects.toMatchObject({ name: 'RepoServerError', code: 'repo-busy' })
    expect([await opened[0]!.store.blobs.get(DID, cid), await tickets()]).toEqual([null, 0])
    expect(await upload(there)).toBe(cid)
    expect([await isStored(cid), errors]).toEqual([true, []])
  })

  it('a slow upload that nobody removed anything beside of is taken', async () => {
    const stop = createStop()
    afterPut = stop.here
    const slow = upload(there)
    await stop.reached
    await admin.query("UPDATE blob_upload SET until = clock_timestamp() - interval '1 ms'")
    stop.open()
    expect(await isStored(await slow)).toBe(true)
  })

  it('an upload whose sender is slow holds nobody up', async () => {
    const cid = await orphan()
    const stop = createStop()
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield BYTES
      await stop.here()
    }
    const again = there.upload(DID, slow(), 'text/plain')
    await stop.reached
    await here.discard(DID, [cid])
    expect(await isStored(cid)).toBe(false)
    stop.open()
    await again
    expect(await isStored(cid)).toBe(true)
  })

  it('an upload without room takes its bytes with it, at once', async () => {
    const uploads = createUploads({ store: opened[0]!.store, files, limit: 1000, maxBytes: () => 20 })
    const cid = await upload(uploads)
    const stop = createStop()
    const raced = createUploads({
      store: opened[0]!.store,
      files: {
        ...files,
        put: async (did, source, limit) => {
          const stored = await files.put(did, source, limit)
          await stop.here()
          return stored
        },
      },
      limit: 1000,
      maxBytes: () => 20,
    })
    async function* other(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(6)
    }
    const second = raced.upload(DID, other(), null)
    await stop.reached
    await admin.query('UPDATE blob SET size = 15')
    const before = performance.now()
    stop.open()
    await expect(second).rejects.toMatchObject({ code: 'quota-exceeded' })
    // A removal that found the ticket of its own upload would wait for a second.
    expect(performance.now() - before).toBeLessThan(900)
    const names: string[] = []
    for await (const entries of files.list(DID)) names.push(...entries.map((entry) => entry.cid))
    expect([names, await tickets()]).toEqual([[cid], 0])
  })

  it('removals of many accounts leave connections to others', async () => {
    const stop = createStop()
    beforeRemoval = stop.here
    const dids = Array.from({ length: 8 }, (_, n): Did => `did:plc:${'abcdefgh'[n]!.repeat(24)}`)
    const cid = await orphan()
    const removals = dids.map((did) => here.discard(did, [cid]))
    await stop.reached
    // With all four in the hands of removals this would wait for the store of blobs.
    expect(await opened[0]!.store.blobs.get(DID, cid)).toBe(null)
    stop.open()
    await Promise.all(removals)
    let [running, most] = [0, 0]
    beforeRemoval = async () => {
      most = Math.max(most, ++running)
      await sleep(5)
      running--
    }
    await Promise.all(dids.map((did) => here.discard(did, [cid])))
    expect([await isStored(cid), most, errors]).toEqual([false, 2, []])
  })

  it('blobs of a removed account are removed before it comes back, not after', async () => {
    const cid = await upload(there)
    for (const { store } of opened) expect(await store.upkeep.departed()).toEqual([])
    await opened[0]!.store.apply({ type: 'removal', did: DID, events: [] })
    const stop = createStop()
    const slow = {
      removeAll: async (did: Did) => {
        await stop.here()
        await files.removeAll(did)
      },
    }
    const removal = createRemovals(opened[0]!.store, slow).run()
    await stop.reached
    const again = (async () => {
      await createRemovals(opened[1]!.store, files).blobsGone(DID)
      return upload(there)
    })()
    // As long as the removal lasts; without turns it ends here, and the removal takes what it stored.
    await Promise.race([again, sleep(200)])
    stop.open()
    await removal
    expect(await again).toBe(cid)
    expect([await isStored(cid), await opened[0]!.store.blobs.get(DID, cid)]).toMatchObject([true, { cid }])
    expect([errors, await tickets()]).toEqual([[], 0])
  })

  it('who was slow to remove the blobs of an account takes none when it is back', async () => {
    await upload(there)
    const [{ store }] = opened as [(typeof opened)[0]]
    await store.apply({ type: 'removal', did: DID, events: [] })
    const stop = createStop()
    const blobTurns = {
      ...store.blobTurns!,
      removeAll: async (did: Did, work: () => Promise<void>) => {
        await stop.here()
        return store.blobTurns!.removeAll(did, work)
      },
    }
    const slow = createRemovals({ upkeep: store.upkeep, blobTurns }, files).run()
    await stop.reached
    await createRemovals(opened[1]!.store, files).run()
    const cid = await upload(there)
    stop.open()
    await slow
    expect([await isStored(cid), await store.blobs.get(DID, cid)]).toMatchObject([true, { cid }])
  })

  it('an upload that began before its account was removed leaves nothing', async () => {
    const stop = createStop()
    afterPut = stop.here
    const late = upload(there)
    await stop.reached
    await opened[0]!.store.apply({ type: 'removal', did: DID, events: [] })
    const removal = createRemovals(opened[0]!.store, files).run()
    await Promise.race([removal, sleep(200)])
    stop.open()
    const cid = await late
    await removal
    expect([await isStored(cid), await opened[0]!.store.blobs.get(DID, cid)]).toEqual([false, null])
    expect([errors, await tickets()]).toEqual([[], 0])
  })
})
