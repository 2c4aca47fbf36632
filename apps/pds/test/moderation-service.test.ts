/** A moderation service with a key of its own acts on this server, as far as the operator lets it. */
import { createKeypair, formatMultikey } from '@avocet/crypto'
import { createServiceJwt } from '@avocet/service-auth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { failure, newHandle, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { startService, type StubService } from './stub-service.ts'

const account = createKeypair('k256')
const labels = createKeypair('p256')

let net: TestNetwork
let mod: StubService
let other: StubService
let alice: TestAccount

beforeAll(async () => {
  const keys = { atproto: formatMultikey(account.publicKey), atproto_label: formatMultikey(labels.publicKey) }
  mod = await startService(['atproto_labeler'], undefined, {}, keys)
  other = await startService(['atproto_labeler'], undefined, {}, keys)
  net = await startNetwork({ config: { modService: { url: mod.url, did: mod.did } } })
  alice = await net.account()
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  await mod[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
})

const aud = (): string => `did:web:localhost%3A${net.pds.port}`
/** A token as Ozone makes it: of its labeler service, signed with the key of its labels. */
const token = (lxm: string, change: Partial<Parameters<typeof createServiceJwt>[0]> = {}): Promise<string> =>
  createServiceJwt({ iss: `${mod.did}#atproto_labeler`, aud: aud(), lxm, signer: labels, ...change })

const UPDATE = 'com.atproto.admin.updateSubjectStatus'
const takedown = async (subject: object, applied: boolean, jwt?: string) =>
  net.post(UPDATE, {
    token: jwt ?? (await token(UPDATE)),
    input: { subject, takedown: { applied, ref: 'mod' } },
  })
const repo = (did: string) => ({ $type: 'com.atproto.admin.defs#repoRef', did })

describe('by a token of its own a moderation service', () => {
  test('takes accounts, records and blobs down, and puts them back', async () => {
    const bob = await net.account()
    expect((await takedown(repo(bob.did), true)).body).toEqual({
      subject: repo(bob.did),
      takedown: { applied: true, ref: 'mod' },
    })
    const status = 'com.atproto.admin.getSubjectStatus'
    const asked = await net.get(status, { token: await token(status), params: { did: bob.did } })
    expect(asked.body.takedown).toEqual({ applied: true, ref: 'mod' })
    expect((await takedown(repo(bob.did), false)).status).toBe(200)
    const input = { repo: alice.did, collection: 'app.bsky.feed.post', record: post('bad') }
    const made = (await net.post('com.atproto.repo.createRecord', { token: alice.accessJwt, input })).body
    const strong = { $type: 'com.atproto.repo.strongRef', uri: made.uri, cid: made.cid }
    expect((await takedown(strong, true)).status).toBe(200)
    const [, , did, collection, rkey] = (made.uri as string).split('/')
    const params = { repo: did!, collection: collection!, rkey: rkey! }
    expect(failure(await net.get('com.atproto.repo.getRecord', { params }))).toBe('400 RecordNotFound')
  })

  test('also signs as its account', async () => {
    const jwt = await token(UPDATE, { iss: mod.did, signer: account })
    expect((await takedown(repo(alice.did), false, jwt)).status).toBe(200)
  })

  test('reads accounts and invites, and writes mail', async () => {
    const queries: [string, Record<string, string>][] = [
      ['com.atproto.admin.getAccountInfo', { did: alice.did }],
      ['com.atproto.admin.getAccountInfos', { dids: alice.did }],
      ['com.atproto.admin.getInviteCodes', {}],
    ]
    for (const [nsid, params] of queries) {
      expect((await net.get(nsid, { token: await token(nsid), params })).status).toBe(200)
    }
    const procedures: [string, object][] = [
      ['com.atproto.admin.disableAccountInvites', { account: alice.did }],
      ['com.atproto.admin.enableAccountInvites', { account: alice.did }],
      ['com.atproto.admin.disableInviteCodes', { codes: [] }],
      ['com.atproto.admin.sendEmail', { recipientDid: alice.did, content: 'hello', senderDid: mod.did }],
    ]
    for (const [nsid, input] of procedures) {
      expect((await net.post(nsid, { token: await token(nsid), input })).status).toBe(200)
    }
  })

  test('reads the preferences of an account, but no other session’s', async () => {
    await using viewed = await startNetwork({
      directory: net.directory,
      config: {
        modService: { url: mod.url, did: mod.did },
        appView: { url: other.url, did: other.did },
      },
    })
    const carol = await viewed.account()
    const personal = {
      $type: 'app.bsky.actor.defs#personalDetailsPref',
      birthDate: '1990-01-01T00:00:00.000Z',
    }
    const put = { token: carol.accessJwt, input: { preferences: [personal] } }
    await viewed.post('app.bsky.actor.putPreferences', put)
    const nsid = 'app.bsky.actor.getPreferences'
    const jwt = await token(nsid, { aud: `did:web:localhost%3A${viewed.pds.port}` })
    const got = await viewed.get(nsid, { token: jwt, params: { did: carol.did } })
    expect(got.body.preferences[0]).toEqual(personal)
    expect((await viewed.get(nsid, { token: jwt })).body).toEqual({
      error: 'InvalidRequest',
      message: 'Invalid or missing did parameter',
    })
    const headers = { 'atproto-proxy': `${mod.did}#bsky_appview` }
    expect(failure(await viewed.get(nsid, { token: jwt, params: { did: carol.did }, headers }))).toBe(
      '400 InvalidRequest',
    )
    // The parameter is the moderation service's alone.
    const dave = await viewed.account()
    const own = await viewed.get(nsid, { token: dave.accessJwt, params: { did: carol.did } })
    expect(own.body).toEqual({ preferences: [] })
  })

  test('does not do what is the operator’s alone', async () => {
    const { did } = alice
    const procedures: [string, object][] = [
      ['com.atproto.admin.deleteAccount', { did }],
      ['com.atproto.admin.updateAccountEmail', { account: did, email: 'a@example.com' }],
      ['com.atproto.admin.updateAccountHandle', { did, handle: newHandle() }],
      ['com.atproto.admin.updateAccountPassword', { did, password: 'another one' }],
      ['com.atproto.server.createInviteCode', { useCount: 1 }],
      ['com.atproto.server.createInviteCodes', { codeCount: 1, useCount: 1 }],
    ]
    for (const [nsid, input] of procedures) {
      expect([nsid, failure(await net.post(nsid, { token: await token(nsid), input }))]).toEqual([
        nsid,
        '401 AuthenticationRequired',
      ])
    }
    const nsid = 'com.atproto.admin.searchAccounts'
    expect(failure(await net.get(nsid, { token: await token(nsid) }))).toBe('401 AuthenticationRequired')
  })
})

describe('a token is refused', () => {
  const seconds = (): number => Math.floor(Date.now() / 1000)
  test.each<[string, () => Promise<string>, string]>([
    ['of another service', () => token(UPDATE, { iss: `${other.did}#atproto_labeler` }), 'UntrustedIss'],
    ['of an account here', () => token(UPDATE, { iss: alice.did }), 'UntrustedIss'],
    [
      'of another part of the service',
      () => token(UPDATE, { iss: `${mod.did}#atproto_pds` }),
      'UntrustedIss',
    ],
    ['signed with the other key', () => token(UPDATE, { signer: account }), 'BadJwtSignature'],
    ['of the account, with the key of labels', () => token(UPDATE, { iss: mod.did }), 'BadJwtSignature'],
    ['for another server', () => token(UPDATE, { aud: 'did:web:pds.example.com' }), 'BadJwtAudience'],
    ['for another method', () => token('com.atproto.admin.sendEmail'), 'BadJwtLexiconMethod'],
    ['for no method', () => token(UPDATE, { lxm: null }), 'BadJwtLexiconMethod'],
    ['that ran out', () => token(UPDATE, { now: () => (seconds() - 120) * 1000 }), 'JwtExpired'],
    ['that is none', () => Promise.resolve('a.b.c'), 'BadJwt'],
  ])('%s', async (_, make, name) => {
    expect(failure(await takedown(repo(alice.did), true, await make()))).toBe(`401 ${name}`)
  })

  test('that is a session of an account', async () => {
    expect(failure(await takedown(repo(alice.did), true, alice.accessJwt))).toBe('401 BadJwt')
  })

  test('where no moderation service is set', async () => {
    await using bare = await startNetwork({ directory: net.directory })
    const jwt = await token(UPDATE, { aud: `did:web:localhost%3A${bare.pds.port}` })
    const input = { subject: repo(alice.did), takedown: { applied: true } }
    expect(failure(await bare.post(UPDATE, { token: jwt, input }))).toBe('401 UntrustedIss')
  })
})

test('an account is not activated and taken down at once', async () => {
  const input = { subject: repo(alice.did), takedown: { applied: true }, deactivated: { applied: false } }
  expect((await net.post(UPDATE, { admin: true, input })).body).toEqual({
    error: 'InvalidRequest',
    message: 'Cannot activate and takedown an account at the same time',
  })
})
