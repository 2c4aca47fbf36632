import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openDatabase } from '@avocet/sqlite'
import type { DataObject } from '@avocet/data'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { archiveOf } from './archives.ts'
import { startCommand, type RunningCommand } from './command.ts'
import { startDirectory, type TestDirectory } from './directory.ts'
import { post } from './network.ts'

let folder: string
let directory: TestDirectory
let pds: RunningCommand
const ADMIN = 'operator-password'

const start = (): Promise<RunningCommand> =>
  startCommand(['--port', '0', '--data', folder, '--plc-url', directory.url, '--invite-required', 'false'], {
    PDS_SERVICE_DID: 'did:web:leftovers.example.com',
    PDS_ADMIN_PASSWORD: ADMIN,
  })
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'avocet-pds-leftovers-'))
  directory = await startDirectory()
  pds = await start()
})
afterAll(async () => {
  await pds.stop('SIGKILL')
  await directory[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function call(
  nsid: string,
  body: object | Uint8Array,
  authorization = '',
  type = 'application/json',
): Promise<any> {
  const response = await fetch(`${pds.url}/xrpc/${nsid}`, {
    method: 'POST',
    headers: { 'content-type': type, authorization },
    body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${nsid}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}
const account = async (name: string): Promise<{ did: string; bearer: string }> => {
  const input = { handle: `${name}.test`, email: `${name}@example.com`, password: 'correct horse' }
  const { did, accessJwt } = await call('com.atproto.server.createAccount', input)
  return { did, bearer: `Bearer ${accessJwt}` }
}
const rows = (sql: string): number => {
  using db = openDatabase({ path: join(folder, 'pds.sqlite'), readOnly: true })
  return Number(db.prepare(sql).get()!['n'])
}
const kill = async (): Promise<void> => {
  await pds.stop('SIGKILL')
  pds = await start()
}

test('rows and blocks of an import that was killed are gone after the next start', async () => {
  const { did, bearer } = await account('anna')
  await call('com.atproto.server.deactivateAccount', {}, bearer)
  const records: Record<string, DataObject> = {}
  for (let i = 0; i < 3000; i++)
    records[`app.bsky.feed.post/${String(i).padStart(5, '0')}`] = post(`${i}`) as DataObject
  const car = await archiveOf(did, records)
  const sending = request(`${pds.url}/xrpc/com.atproto.repo.importRepo`, {
    method: 'POST',
    headers: { authorization: bearer, 'content-type': 'application/vnd.ipld.car' },
  })
  sending.on('error', () => {})
  sending.write(car.subarray(0, car.length - 1000))
  await vi.waitFor(() => expect(rows('SELECT count(*) AS n FROM record')).toBeGreaterThan(1500), 8000)
  await kill()
  await vi.waitFor(() => {
    expect(rows("SELECT count(*) AS n FROM record_set WHERE state <> 'live'")).toBe(0)
    expect(rows('SELECT count(*) AS n FROM record')).toBe(0)
    expect(rows('SELECT count(*) AS n FROM repo WHERE did IS NULL')).toBe(0)
    expect(rows('SELECT count(*) AS n FROM repo_block')).toBe(2)
  }, 8000)
  await call('com.atproto.repo.importRepo', car, bearer, 'application/vnd.ipld.car')
  expect(rows('SELECT count(*) AS n FROM record')).toBe(3000)
}, 30_000)

test('a deletion that was killed goes on after the next start', async () => {
  const { did, bearer } = await account('bert')
  await call('com.atproto.server.deactivateAccount', {}, bearer)
  const records: Record<string, DataObject> = {}
  for (let i = 0; i < 3000; i++)
    records[`app.bsky.feed.post/${String(i).padStart(5, '0')}`] = post(`${i}`) as DataObject
  await call('com.atproto.repo.importRepo', await archiveOf(did, records), bearer, 'application/vnd.ipld.car')
  const before = rows('SELECT count(*) AS n FROM record')
  await call(
    'com.atproto.admin.deleteAccount',
    { did },
    `Basic ${Buffer.from(`admin:${ADMIN}`).toString('base64')}`,
  )
  await kill()
  expect(
    (await fetch(`${pds.url}/xrpc/com.atproto.sync.getRepo?did=${did}&since=3k2aaaaaaaa22`)).status,
  ).toBe(400)
  await vi.waitFor(() => {
    expect(rows('SELECT count(*) AS n FROM record')).toBe(before - 3000)
    expect(rows('SELECT count(*) AS n FROM account_removal')).toBe(0)
    expect(rows('SELECT count(*) AS n FROM repo WHERE did IS NULL')).toBe(0)
  }, 8000)
}, 30_000)

test('files that no row knows are collected after the next start, and no other', async () => {
  const { did, bearer } = await account('cleo')
  const picture = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(100)])
  const { blob } = await call('com.atproto.repo.uploadBlob', picture, bearer, 'image/png')
  const kept: string = blob.ref.$link
  const record = { $type: 'com.example.picture', blob }
  await call(
    'com.atproto.repo.createRecord',
    { repo: did, collection: 'com.example.picture', record },
    bearer,
  )
  const blobs = join(folder, 'blobs')
  // What a process leaves that is killed between moving a file and noting it, or after a deletion.
  const orphans = [join(blobs, did, 'bafkreiorphan'), join(blobs, 'did:plc:gone', 'bafkreigone')]
  await mkdir(join(blobs, 'did:plc:gone'))
  const long = new Date(Date.now() - 60_000)
  for (const path of orphans) {
    await writeFile(path, 'left behind')
    await utimes(path, long, long)
  }
  await utimes(join(blobs, 'did:plc:gone'), long, long)
  // And one that is killed in the middle of an upload, whatever the clock of its time said.
  const unfinished = join(blobs, 'temporary', 'c0ffee')
  await writeFile(unfinished, 'half a pict')
  await utimes(unfinished, new Date(Date.now() + 60_000), new Date(Date.now() + 60_000))
  await kill()
  await vi.waitFor(async () => {
    expect(await readdir(join(blobs, 'temporary'))).not.toContain('c0ffee')
    expect(await readdir(join(blobs, did))).toEqual([kept])
    expect(await readdir(blobs)).not.toContain('did:plc:gone')
  }, 8000)
  const served = await fetch(`${pds.url}/xrpc/com.atproto.sync.getBlob?did=${did}&cid=${kept}`)
  expect((await served.arrayBuffer()).byteLength).toBe(picture.length)
}, 30_000)

test('an account whose first session cannot be kept is not made', async () => {
  const change = (sql: string): void => {
    using db = openDatabase({ path: join(folder, 'pds.sqlite') })
    db.transaction(() => db.raw.exec(sql))
  }
  change(
    `CREATE TRIGGER no_sessions BEFORE INSERT ON refresh_token BEGIN SELECT RAISE(ABORT, 'no sessions'); END`,
  )
  await expect(account('dora')).rejects.toThrow(
    'com.atproto.server.createAccount: 500 {"error":"InternalServerError"',
  )
  expect(rows(`SELECT count(*) AS n FROM account WHERE handle = 'dora.test'`)).toBe(0)
  expect(rows(`SELECT count(*) AS n FROM refresh_token WHERE did NOT IN (SELECT did FROM account)`)).toBe(0)
  change('DROP TRIGGER no_sessions')
  await account('dora')
})
