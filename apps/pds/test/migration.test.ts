import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { writeCar, readCar } from '@avocet/car'
import { createKeypair, importKeypair } from '@avocet/crypto'
import { cidFromDigest, formatCid, parseCid, type DataObject } from '@avocet/data'
import { signOperation, updateOperation } from '@avocet/plc'
import { readRepo } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { onPostgres } from '@avocet/testing/pds-store'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { archiveOf } from './archives.ts'
import { checkCommit, readFirehose, signingKeyOf } from './firehose.ts'
import { mailedCode } from './mail.ts'
import { failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { sql } from '@avocet/testing/pds-rows'

let old: TestNetwork
let next: TestNetwork
beforeAll(async () => {
  old = await startNetwork({ config: { serviceDid: 'did:web:old.example.com' } })
  next = await startNetwork({ directory: old.directory, config: { serviceDid: 'did:web:new.example.com' } })
})
afterAll(async () => {
  await next[Symbol.asyncDispose]()
  await old[Symbol.asyncDispose]()
})

const serviceToken = async (account: TestAccount, lxm: string): Promise<string> => {
  const params = { aud: 'did:web:new.example.com', lxm }
  const answer = await old.get('com.atproto.server.getServiceAuth', { token: account.accessJwt, params })
  return answer.body.token as string
}

/** An account at the new server for a DID that lives at the old one. */
async function adopt(account: TestAccount) {
  const input = {
    did: account.did,
    handle: account.handle,
    email: 'moved@example.com',
    password: 'another horse',
  }
  const token = await serviceToken(account, 'com.atproto.server.createAccount')
  return next.post('com.atproto.server.createAccount', {
    token,
    input: { ...input, email: `${account.handle}@x.com` },
  })
}

/** The key that a server signs operations with. */
const rotationKeyOf = (net: TestNetwork) => {
  const { plcRotationKeyHex } = JSON.parse(readFileSync(join(net.folder, 'secrets.json'), 'utf8')) as {
    plcRotationKeyHex: string
  }
  return importKeypair('k256', Buffer.from(plcRotationKeyHex, 'hex'))
}

const carOf = async (net: TestNetwork, did: string): Promise<Uint8Array<ArrayBuffer>> =>
  (await net.get('com.atproto.sync.getRepo', { params: { did } })).bytes
const importInto = (token: string, bytes: Uint8Array<ArrayBuffer>) =>
  next.post('com.atproto.repo.importRepo', { token, bytes, type: 'application/vnd.ipld.car' })
const paths = async (car: Uint8Array, did: string): Promise<Map<string, string>> => {
  await using reader = await readRepo(car, { did: did as Did, key: signingKeyOf(old.directory.log(did)) })
  const found = new Map<string, string>()
  for await (const { path, cid } of reader.entries) found.set(path, formatCid(cid))
  return found
}

test('an account moves with its records, blobs and identity', async () => {
  const account = await old.account()
  const { did } = account
  const writeOld = (record: object) =>
    old.post('com.atproto.repo.createRecord', {
      token: account.accessJwt,
      input: { repo: did, collection: 'app.bsky.feed.post', record },
    })
  for (let i = 0; i < 60; i++) await writeOld(post(`post ${i}`))
  const picture = new Uint8Array(randomBytes(4000))
  picture.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const upload = { bytes: picture, type: 'image/png' }
  const { blob } = (await old.post('com.atproto.repo.uploadBlob', { ...upload, token: account.accessJwt }))
    .body
  await writeOld({
    ...post('look'),
    embed: { $type: 'app.bsky.embed.images', images: [{ alt: '', image: blob }] },
  })
  const original = await paths(await carOf(old, did), did)

  const moved = await adopt(account)
  expect(moved.status).toBe(200)
  const token = moved.body.accessJwt as string
  const status = async () => (await next.get('com.atproto.server.checkAccountStatus', { token })).body
  expect(await status()).toMatchObject({ activated: false, validDid: false, indexedRecords: 0 })
  expect(failure(await next.post('com.atproto.server.activateAccount', { token }))).toBe('400 InvalidRequest')

  expect((await importInto(token, await carOf(old, did))).status).toBe(200)
  expect(await status()).toMatchObject({ indexedRecords: 61, expectedBlobs: 1, importedBlobs: 0 })
  const missing = await next.get('com.atproto.repo.listMissingBlobs', { token })
  expect(missing.body.blobs).toMatchObject([{ cid: blob.ref.$link }])
  const bytes = (await old.get('com.atproto.sync.getBlob', { params: { did, cid: blob.ref.$link } })).bytes
  expect((await next.post('com.atproto.repo.uploadBlob', { token, bytes, type: 'image/png' })).status).toBe(
    200,
  )
  expect((await next.get('com.atproto.repo.listMissingBlobs', { token })).body.blobs).toEqual([])

  const wanted = (await next.get('com.atproto.identity.getRecommendedDidCredentials', { token })).body
  await old.post('com.atproto.identity.requestPlcOperationSignature', { token: account.accessJwt })
  const code = await mailedCode(old, `${account.handle.split('.')[0]}@example.com`)
  const signed = await old.post('com.atproto.identity.signPlcOperation', {
    token: account.accessJwt,
    input: { ...wanted, token: code },
  })
  expect(signed.status).toBe(200)
  const { operation } = signed.body
  const wrong = {
    ...operation,
    services: { atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: old.pds.url } },
  }
  const submit = (input: object) => next.post('com.atproto.identity.submitPlcOperation', { token, input })
  expect(failure(await submit({ operation: wrong }))).toBe('400 InvalidRequest')
  expect((await submit({ operation })).status).toBe(200)
  expect(await status()).toMatchObject({ validDid: true, importedBlobs: 1 })

  expect((await next.post('com.atproto.server.activateAccount', { token })).status).toBe(200)
  expect(
    (await old.post('com.atproto.server.deactivateAccount', { token: account.accessJwt, input: {} })).status,
  ).toBe(200)
  expect(await paths(await carOf(next, did), did)).toEqual(original)
  const served = await next.get('com.atproto.sync.getBlob', { params: { did, cid: blob.ref.$link } })
  expect(Buffer.compare(served.bytes, picture)).toBe(0)

  const made = await next.post('com.atproto.repo.createRecord', {
    token,
    input: { repo: did, collection: 'app.bsky.feed.post', record: post('here now') },
  })
  expect(made.status).toBe(200)
  const { events } = await readFirehose(next.pds.url, 0, (seen) =>
    seen.some(({ type }) => type === '#commit'),
  )
  const types = events.filter(({ body }) => (body.did ?? body.repo) === did).map(({ type }) => type)
  expect(types).toEqual(['#identity', '#account', '#identity', '#sync', '#commit'])
  checkCommit(events.at(-1)!.body, signingKeyOf(old.directory.log(did)))
})

test('a session names the DID document only where that leads back here', async () => {
  const account = await old.account()
  const signIn = async (net: TestNetwork) => {
    const password = net === old ? 'correct horse' : 'another horse'
    const input = { identifier: account.did, password }
    const { accessJwt, didDoc } = (await net.post('com.atproto.server.createSession', { input })).body
    const session = (await net.get('com.atproto.server.getSession', { token: accessJwt })).body
    return [didDoc, session.didDoc].map((document) => document?.service[0].serviceEndpoint ?? null)
  }
  expect(await signIn(old)).toEqual(
    [old.pds.url, old.pds.url].map((url) => url.replace('127.0.0.1', 'localhost')),
  )
  expect((await adopt(account)).status).toBe(200)
  // A stock client goes where the document leads: to the old server, with a token of this one.
  expect(await signIn(next)).toEqual([null, null])
})

test('who cannot prove the DID gets no account for it', async () => {
  const account = await old.account()
  const input = { did: account.did, handle: account.handle, email: 'thief@example.com', password: 'x' }
  const ask = (token?: string) =>
    next.post('com.atproto.server.createAccount', { input, ...(token === undefined ? {} : { token }) })
  expect(failure(await ask())).toBe('401 AuthMissing')
  expect(failure(await ask(account.accessJwt))).toBe('401 BadJwt')
  expect(failure(await ask(await serviceToken(account, 'com.atproto.repo.uploadBlob')))).toBe(
    '401 BadJwtLexiconMethod',
  )
  const other = await old.account()
  const stolen = await serviceToken(other, 'com.atproto.server.createAccount')
  expect(failure(await ask(stolen))).toBe('401 AuthenticationRequired')
})

test('a key reserved for a DID is its account’s from then on, and no longer kept aside', async () => {
  const account = await old.account()
  const { body } = await next.post('com.atproto.server.reserveSigningKey', { input: { did: account.did } })
  const kept = (): number =>
    sql(next, 'SELECT did_key FROM reserved_key WHERE did_key = ?', body.signingKey).length
  expect(kept()).toBe(1)
  const { body: moved } = await adopt(account)
  const wanted = await next.get('com.atproto.identity.getRecommendedDidCredentials', {
    token: moved.accessJwt,
  })
  expect(wanted.body.verificationMethods.atproto).toBe(body.signingKey)
  expect(kept()).toBe(0)
})

test('an operation that would cut the account off is not handed in', async () => {
  const account = await old.account()
  const { did, accessJwt: token } = account
  const email = `${account.handle.split('.')[0]}@example.com`
  const [stranger, last] = [createKeypair('k256'), old.directory.log(did).at(-1)! as any]
  const service = last.services.atproto_pds
  const submit = async (change: object): Promise<unknown[]> => {
    await old.post('com.atproto.identity.requestPlcOperationSignature', { token })
    const code = await mailedCode(old, email, 'Change your identity')
    const signed = await old.post('com.atproto.identity.signPlcOperation', {
      token,
      input: { ...change, token: code },
    })
    expect(signed.status).toBe(200)
    const { operation } = signed.body
    const answer = await old.post('com.atproto.identity.submitPlcOperation', { token, input: { operation } })
    return [failure(answer), answer.body?.message]
  }
  const cases: readonly (readonly [object, string])[] = [
    [{ rotationKeys: [stranger.didKey] }, "Rotation keys do not include server's rotation key"],
    [{ services: { atproto_pds: { ...service, type: 'Other' } } }, 'Incorrect type on atproto_pds service'],
    [
      { services: { atproto_pds: { ...service, endpoint: 'https://pds.example.com' } } },
      'Incorrect endpoint on atproto_pds service',
    ],
    [{ verificationMethods: { atproto: stranger.didKey } }, 'Incorrect signing key'],
    [{ alsoKnownAs: ['at://other.test'] }, 'Incorrect handle in alsoKnownAs'],
  ]
  for (const [change, message] of cases) {
    expect(await submit(change)).toEqual(['400 InvalidRequest', message])
  }
  expect(old.directory.log(did)).toHaveLength(1)
  expect(await submit({ rotationKeys: [stranger.didKey, ...last.rotationKeys] })).toEqual(['200 ', undefined])
  expect(old.directory.log(did)).toHaveLength(2)
})

test('an account is activated by what the directory says now', async () => {
  const account = await old.account()
  const { did } = account
  const [service, key] = ['atproto_pds', 'atproto']
  const moved = await adopt(account)
  const token = moved.body.accessJwt as string
  const activate = async (): Promise<unknown[]> => {
    const answer = await next.post('com.atproto.server.activateAccount', { token })
    return [failure(answer), answer.body?.message]
  }
  const mismatch = (await activate()) as [string, string]
  expect(mismatch[0]).toBe('400 InvalidRequest')
  expect(mismatch[1]).toContain('service endpoint does not match PDS public url')
  // The new server has asked for the document by now; the directory changes behind its back.
  const wanted = (await next.get('com.atproto.identity.getRecommendedDidCredentials', { token })).body
  const tell = async (change: object): Promise<void> => {
    const rotation = rotationKeyOf(old)
    const last = old.directory.log(did).at(-1)! as any
    const operation = await signOperation(updateOperation(last, change as never), rotation)
    const answer = await fetch(`${old.directory.url}/${did}`, {
      method: 'POST',
      body: JSON.stringify(operation),
    })
    expect(answer.status).toBe(200)
  }
  await tell({ services: { [service]: wanted.services[service] } })
  const wrongKey = (await activate()) as [string, string]
  expect(wrongKey).toEqual([
    '400 InvalidRequest',
    'DID document verification method does not match expected signing key',
  ])
  await tell({ verificationMethods: { [key]: wanted.verificationMethods[key] } })
  expect(await activate()).toEqual(['200 ', undefined])
  // And the old server, asked to, no longer takes it for its own.
  const back = await old.post('com.atproto.server.activateAccount', { token: account.accessJwt })
  expect(failure(back)).toBe('400 InvalidRequest')
})

test('an import that is not whole changes nothing', async () => {
  const account = await old.account()
  for (let i = 0; i < 5; i++) {
    const input = { repo: account.did, collection: 'app.bsky.feed.post', record: post(`post ${i}`) }
    await old.post('com.atproto.repo.createRecord', { token: account.accessJwt, input })
  }
  const token = (await adopt(account)).body.accessJwt as string
  const latest = async () => (await next.get('com.atproto.server.checkAccountStatus', { token })).body
  const before = await latest()
  const car = await carOf(old, account.did)
  const { roots, blocks } = readCar(car)
  const flipped = car.slice()
  flipped[car.length - 20]! ^= 1
  const cases: Record<string, Uint8Array> = {
    'cut short': car.subarray(0, car.length - 30),
    'a flipped bit': flipped,
    'a block left out': writeCar(roots, blocks.slice(0, -1)),
    'somebody else’s': await carOf(old, (await old.account()).did),
    'not a CAR': new TextEncoder().encode('hello'),
  }
  for (const [name, bytes] of Object.entries(cases)) {
    expect([name, failure(await importInto(token, new Uint8Array(bytes)))]).toEqual([
      name,
      '400 InvalidRequest',
    ])
  }
  expect(await latest()).toEqual(before)
  expect((await importInto(token, car)).status).toBe(200)
  expect(await latest()).toMatchObject({ indexedRecords: 5 })
  const home = await old.account()
  const active = await old.post('com.atproto.repo.importRepo', {
    token: home.accessJwt,
    bytes: await carOf(old, home.did),
    type: 'application/vnd.ipld.car',
  })
  expect(failure(active)).toBe('400 InvalidRequest')
})

test('a DID that was deleted here comes back at once, while its former rows and files are still going', async () => {
  const account = await old.account()
  const { did } = account
  const picture = new Uint8Array(randomBytes(2000))
  const cid = formatCid(cidFromDigest('raw', new Uint8Array(createHash('sha256').update(picture).digest())))
  const blob = { $type: 'blob', ref: parseCid(cid), mimeType: 'application/octet-stream', size: 2000 }
  const records: Record<string, DataObject> = { 'com.example.picture/1': { blob } as DataObject }
  for (let i = 0; i < 4000; i++) {
    records[`app.bsky.feed.post/${String(i).padStart(5, '0')}`] = post(`${i}`) as DataObject
  }
  const car = await archiveOf(did, records)
  const comeHere = async (): Promise<string> => {
    const token = (await adopt(account)).body.accessJwt as string
    expect((await importInto(token, car)).status).toBe(200)
    const missing = await next.get('com.atproto.repo.listMissingBlobs', { token })
    expect(missing.body.blobs).toMatchObject([{ cid }])
    expect((await next.post('com.atproto.repo.uploadBlob', { token, bytes: picture })).status).toBe(200)
    return token
  }
  await comeHere()
  const removed = await next.post('com.atproto.admin.deleteAccount', { input: { did }, admin: true })
  expect(removed.status).toBe(200)
  const gone = await next.get('com.atproto.sync.getRepo', { params: { did, since: '3k2aaaaaaaa22' } })
  expect(failure(gone)).toBe('400 RepoNotFound')

  const token = await comeHere()
  const removals = onPostgres ? 'departure' : 'account_removal'
  const going = (): unknown =>
    sql(
      next,
      `SELECT (SELECT count(*) FROM record_set WHERE state <> 'live') + (SELECT count(*) FROM ${removals})
         + (SELECT count(*) FROM repo WHERE did IS NULL) AS n`,
    )[0]!['n']
  await vi.waitFor(() => expect(going()).toBe(0), 10_000)
  const status = await next.get('com.atproto.server.checkAccountStatus', { token })
  expect(status.body).toMatchObject({ indexedRecords: 4001, expectedBlobs: 1, importedBlobs: 1 })
  // It signs with the key it has now, not with that of the account before.
  const [row] = sql(next, 'SELECT signing_key FROM account WHERE did = ?', did)
  const key = importKeypair('k256', row!['signing_key'] as Uint8Array).publicKey
  const archive = (await next.get('com.atproto.sync.getRepo', { params: { did }, token })).bytes
  await using reader = await readRepo(archive, { did: did as Did, key })
  for await (const _ of reader.entries);
  const owned = await next.get('com.atproto.sync.getBlob', { params: { did, cid }, token })
  expect([owned.status, owned.bytes.length]).toEqual([200, 2000])
}, 60_000)
