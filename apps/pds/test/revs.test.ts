import { createKeypair } from '@avocet/crypto'
import { exportRepo, createMemoryRepoStore, prepareWrite, applyWrites } from '@avocet/repo'
import { tidFromMicros, tidToMicros, type Did, type Nsid, type Tid } from '@avocet/syntax'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { failure, post, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'

let network: TestNetwork
beforeAll(async () => {
  network = await startNetwork()
})
afterAll(() => network[Symbol.asyncDispose]())

/** An archive whose commit names `rev`; its key is nobody's, as that of a server left behind. */
export async function archiveAt(did: string, rev: Tid): Promise<Uint8Array<ArrayBuffer>> {
  const store = createMemoryRepoStore()
  const write = prepareWrite({
    action: 'create',
    collection: 'app.bsky.feed.post' as Nsid,
    rkey: 'archived',
    record: post('from elsewhere') as never,
  })
  const signer = createKeypair('k256')
  await store.apply(await applyWrites({ did: did as Did, head: null, store, writes: [write], signer, rev }))
  const chunks: Uint8Array[] = []
  for await (const chunk of exportRepo(store, did as Did)) chunks.push(chunk)
  return new Uint8Array(Buffer.concat(chunks))
}

const micros = (ahead: number): number => (Date.now() + ahead) * 1000
const MINUTE = 60_000

async function importAt(account: TestAccount, rev: Tid): Promise<Answer> {
  const token = account.accessJwt
  await network.post('com.atproto.server.deactivateAccount', { token, input: {} })
  const bytes = await archiveAt(account.did, rev)
  return network.post('com.atproto.repo.importRepo', { token, bytes, type: 'application/vnd.ipld.car' })
}

const write = (account: TestAccount): Promise<Answer> =>
  network.post('com.atproto.repo.createRecord', {
    token: account.accessJwt,
    input: { repo: account.did, collection: 'app.bsky.feed.post', record: post('hello') },
  })

test.each([
  ['the largest there is', () => 'jzzzzzzzzzzzz'],
  ['the year 2200', () => tidFromMicros(Date.UTC(2200, 0) * 1000, 0)],
  ['six minutes ahead', () => tidFromMicros(micros(6 * MINUTE), 0)],
])('an archive whose rev is %s is refused and moves nothing', async (_, revOf) => {
  const attacker = await network.account()
  const bystander = await network.account()
  const rev = revOf()
  const refused = await importAt(attacker, rev)
  expect(failure(refused)).toBe('400 InvalidRequest')
  expect(refused.body.message).toContain(rev)
  const written = await write(bystander)
  expect(written.status).toBe(200)
  expect(Math.abs(tidToMicros(written.body.commit.rev) / 1000 - Date.now())).toBeLessThan(MINUTE)
  expect((await write(await network.account())).status).toBe(200)
})

test('an archive four minutes ahead is taken, and only its own repository goes on from there', async () => {
  const mover = await network.account()
  const bystander = await network.account()
  const rev = tidFromMicros(micros(4 * MINUTE), 0)
  expect((await importAt(mover, rev)).status).toBe(200)
  const head = await network.get('com.atproto.server.checkAccountStatus', { token: mover.accessJwt })
  expect(head.body.repoRev > rev).toBe(true)
  const written = await write(bystander)
  expect(written.body.commit.rev < rev).toBe(true)
})
