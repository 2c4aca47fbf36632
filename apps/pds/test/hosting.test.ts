// What a repository says of its account decides whether a commit lands: it has to say the same as the account, always.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createKeypair } from '@avocet/crypto'
import { applyWrites } from '@avocet/repo'
import { createTidClock, type Handle } from '@avocet/syntax'
import { sql } from '@avocet/testing/pds-rows'
import { expect, onTestFinished, test } from 'vitest'

import { resolveConfig } from '../src/config/config.ts'
import { openSqliteStores, type SqliteStores } from '../src/stores/sqlite/stores.ts'
import { startNetwork, type Answer } from './network.ts'

const tids = createTidClock()

test('repositories of a database from before say what their accounts do once it is opened', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'avocet-pds-hosting-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const open = (): Promise<SqliteStores> => openSqliteStores(resolveConfig({ dataDirectory: folder }))
  const states = [
    ['did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', null, null, 'active'],
    ['did:plc:bbbbbbbbbbbbbbbbbbbbbbbb', '2026-01-01', null, 'deactivated'],
    ['did:plc:cccccccccccccccccccccccc', null, 'ref', 'takendown'],
    ['did:plc:dddddddddddddddddddddddd', '2026-01-01', 'ref', 'takendown'],
  ] as const
  const before = await open()
  for (const [did, deactivatedAt, takedownRef] of states) {
    const signer = createKeypair('k256')
    const store = before.repos
    await store.apply(await applyWrites({ did, head: null, store, writes: [], signer, rev: tids.next() }))
    const handle = `${did.at(-1)}.test` as Handle
    const rest = { email: null, passwordHash: '', signingKey: signer.exportPrivateKey(), createdAt: '' }
    await before.accountStore.apply([
      { type: 'createAccount', account: { did, handle, deactivatedAt, ...rest } },
      { type: 'updateAccount', did, set: { takedownRef } },
    ])
  }
  before.db.raw.exec("DELETE FROM schema_versions WHERE name = 'hosting'")
  before.db.close()
  const after = await open()
  const heads = await after.repos.listHeads(null, 9)
  expect(heads.map(({ did, status }) => [did, status])).toEqual(
    states.map(([did, , , status]) => [did, status]),
  )
  after.db.close()
})

test('a repository follows its account through every change of it', async () => {
  await using net = await startNetwork()
  const alice = await net.account()
  const token = alice.accessJwt
  const status = (): unknown => {
    return sql(net, 'SELECT status FROM repo WHERE did = ?', alice.did)[0]?.['status'] ?? null
  }
  const subject = { $type: 'com.atproto.admin.defs#repoRef', did: alice.did }
  const takedown = (applied: boolean): Promise<Answer> =>
    net.post('com.atproto.admin.updateSubjectStatus', {
      admin: true,
      input: { subject, takedown: { applied, ref: 'x' } },
    })
  const turn = (to: 'activate' | 'deactivate'): Promise<Answer> =>
    net.post(`com.atproto.server.${to}Account`, { token, ...(to === 'deactivate' ? { input: {} } : {}) })
  const seen = [status()]
  for (const step of [
    () => turn('deactivate'),
    () => turn('activate'),
    () => turn('deactivate'),
    () => takedown(true),
    () => takedown(false),
  ]) {
    expect((await step()).status).toBe(200)
    seen.push(status())
  }
  expect(seen).toEqual(['active', 'deactivated', 'active', 'deactivated', 'takendown', 'deactivated'])
  const removed = await net.post('com.atproto.admin.deleteAccount', {
    admin: true,
    input: { did: alice.did },
  })
  expect([removed.status, status()]).toEqual([200, null])
})
