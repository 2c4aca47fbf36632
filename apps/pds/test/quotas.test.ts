import { openDatabase } from '@avocet/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { resolveConfig, type PdsConfig } from '../src/config/config.ts'
import { dataChecks } from '../src/doctor/data-checks.ts'
import { SILENT } from '../src/logger.ts'
import { createQuotas } from '../src/repos/quotas.ts'

import { createProgram } from '../src/commands/program.ts'
import { openStorage } from '../src/storage.ts'
import { openSqliteStores } from '../src/stores/sqlite/stores.ts'
import { openQuotas } from '../src/stores/sqlite/rows.ts'
import { viewOf } from '../src/stores/sqlite/view.ts'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADMIN_PASSWORD, failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
let alice: TestAccount
beforeAll(async () => {
  net = await startNetwork({
    config: { inviteRequired: false, accountBlobQuota: 1000, accountRecordQuota: 3 },
  })
})
afterAll(() => net[Symbol.asyncDispose]())

const bytes = (size: number, fill: number): Uint8Array<ArrayBuffer> => new Uint8Array(size).fill(fill)
const upload = async (size: number, fill: number): Promise<string> =>
  failure(await net.post('com.atproto.repo.uploadBlob', { token: alice.accessJwt, bytes: bytes(size, fill) }))
const create = async (n: number): Promise<string> =>
  failure(
    await net.post('com.atproto.repo.applyWrites', {
      token: alice.accessJwt,
      input: {
        repo: alice.did,
        writes: Array.from({ length: n }, (_, i) => ({
          $type: 'com.atproto.repo.applyWrites#create',
          collection: 'app.bsky.feed.post',
          value: post(`${i}`),
        })),
      },
    }),
  )

async function run(...args: string[]): Promise<any> {
  const lines: string[] = []
  const program = createProgram({
    env: { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD },
    print: (line) => void lines.push(line),
    serve: () => Promise.resolve(),
  })
  await program.parseAsync([...args, '--port', String(net.pds.port)], { from: 'user' })
  return lines.join('\n')
}

test('blobs up to the bound, unreferenced ones included; files of what is refused go', async () => {
  alice = await net.account()
  expect(await upload(600, 1)).toBe('200 ')
  expect(await upload(401, 2)).toBe('413 QuotaExceeded')
  expect(await upload(399, 2)).toBe('200 ')
  // The same bytes again take no room.
  expect(await upload(1, 3)).toBe('200 ')
  expect(await upload(1, 4)).toBe('413 QuotaExceeded')
  const files = await readdir(join(net.folder, 'blobs', alice.did))
  expect(files).toHaveLength(3)
})

test('uploads side by side do not pass the bound together', async () => {
  alice = await net.account()
  const outcomes = await Promise.all([1, 2, 3, 4].map((fill) => upload(400, fill)))
  expect(outcomes.toSorted()).toEqual(['200 ', '200 ', '413 QuotaExceeded', '413 QuotaExceeded'])
  expect(await readdir(join(net.folder, 'blobs', alice.did))).toHaveLength(2)
  expect(await readdir(join(net.folder, 'blobs', 'temporary'))).toEqual([])
})

test('records up to the bound; deletions make room', async () => {
  alice = await net.account()
  expect(await create(4)).toBe('413 QuotaExceeded')
  expect(await create(2)).toBe('200 ')
  expect(await create(2)).toBe('413 QuotaExceeded')
  expect(await create(1)).toBe('200 ')
  expect(await create(1)).toBe('413 QuotaExceeded')
  const { body } = await net.get('com.atproto.repo.listRecords', {
    params: { repo: alice.did, collection: 'app.bsky.feed.post' },
  })
  const rkey = body.records[0].uri.split('/').at(-1)
  const input = { repo: alice.did, collection: 'app.bsky.feed.post', rkey }
  expect(failure(await net.post('com.atproto.repo.deleteRecord', { token: alice.accessJwt, input }))).toBe(
    '200 ',
  )
  expect(await create(1)).toBe('200 ')
})

test('records are counted once, not for each commit: a large account would pay with every post', async () => {
  using db = openDatabase({ path: ':memory:' })
  db.raw.exec('CREATE TABLE account_quota (did TEXT, blob_bytes INTEGER, records INTEGER)')
  let counted = 0
  const quotas = createQuotas(
    openQuotas(db),
    { accountBlobQuota: 0, accountRecordQuota: 12 },
    {
      blobs: { bytes: () => 0 },
      records: {
        count: () => {
          counted++
          return Promise.resolve(10)
        },
      },
    },
  )
  const did = 'did:plc:abcdefghijklmnopqrstuvwx'
  await quotas.check(did, 'a', 1)
  quotas.note(did, 'a', 'b', 1)
  await quotas.check(did, 'b', 1)
  quotas.note(did, 'b', 'c', 1)
  await expect(quotas.check(did, 'c', 1)).rejects.toMatchObject({ code: 'quota-exceeded' })
  quotas.note(did, 'c', 'd', -1)
  await quotas.check(did, 'd', 1)
  expect(counted).toBe(1)
  // A revision that nobody told of, after an import, say.
  await quotas.check(did, 'f', 1)
  expect(counted).toBe(2)
})

test('an import of more records than the bound is refused whole', async () => {
  await using other = await startNetwork({ directory: net.directory, config: { inviteRequired: false } })
  const bob = await other.account()
  const write = (n: number): Promise<unknown> =>
    other.post('com.atproto.repo.createRecord', {
      token: bob.accessJwt,
      input: { repo: bob.did, collection: 'app.bsky.feed.post', record: post(`${n}`) },
    })
  for (let n = 0; n < 3; n++) await write(n)
  const archive = async (): Promise<Uint8Array<ArrayBuffer>> =>
    (await other.get('com.atproto.sync.getRepo', { params: { did: bob.did } })).bytes
  const three = await archive()
  await write(3)
  const four = await archive()
  const auth = await other.get('com.atproto.server.getServiceAuth', {
    token: bob.accessJwt,
    params: { aud: `did:web:localhost%3A${net.pds.port}`, lxm: 'com.atproto.server.createAccount' },
  })
  const { body: moved } = await net.post('com.atproto.server.createAccount', {
    token: auth.body.token,
    input: { did: bob.did, handle: bob.handle, email: 'bob@example.com', password: 'correct horse' },
  })
  const load = async (car: Uint8Array<ArrayBuffer>): Promise<string> =>
    failure(
      await net.post('com.atproto.repo.importRepo', {
        token: moved.accessJwt,
        bytes: car,
        type: 'application/vnd.ipld.car',
      }),
    )
  expect(await load(four)).toBe('413 QuotaExceeded')
  expect(await load(three)).toBe('200 ')
})

test('the operator sees and sets the bounds of one account, and the audit log keeps it', async () => {
  alice = await net.account()
  expect(await upload(900, 1)).toBe('200 ')
  expect(JSON.parse(await run('account', 'quota', alice.handle))).toEqual({
    quota: { blobBytes: 1000, records: 3 },
    used: { blobBytes: 900, records: 0 },
  })
  expect(await upload(200, 2)).toBe('413 QuotaExceeded')
  expect(JSON.parse(await run('account', 'quota', alice.handle, '1100', '--records', '0')).quota).toEqual({
    blobBytes: 1100,
    records: 0,
  })
  expect(await upload(200, 2)).toBe('200 ')
  expect(await create(4)).toBe('200 ')
  await run('account', 'quota', alice.handle, 'default')
  expect(await upload(1, 3)).toBe('413 QuotaExceeded')
  const info = JSON.parse(await run('account', 'info', alice.handle))
  expect([info.quota, info.used]).toEqual([
    { blobBytes: 1000, records: 0 },
    { blobBytes: 1100, records: 4 },
  ])
  await expect(run('account', 'quota', 'nobody.test')).rejects.toThrow('AccountNotFound: Account not found')
  const headers = { authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}` }
  const { entries } = (await (await fetch(`${net.pds.url}/audit?limit=2`, { headers })).json()) as any
  expect(entries.map((entry: any) => [entry.action, entry.actor, entry.did, entry.detail])).toEqual([
    ['quota set', 'command line', alice.did, { blobBytes: null }],
    ['quota set', 'command line', alice.did, { blobBytes: 1100, records: 0 }],
  ])
})

test("an act of the operator is no form's: JSON alone, with the password", async () => {
  const ask = async (headers: Record<string, string>, body: string): Promise<number> =>
    (await fetch(`${net.pds.url}/quota`, { method: 'POST', headers, body })).status
  const password = { authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}` }
  const body = JSON.stringify({ account: alice.did, blobBytes: 1 })
  expect(await ask({ 'content-type': 'application/json' }, body)).toBe(401)
  expect(await ask({ ...password, 'content-type': 'text/plain' }, body)).toBe(400)
  expect(await ask({ ...password, 'content-type': 'application/json' }, ' '.repeat(20_000))).toBe(400)
  expect(await ask({ ...password, 'content-type': 'application/json' }, '{"account":"x"}')).toBe(400)
  expect(await ask({ ...password, 'content-type': 'application/json' }, body)).toBe(200)
})

test('send-test sends a mail, and says what the mail server says', async () => {
  expect(await run('send-test', 'me@example.com')).toBe('sent to me@example.com')
  const mails = await readdir(join(net.folder, 'mail'))
  expect(mails.length).toBeGreaterThan(0)
  await expect(run('send-test', 'nobody')).rejects.toThrow(
    'InvalidRequest: Expected the address of a mailbox',
  )
})

test('a server that is open to everybody without a quota is told of, in the log and by doctor', async () => {
  const warning =
    'accounts need no invite, and nothing bounds what one may store: PDS_ACCOUNT_BLOB_QUOTA is 0'
  const dataDirectory = await mkdtemp(join(tmpdir(), 'avocet-pds-quota-'))
  const told = async (settings: Partial<PdsConfig>): Promise<string[]> => {
    const lines: string[] = []
    const config = resolveConfig({ dataDirectory, hostname: 'pds.example.com', ...settings })
    const log = { ...SILENT, warn: (_: object, message: string) => void lines.push(message) }
    await (await openStorage(config, log))[Symbol.asyncDispose]()
    await using stores = await openSqliteStores(config)
    const findings = await dataChecks(viewOf(stores.db), config, false)
    return [...lines, ...findings.filter(({ what }) => what === 'quota').map(({ detail }) => detail)]
  }
  expect(await told({ inviteRequired: false })).toEqual([warning, warning])
  expect(await told({ inviteRequired: false, accountBlobQuota: 1 })).toEqual([])
  expect(await told({})).toEqual([])
  expect(await told({ inviteRequired: false, devMode: true })).toEqual([])
  await rm(dataDirectory, { recursive: true })
})
