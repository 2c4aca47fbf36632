// Two servers on one Postgres database and one folder of blobs: what one of them changes counts on the other at once.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import { readRepo } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { startPostgres } from '@avocet/testing/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createPds } from '../src/app.ts'
import { createAdminBrowser } from './admin-browser.ts'
import { signingKeyOf } from './firehose.ts'
import { failure, newHandle, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

const server = await startPostgres()
afterAll(() => server?.close())

const NOTE = 'com.example.note'
const SECRETS = {
  jwtSecret: 'a secret of some length',
  plcRotationKeyHex: 'ab'.repeat(32),
}

// Not skipped in silence: `startPostgres` has said that there is none.
describe.skipIf(server === null)('two processes', () => {
  let one: TestNetwork
  let two: TestNetwork
  let blobs: string
  beforeAll(async () => {
    blobs = await mkdtemp(join(tmpdir(), 'avocet-pds-shared-blobs-'))
    const postgres = { url: server!.url, schema: 'two_processes', poolSize: 8 }
    // Behind one front server: what they sign is for one name.
    const publicUrl = 'https://pds.test'
    const config = { ...SECRETS, postgres, blobDirectory: blobs, publicUrl, serviceDid: 'did:web:pds.test' }
    one = await startNetwork({ config })
    two = await startNetwork({ config, directory: one.directory })
  })
  afterAll(async () => {
    await two[Symbol.asyncDispose]()
    await one[Symbol.asyncDispose]()
    await rm(blobs, { recursive: true })
  })

  const create = (net: TestNetwork, { did, accessJwt }: TestAccount, rkey: string) =>
    net.post('com.atproto.repo.createRecord', {
      token: accessJwt,
      input: { repo: did, collection: NOTE, rkey, record: { $type: NOTE, text: rkey } },
    })
  const listed = async (net: TestNetwork, { did }: TestAccount): Promise<string[]> => {
    const params = { repo: did, collection: NOTE, reverse: true }
    const { body } = await net.get('com.atproto.repo.listRecords', { params })
    return body.records.map(({ uri }: { uri: string }) => uri.split('/').at(-1))
  }

  test('write to one repository in turns and at once, and nothing that was acknowledged is lost', async () => {
    const anna = await one.account()
    expect((await create(one, anna, 'a')).status).toBe(200)
    expect((await create(two, anna, 'b')).status).toBe(200)
    expect(await listed(one, anna)).toEqual(['a', 'b'])
    const keys = Array.from({ length: 12 }, (_, n) => `c${String(n).padStart(2, '0')}`)
    const answers = await Promise.all(keys.map((key, n) => create(n % 2 === 0 ? one : two, anna, key)))
    const kept = keys.filter((_, n) => answers[n]!.status === 200)
    expect(kept.length).toBeGreaterThan(0)
    expect(await listed(two, anna)).toEqual(['a', 'b', ...kept])
  })

  test('the operator who signed in at one is signed in at the other, and out of both', async () => {
    const options = { headers: { host: 'pds.test', origin: 'https://pds.test' } }
    let at = one
    const admin = createAdminBrowser(() => `http://pds.test:${at.pds.port}`)
    expect((await admin.signIn({}, options)).status).toBe(303)
    at = two
    const there = await admin.visit('/admin', options)
    expect(there.text).toContain('Signed in at this page')
    const kept = admin.browser.cookies.get('__Host-avocet-admin')!
    expect((await admin.submit(there, 'sign-out', {}, options)).status).toBe(303)
    at = one
    admin.browser.cookies.set('__Host-avocet-admin', kept)
    expect((await admin.visit('/admin', options)).text).not.toContain('Signed in at this page')
  })

  test('a session ended, a password changed, an account taken down: the other one knows at once', async () => {
    const bert = await one.account()
    const token = bert.accessJwt
    const login = (net: TestNetwork, password: string) =>
      net.post('com.atproto.server.createSession', { input: { identifier: bert.handle, password } })
    expect((await two.get('com.atproto.server.getSession', { token })).status).toBe(200)
    const refreshed = await two.post('com.atproto.server.refreshSession', { token: bert.refreshJwt })
    expect(refreshed.status).toBe(200)
    expect(
      (await one.post('com.atproto.server.deleteSession', { token: refreshed.body.refreshJwt })).status,
    ).toBe(200)
    const ended = await two.post('com.atproto.server.refreshSession', { token: refreshed.body.refreshJwt })
    expect(failure(ended)).toBe('400 ExpiredToken')

    const input = { did: bert.did, password: 'another one' }
    await one.post('com.atproto.admin.updateAccountPassword', { admin: true, input })
    expect(failure(await login(two, 'correct horse'))).toBe('401 AuthenticationRequired')
    expect((await login(two, 'another one')).status).toBe(200)

    const subject = { $type: 'com.atproto.admin.defs#repoRef', did: bert.did }
    const takedown = (net: TestNetwork, applied: boolean) =>
      net.post('com.atproto.admin.updateSubjectStatus', {
        admin: true,
        input: { subject, takedown: { applied } },
      })
    expect((await takedown(one, true)).status).toBe(200)
    expect(failure(await create(two, bert, 'x'))).toBe('401 AccountTakedown')
    expect(failure(await login(two, 'another one'))).toBe('401 AccountTakedown')
    const params = { did: bert.did }
    expect(failure(await two.get('com.atproto.sync.getRepo', { params }))).toBe('400 RepoTakendown')
    expect((await takedown(two, false)).status).toBe(200)
    expect((await create(one, bert, 'x')).status).toBe(200)
  })

  test('a handle is another account’s only once, wherever it is asked for', async () => {
    const [carl, dora] = [await one.account(), await two.account()]
    const handle = newHandle()
    const change = (net: TestNetwork, { accessJwt }: TestAccount) =>
      net.post('com.atproto.identity.updateHandle', { token: accessJwt, input: { handle } })
    const answers = await Promise.all([change(one, carl), change(two, dora)])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400])
    const winner = answers[0]!.status === 200 ? carl : dora
    for (const net of [one, two]) {
      const { body } = await net.get('com.atproto.identity.resolveHandle', { params: { handle } })
      expect(body.did).toBe(winner.did)
    }
  })

  test('a key that one rotates is what the other signs with from then on', async () => {
    const emil = await one.account()
    expect((await create(two, emil, 'a')).status).toBe(200)
    const rotated = await fetch(`${one.pds.url}/rotate-keys`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa('admin:operator-password')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ account: emil.did, apply: true }),
    })
    expect(rotated.status).toBe(200)
    expect((await create(two, emil, 'b')).status).toBe(200)
    const key = signingKeyOf(one.directory.log(emil.did))
    const { bytes: car } = await two.get('com.atproto.sync.getRepo', { params: { did: emil.did } })
    // Throws for a commit that another key signed.
    await using reader = await readRepo(Readable.from([car]), { did: emil.did as Did, key })
    expect(reader.rev).toMatch(/^[2-7a-z]{13}$/)
  })

  test('a blob that came to one is served by the other, and an upload under way stays when one starts', async () => {
    const fred = await one.account()
    const bytes = new TextEncoder().encode('some text')
    const { body } = await one.post('com.atproto.repo.uploadBlob', {
      token: fred.accessJwt,
      bytes,
      type: 'text/plain',
    })
    const cid = body.blob.ref.$link as string
    await two.restart()
    const input = {
      repo: fred.did,
      collection: 'com.example.file',
      record: { $type: 'com.example.file', file: body.blob },
    }
    const made = await two.post('com.atproto.repo.createRecord', {
      token: fred.accessJwt,
      input: { ...input, validate: false },
    })
    expect(made.status).toBe(200)
    const params = { did: fred.did, cid }
    const served = await two.get('com.atproto.sync.getBlob', { params })
    expect([served.status, Buffer.from(served.bytes).toString()]).toEqual([200, 'some text'])
  })

  test('one that joins without the secrets of the others makes none of its own', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'avocet-pds-joins-'))
    const joining = createPds({
      dataDirectory,
      port: 0,
      plcUrl: one.directory.url,
      adminPassword: 'operator-password',
      postgres: { url: server!.url, schema: 'two_processes', poolSize: 4 },
    })
    await expect(joining).rejects.toThrow(
      'secrets are not here (PDS_JWT_SECRET, PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX)',
    )
    await rm(dataDirectory, { recursive: true })
  })
})
