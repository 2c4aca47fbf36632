// What the firehose is told after a database went back in time.

import { sql } from '@avocet/testing/pds-rows'
import { pdsDatabase } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { announceAll } from '../src/commands/announce-all.ts'
import { createProgram } from '../src/commands/program.ts'
import { resolveConfig } from '../src/config/config.ts'
import { openStores } from '../src/stores/open-stores.ts'
import { readFirehose } from './firehose.ts'
import { ADMIN_PASSWORD, startNetwork, type TestNetwork } from './network.ts'

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
    const [{ key } = {}] = sql(net, 'SELECT signing_key AS key FROM account WHERE did = ?', broken.did)
    const setKey = (bytes: Uint8Array): unknown =>
      sql(net, 'UPDATE account SET signing_key = ? WHERE did = ?', bytes, broken.did)
    setKey(new Uint8Array(32))
    {
      const settings = { dataDirectory: net.folder, postgres: pdsDatabase(net.folder) }
      await using stores = await openStores(resolveConfig(settings))
      expect(await announceAll(stores, (text) => void problems.push(text))).toEqual({
        active: 1,
        inactive: 1,
      })
    }
    setKey(key as Uint8Array)
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

/** `avocet-pds announce …` beside the running server. */
async function announce(...args: string[]): Promise<string[]> {
  const lines: string[] = []
  const program = createProgram({
    env: { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD },
    print: (line) => void lines.push(line),
    serve: () => Promise.resolve(),
  })
  await program.parseAsync(['announce', ...args, '--port', String(net.pds.port)], { from: 'user' })
  return lines
}

test('on the running server: one account, or all of them, each with a new revision', async () => {
  const [here, away] = [await net.account(), await net.account()]
  await net.post('com.atproto.server.deactivateAccount', { token: away.accessJwt, input: {} })
  const revOf = async (): Promise<string> =>
    (await net.get('com.atproto.sync.getLatestCommit', { params: { did: here.did } })).body.rev
  const since = async (cursor: number): Promise<[string, string, unknown][]> => {
    const { events } = await readFirehose(net.pds.url, cursor, () => false, 300)
    return events.map(({ type, body }) => [type, body.did, body.active ?? body.rev])
  }
  const newest = async (): Promise<number> =>
    (await readFirehose(net.pds.url, 0, () => false, 300)).events.at(-1)!.body.seq as number

  const [before, cursor] = [await revOf(), await newest()]
  expect(await announce(here.handle)).toEqual([`announced ${here.did} (active)`])
  const after = await revOf()
  expect(after > before).toBe(true)
  const told = [
    ['#account', here.did, true],
    ['#sync', here.did, after],
  ]
  expect(await since(cursor)).toEqual(told)

  const second = await newest()
  const lines = await announce('--all')
  expect(lines).toHaveLength(5)
  expect(lines).toContain(`announced ${here.did} (active)`)
  expect(lines).toContain(`announced ${away.did} (inactive)`)
  const all = await since(second)
  expect(all.filter(([, did]) => did === away.did)).toEqual([['#account', away.did, false]])
  expect(all.filter(([, did]) => did === here.did)).toEqual([told[0], ['#sync', here.did, await revOf()]])

  const record = { $type: 'app.bsky.feed.post', text: 'goes on', createdAt: '2026-01-01T00:00:00.000Z' }
  const input = { repo: here.did, collection: 'app.bsky.feed.post', record }
  const written = await net.post('com.atproto.repo.createRecord', { token: here.accessJwt, input })
  expect(written.status).toBe(200)
  await expect(announce('nobody.test')).rejects.toThrow('AccountNotFound: Account not found')
  await expect(announce()).rejects.toThrow('give an account, or --all')
  await expect(announce(here.did, '--all')).rejects.toThrow('give an account, or --all')
})
