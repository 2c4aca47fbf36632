// What the firehose is told after a database went back in time.
import { join } from 'node:path'

import { openDatabase } from '@avocet/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { announceAll } from '../src/commands/announce-all.ts'
import { resolveConfig } from '../src/config/config.ts'
import { openStoresOn } from '../src/stores/sqlite/stores.ts'
import { readFirehose } from './firehose.ts'
import { startNetwork, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork({ config: { inviteRequired: false } })
})
afterAll(() => net[Symbol.asyncDispose]())

test('every account is told of, and one that cannot be is named', async () => {
  const [active, away, broken] = [await net.account(), await net.account(), await net.account()]
  const token = away.accessJwt
  expect((await net.post('com.atproto.server.deactivateAccount', { token, input: {} })).status).toBe(200)
  const { events } = await readFirehose(net.pds.url, 0, () => false, 300)
  const cursor = events.at(-1)!.body.seq as number
  const before = (await net.get('com.atproto.sync.getLatestCommit', { params: { did: active.did } })).body
  await net.pds.close()
  const problems: string[] = []
  {
    using db = openDatabase({ path: join(net.folder, 'pds.sqlite') })
    const stores = await openStoresOn(db, resolveConfig({ dataDirectory: net.folder }))
    const key = db.prepare('SELECT signing_key FROM account WHERE did = ?').get(broken.did)!['signing_key']
    const setKey = db.prepare('UPDATE account SET signing_key = ? WHERE did = ?')
    setKey.run(new Uint8Array(32), broken.did)
    expect(await announceAll(stores, (text) => void problems.push(text))).toEqual({ active: 1, inactive: 1 })
    setKey.run(key as Uint8Array, broken.did)
  }
  expect(problems).toEqual([`${broken.did}: not a private key; curve=k256 length=32`])
  await net.start()
  const told = await readFirehose(net.pds.url, cursor, () => false, 300)
  const after = (await net.get('com.atproto.sync.getLatestCommit', { params: { did: active.did } })).body
  expect(after.rev > before.rev).toBe(true)
  const seen = told.events.map(({ type, body }) => [type, body.did, body.active ?? body.rev])
  expect(seen).toHaveLength(3)
  expect(seen).toEqual(
    expect.arrayContaining([
      ['#account', active.did, true],
      ['#sync', active.did, after.rev],
      ['#account', away.did, false],
    ]),
  )
})
