import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'

import { cidFromDigest, formatCid, type DataObject } from '@avocet/data'
import { readRepo } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { sql } from '@avocet/testing/pds-rows'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { archiveOf } from './archives.ts'
import { failure, post, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'

let network: TestNetwork
beforeAll(async () => {
  network = await startNetwork()
})
afterAll(() => network[Symbol.asyncDispose]())

const CAR = 'application/vnd.ipld.car'
const deactivated = async (): Promise<TestAccount> => {
  const account = await network.account()
  await network.post('com.atproto.server.deactivateAccount', { token: account.accessJwt, input: {} })
  return account
}
const importInto = (
  { accessJwt: token }: TestAccount,
  bytes: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> => network.post('com.atproto.repo.importRepo', { token, bytes, type: CAR, headers })
const statusOf = async ({ accessJwt: token }: TestAccount) =>
  (await network.get('com.atproto.server.checkAccountStatus', { token })).body
const note = (text: string): DataObject => post(text) as DataObject

/** An import whose body stays open after its first bytes. */
async function drip(
  account: TestAccount,
  bytes: Uint8Array,
): Promise<{ call: ClientRequest; answer: Promise<IncomingMessage> }> {
  const call = request(`${network.pds.url}/xrpc/com.atproto.repo.importRepo`, {
    method: 'POST',
    headers: { authorization: `Bearer ${account.accessJwt}`, 'content-type': CAR },
  })
  call.on('error', () => {})
  const answer = once(call, 'response').then(([response]) => response as IncomingMessage)
  answer.catch(() => {})
  call.write(bytes.subarray(0, 20))
  await new Promise((resolve) => setTimeout(resolve, 150))
  return { call, answer }
}
const errorOf = async (answer: Promise<IncomingMessage>): Promise<string> => {
  const response = await answer
  return `${response.statusCode} ${((await json(response)) as { error: string }).error}`
}
/** How long a call takes that must not wait for anybody. */
async function quickly(work: Promise<Answer>): Promise<Answer> {
  const late = Symbol('late')
  const outcome = await Promise.race([
    work,
    new Promise<typeof late>((resolve) => setTimeout(() => resolve(late), 2000)),
  ])
  if (outcome === late) throw new Error('waited for the import')
  return outcome
}

describe('an import whose body drips', () => {
  test('holds up no call of the account, and is ended by a takedown', async () => {
    const account = await deactivated()
    const car = await archiveOf(account.did, { 'app.bsky.feed.post/a': note('a') })
    const { answer } = await drip(account, car)
    const input = { repo: account.did, collection: 'app.bsky.feed.post', record: post('x') }
    const written = quickly(
      network.post('com.atproto.repo.createRecord', { token: account.accessJwt, input }),
    )
    expect(failure(await written)).toBe('401 AccountDeactivated')
    expect(failure(await quickly(importInto(account, car)))).toBe('429 RateLimitExceeded')
    const subject = { $type: 'com.atproto.admin.defs#repoRef', did: account.did }
    const takedown = { input: { subject, takedown: { applied: true } }, admin: true }
    expect((await quickly(network.post('com.atproto.admin.updateSubjectStatus', takedown))).status).toBe(200)
    expect(await errorOf(answer)).toBe('409 ImportStopped')
  })

  test('is ended by a deletion, and its DID is free at once', async () => {
    const account = await deactivated()
    const { answer } = await drip(account, await archiveOf(account.did, {}))
    const gone = network.post('com.atproto.admin.deleteAccount', { input: { did: account.did }, admin: true })
    expect((await quickly(gone)).status).toBe(200)
    expect(await errorOf(answer)).toBe('409 ImportStopped')
    const head = await network.get('com.atproto.sync.getLatestCommit', { params: { did: account.did } })
    expect(failure(head)).toBe('400 RepoNotFound')
  })

  test('leaves nothing when its sender goes away', async () => {
    const account = await deactivated()
    const { call } = await drip(account, await archiveOf(account.did, {}))
    call.destroy()
    await new Promise((resolve) => setTimeout(resolve, 200))
    const whole = await archiveOf(account.did, { 'app.bsky.feed.post/a': note('a') })
    expect((await importInto(account, whole)).status).toBe(200)
    const left = () => sql(network, "SELECT count(*) AS n FROM record_set WHERE state <> 'live'")[0]!['n']
    await vi.waitFor(() => expect(left()).toBe(0), 5000)
  })
})

describe('odd records', () => {
  const deep = Buffer.concat([Buffer.alloc(300, 0x81), Buffer.from([0x80])])
  const cases: [string, string, { bytes: Uint8Array } | DataObject | string | string[]][] = [
    ['a float', 'app.bsky.feed.post/odd', { bytes: Buffer.from('a16161fb3ff8000000000000', 'hex') }],
    ['too deep', 'app.bsky.feed.post/odd', { bytes: deep }],
    ['undecodable', 'app.bsky.feed.post/odd', { bytes: Buffer.from('ffffff', 'hex') }],
    ['a string', 'app.bsky.feed.post/odd', 'text'],
    ['an array', 'app.bsky.feed.post/odd', ['text']],
    ['a key of dots', 'app.bsky.feed.post/..', note('x')],
    ['a collection that is no NSID', 'foo/odd', note('x')],
  ]
  test.each(cases)('%s is refused by its path, or left out', async (_, path, record) => {
    const account = await deactivated()
    const car = await archiveOf(account.did, {
      'app.bsky.feed.post/fine': note('fine'),
      [path]: record as never,
    })
    const refused = await importInto(account, car)
    expect(failure(refused)).toBe('400 InvalidRequest')
    expect(refused.body.message).toContain(`path=${path}`)
    expect(await statusOf(account)).toMatchObject({ indexedRecords: 0 })

    const taken = await importInto(account, car, { 'avocet-skip-records': 'true' })
    expect([taken.status, taken.headers.get('avocet-skipped-records')]).toEqual([200, '1'])
    expect(taken.headers.get('avocet-skipped-paths')).toBe(path)
    expect(await statusOf(account)).toMatchObject({ indexedRecords: 1 })
    const exported = await network.get('com.atproto.sync.getRepo', {
      params: { did: account.did },
      token: account.accessJwt,
    })
    const reader = await readRepo(exported.bytes, { did: account.did as Did, unsafeSkipSignature: true })
    const paths: string[] = []
    for await (const entry of reader.entries) paths.push(entry.path)
    expect(paths).toEqual(['app.bsky.feed.post/fine'])
    // What is left is a repository like any other.
    const again = await deactivated().then(() => importInto(account, exported.bytes))
    expect(again.status).toBe(200)
  })
})

describe('blob references of early records', () => {
  const bytes = new Uint8Array(Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), randomBytes(400)]))
  const ref = cidFromDigest('raw', new Uint8Array(createHash('sha256').update(bytes).digest()))
  const cid = formatCid(ref)
  const legacy = { cid, mimeType: 'image/png' }

  test('are counted, asked for, listed, served, and upgraded by the next write of the profile', async () => {
    const account = await deactivated()
    const { did, accessJwt: token } = account
    const profile = { $type: 'app.bsky.actor.profile', displayName: 'Early', avatar: legacy }
    const other = { ...note('picture'), thumb: { $type: 'blob', ref, mimeType: 'image/png', size: -1 } }
    const car = await archiveOf(did, { 'app.bsky.actor.profile/self': profile, 'com.example.x/1': other })
    expect((await importInto(account, car)).status).toBe(200)
    expect(await statusOf(account)).toMatchObject({ expectedBlobs: 1, importedBlobs: 0 })
    const missing = await network.get('com.atproto.repo.listMissingBlobs', { token })
    expect(missing.body.blobs).toMatchObject([{ cid }])
    expect(
      (await network.post('com.atproto.repo.uploadBlob', { token, bytes, type: 'image/png' })).status,
    ).toBe(200)
    expect(await statusOf(account)).toMatchObject({ expectedBlobs: 1, importedBlobs: 1 })
    await network.post('com.atproto.server.activateAccount', { token })
    expect((await network.get('com.atproto.sync.listBlobs', { params: { did } })).body.cids).toEqual([cid])
    const served = await network.get('com.atproto.sync.getBlob', { params: { did, cid } })
    expect(Buffer.compare(served.bytes, bytes)).toBe(0)

    const put = (rkey: string, collection = 'app.bsky.actor.profile') =>
      network.post('com.atproto.repo.putRecord', {
        token,
        input: {
          repo: did,
          collection,
          rkey,
          record: { ...profile, $type: collection, displayName: 'Late' },
        },
      })
    expect((await put('self')).status).toBe(200)
    const read = await network.get('com.atproto.repo.getRecord', {
      params: { repo: did, collection: 'app.bsky.actor.profile', rkey: 'self' },
    })
    expect(read.body.value.avatar).toEqual({
      $type: 'blob',
      ref: { $link: cid },
      mimeType: 'image/png',
      size: bytes.length,
    })
    // New writes of anything else hold to the form of today.
    expect(failure(await put('1', 'com.example.y'))).toBe('400 InvalidRequest')
  })
})

test('a decision about a record outlives an import of the repository', async () => {
  const account = await deactivated()
  const car = await archiveOf(account.did, {
    'app.bsky.feed.post/a': note('a'),
    'app.bsky.feed.post/b': note('b'),
  })
  expect((await importInto(account, car)).status).toBe(200)
  const uri = `at://${account.did}/app.bsky.feed.post/a`
  const status = () => network.get('com.atproto.admin.getSubjectStatus', { params: { uri }, admin: true })
  const subject = { $type: 'com.atproto.repo.strongRef', uri, cid: (await status()).body.subject.cid }
  await network.post('com.atproto.admin.updateSubjectStatus', {
    input: { subject, takedown: { applied: true, ref: 'case 7' } },
    admin: true,
  })
  expect((await importInto(account, car)).status).toBe(200)
  expect((await status()).body.takedown).toEqual({ applied: true, ref: 'case 7' })
})
