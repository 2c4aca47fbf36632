import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Did } from '@avocet/syntax'
import { createRemovals, type Outcome, type Removals } from '@avocet/repo-server'
import { expect, onTestFinished, test } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'

const DID = 'did:web:back.example.com' as Did

async function open() {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-removals-'))
  const stores = await openSqliteStores(resolveConfig({ dataDirectory: folder }))
  const { db, blobs, files } = stores
  onTestFinished(async () => {
    db.close()
    await rm(folder, { recursive: true, force: true })
  })
  const upload = async (text: string): Promise<string> => {
    async function* source(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text)
    }
    const { cid, size } = await files.put(DID, source(), 100)
    await db.write(() => blobs.add(DID, { cid: `${cid}`, mimeType: 'text/plain', size, now: Date.now() }))
    return `${cid}`
  }
  const remove = (): Promise<Outcome> => stores.server.apply({ type: 'removal', did: DID, events: [] })
  const present = async (cid: string): Promise<boolean[]> => [
    blobs.get(DID, cid) !== null,
    (await files.open(DID, cid)) !== null,
  ]
  return { stores, db, removals: createRemovals(stores.server, files), upload, present, remove }
}

test('an account that came back and is deleted before the former one is swept takes its blobs along', async () => {
  const { removals, upload, present, remove, db } = await open()
  await remove()
  await removals.blobsGone(DID)
  const own = await upload('own')
  await remove()
  await removals.run()
  expect(await present(own)).toEqual([false, false])
  expect(db.prepare('SELECT count(*) AS n FROM account_removal').get()).toEqual({ n: 0 })
})

test('blobs of an account that came back stay, though the removal of the former one was cut off by a kill', async () => {
  const { stores, upload, present, remove } = await open()
  const { db } = stores
  // A process that is killed before the last events of the former account are gone.
  const start = (): Removals => createRemovals(stores.server, stores.files)
  const killed = start()
  const former = await upload('former')
  await remove()
  await killed.blobsGone(DID)
  expect(await present(former)).toEqual([false, false])
  const own = await upload('own')

  await start().run()
  expect(await present(own)).toEqual([true, true])
  expect(db.prepare('SELECT count(*) AS n FROM account_removal').get()).toEqual({ n: 0 })

  // The one that came back goes too, with its blobs.
  await remove()
  await start().run()
  expect(await present(own)).toEqual([false, false])
})
