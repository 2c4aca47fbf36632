/** What clients of the reference server count on, in the small. */
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import { createKeypair, formatMultikey } from '@avocet/crypto'
import { createServiceJwt } from '@avocet/service-auth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readFirehose } from './firehose.ts'
import { failure, newHandle, startNetwork, type TestAccount, type TestNetwork } from './network.ts'
import { startService, type StubService } from './stub-service.ts'

let net: TestNetwork
let view: StubService
let alice: TestAccount
/** What the DNS says of the service domain itself. */
let bareTxt = ''
/** Access tokens of an app password, plain and privileged. */
let plain: string
let privileged: string

beforeAll(async () => {
  view = await startService([])
  net = await startNetwork({
    config: { appView: { url: view.url, did: view.did }, handleDomains: ['.test', '.pds.example.com'] },
    lookupTxt: (name) =>
      Promise.resolve({ ok: true, value: name.startsWith('_atproto.pds.') ? [bareTxt] : [] }),
  })
  alice = await net.account()
  plain = await appSession(false)
  privileged = await appSession(true)
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  await view[Symbol.asyncDispose]()
})

async function appSession(isPrivileged: boolean): Promise<string> {
  const input = { name: `app-${String(isPrivileged)}`, privileged: isPrivileged }
  const made = await net.post('com.atproto.server.createAppPassword', { token: alice.accessJwt, input })
  const signIn = { identifier: alice.did, password: made.body.password as string }
  return (await net.post('com.atproto.server.createSession', { input: signIn })).body.accessJwt as string
}

/** An account taken down after it signed in, and a session it may still have. */
async function takenDown(): Promise<{ account: TestAccount; token: string }> {
  const account = await net.account()
  const subject = { $type: 'com.atproto.admin.defs#repoRef', did: account.did }
  const input = { subject, takedown: { applied: true, ref: 'test' } }
  await net.post('com.atproto.admin.updateSubjectStatus', { admin: true, input })
  const signIn = { identifier: account.did, password: 'correct horse', allowTakendown: true }
  const session = await net.post('com.atproto.server.createSession', { input: signIn })
  return { account, token: session.body.accessJwt as string }
}

/** The well-known file of the handle that is asked for. */
const fileOf = (headers: Record<string, string>): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { port } = net.pds
    httpRequest({ port, path: '/.well-known/atproto-did', headers }, (response) => {
      void text(response).then((body) => resolve({ status: response.statusCode!, body }))
    })
      .on('error', reject)
      .end()
  })

describe('getServiceAuth', () => {
  const ask = (params: Record<string, string | number>, token = alice.accessJwt) =>
    net.get('com.atproto.server.getServiceAuth', { token, params })
  const aud = 'did:web:api.example.com'
  const lxm = 'com.example.getThing'
  const claims = (token: string) =>
    JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>
  const seconds = (): number => Math.floor(Date.now() / 1000)

  test('a token without a method lives a minute at most', async () => {
    const answer = await ask({ aud })
    expect(answer.status).toBe(200)
    const { lxm: method, iss, exp, iat } = claims(answer.body.token as string)
    expect([method, iss, Number(exp) - Number(iat)]).toEqual([undefined, alice.did, 60])
    expect((await ask({ aud, exp: seconds() + 58 })).status).toBe(200)
    const late = await ask({ aud, exp: seconds() + 62 })
    expect(late.body).toEqual({
      error: 'BadExpiration',
      message: 'cannot request a method-less token with an expiration more than a minute in the future',
    })
    expect((await ask({ aud, lxm, exp: seconds() + 62 })).status).toBe(200)
    expect((await ask({ aud, lxm, exp: seconds() + 3598 })).status).toBe(200)
    expect(failure(await ask({ aud, lxm, exp: seconds() + 3602 }))).toBe('400 BadExpiration')
    expect(failure(await ask({ aud, lxm, exp: seconds() - 1 }))).toBe('400 BadExpiration')
  })

  test.each([
    'did:web:api.example.com',
    'did:web:api.example.com#bsky_appview',
    'did:plc:ewvi7nxzyoun6zhxrhs64oiz',
    'did:web:localhost%3A2584',
  ])('%s is an audience', async (audience) => {
    const answer = await ask({ aud: audience, lxm })
    expect([answer.status, claims(answer.body.token as string)['aud']]).toEqual([200, audience])
  })

  test.each([
    'foo',
    'did:example:abc',
    'did:plc:short',
    'did:web:example.com:path',
    'did:web:example.com%3A8080',
    'did:web:api.example.com#',
    'did:web:api.example.com#a#b',
    'https://api.example.com',
  ])('%s is no audience', async (audience) => {
    expect(failure(await ask({ aud: audience, lxm }))).toBe('400 InvalidRequest')
  })

  test('methods that another server may do in the user’s name are allowed, those of the account are not', async () => {
    for (const method of ['com.atproto.repo.uploadBlob', 'com.atproto.sync.getRepo', 'com.atproto.temp.x']) {
      expect((await ask({ aud, lxm: method })).status).toBe(200)
    }
    for (const method of ['com.atproto.server.getSession', 'com.atproto.identity.signplcoperation']) {
      expect((await ask({ aud, lxm: method })).body).toEqual({
        error: 'InvalidRequest',
        message: `cannot request a service auth token for the following protected method: ${method}`,
      })
    }
  })

  test('what needs a privileged app password needs it here too', async () => {
    for (const method of ['chat.bsky.convo.getLog', 'com.atproto.server.createAccount']) {
      expect((await ask({ aud, lxm: method }, plain)).body).toEqual({
        error: 'InvalidRequest',
        message: `insufficient access to request a service auth token for the following method: ${method}`,
      })
      expect((await ask({ aud, lxm: method }, privileged)).status).toBe(200)
    }
    expect((await ask({ aud, lxm }, plain)).status).toBe(200)
  })

  test('an account that was taken down may move away, and no more', async () => {
    const { token } = await takenDown()
    expect((await ask({ aud, lxm: 'com.atproto.server.createAccount' }, token)).status).toBe(200)
    expect(failure(await ask({ aud, lxm }, token))).toBe('400 InvalidToken')
    expect(failure(await ask({ aud }, token))).toBe('400 InvalidToken')
  })
})

test('describeServer names the upload limit as the reference server does', async () => {
  expect((await net.get('com.atproto.server.describeServer')).body.blobUploadLimit).toBe(100_000_000)
})

describe('parameters that are there but empty', () => {
  test('count as absent', async () => {
    const input = {
      repo: alice.did,
      collection: 'com.example.empty',
      rkey: 'one',
      record: { $type: 'com.example.empty' },
    }
    await net.post('com.atproto.repo.createRecord', { token: alice.accessJwt, input })
    const params = { repo: alice.did, collection: 'com.example.empty', cursor: '', limit: '', reverse: '' }
    const { status, body } = await net.get('com.atproto.repo.listRecords', { params })
    expect([status, body.records.length]).toEqual([200, 1])
    const missing = await net.get('com.atproto.repo.listRecords', { params: { ...params, repo: '' } })
    expect(failure(missing)).toBe('400 InvalidRequest')
  })

  test('an empty cursor of the firehose means from now on', async () => {
    const stream = await readFirehose(net.pds.url, '' as unknown as number, () => true, 300)
    expect([stream.events, stream.closed]).toEqual([[], null])
  })
})

test('archives are packed for who takes it', async () => {
  const { did } = alice
  for (const [nsid, params] of [
    ['com.atproto.sync.getRepo', { did }],
    ['com.atproto.sync.getCheckout', { did }],
  ] as const) {
    const get = (headers: Record<string, string>) => net.get(nsid, { params, headers })
    const [packed, unpacked] = [
      await get({ 'accept-encoding': 'gzip' }),
      await get({ 'accept-encoding': 'identity' }),
    ]
    expect([packed, unpacked].map(({ headers }) => headers.get('content-encoding'))).toEqual(['gzip', null])
    expect([packed, unpacked].map(({ headers }) => headers.get('vary')?.includes('Accept-Encoding'))).toEqual(
      [true, true],
    )
    expect(Buffer.from(packed.bytes).equals(unpacked.bytes)).toBe(true)
  }
})

test('a blob may be empty', async () => {
  const answer = await net.post('com.atproto.repo.uploadBlob', {
    token: alice.accessJwt,
    bytes: new Uint8Array(0),
    type: 'text/plain',
  })
  expect([answer.status, answer.body.blob?.size]).toEqual([200, 0])
  // The CID of no bytes at all.
  expect(answer.body.blob.ref.$link).toBe('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
})

test('only somebody with a session asks for their place in a queue', async () => {
  expect(failure(await net.get('com.atproto.temp.checkSignupQueue'))).toBe('401 AuthMissing')
  const answer = await net.get('com.atproto.temp.checkSignupQueue', { token: alice.accessJwt })
  expect(answer.body).toEqual({ activated: true })
})

describe('updateHandle', () => {
  const change = (handle: string, token = alice.accessJwt) =>
    net.post('com.atproto.identity.updateHandle', { token, input: { handle } })

  test('a handle of somebody else is not available', async () => {
    const bob = await net.account()
    const answer = await change(bob.handle)
    expect([answer.status, answer.body]).toEqual([
      400,
      { error: 'HandleNotAvailable', message: `Handle already taken: ${bob.handle}` },
    ])
    const input = { handle: bob.handle, email: 'other@example.com', password: 'correct horse' }
    const made = await net.post('com.atproto.server.createAccount', { input })
    expect(failure(made)).toBe('400 InvalidRequest')
  })

  test('an app password may change it, a taken-down account may not', async () => {
    const handle = newHandle()
    expect((await change(handle, plain)).status).toBe(200)
    expect((await net.get('com.atproto.identity.resolveHandle', { params: { handle } })).body.did).toBe(
      alice.did,
    )
    expect(failure(await change(newHandle(), (await takenDown()).token))).toBe('400 InvalidToken')
  })
})

test('the handle of a did:web changes once its document says so', async () => {
  const key = createKeypair('k256')
  let claimed = newHandle()
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify({
        id: did,
        alsoKnownAs: [`at://${claimed}`],
        verificationMethod: [
          {
            id: `${did}#atproto`,
            type: 'Multikey',
            controller: did,
            publicKeyMultibase: formatMultikey(key.publicKey),
          },
        ],
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const did = `did:web:localhost%3A${(server.address() as AddressInfo).port}`
  const lxm = 'com.atproto.server.createAccount'
  const proof = await createServiceJwt({
    iss: did,
    aud: `did:web:localhost%3A${net.pds.port}`,
    lxm,
    signer: key,
  })
  const input = { did, handle: claimed, email: 'web@example.com', password: 'correct horse' }
  const { accessJwt: token } = (await net.post(lxm, { token: proof, input })).body as { accessJwt: string }
  const next = newHandle()
  const change = () => net.post('com.atproto.identity.updateHandle', { token, input: { handle: next } })
  expect((await change()).body).toEqual({
    error: 'InvalidRequest',
    message: 'DID is not properly configured for handle',
  })
  claimed = next
  expect((await change()).status).toBe(200)
  const found = await net.get('com.atproto.identity.resolveHandle', { params: { handle: next } })
  expect(found.body.did).toBe(did)
  server.close()
  server.closeAllConnections()
})

describe('names and addresses that nobody gets', () => {
  const create = (handle: string, email = `${Math.random()}@example.com`) =>
    net.post('com.atproto.server.createAccount', { input: { handle, email, password: 'correct horse' } })

  test.each([
    'bluesky',
    'barackobama',
    'wikipedia',
    'paypal',
    'nytimes',
    'atproto',
    'postmaster',
    'taylorswift',
  ])('%s is reserved', async (name) => {
    expect(failure(await create(`${name}.test`))).toBe('400 HandleNotAvailable')
  })

  test('an operator may hand out a reserved name', async () => {
    const account = await net.account()
    const input = { did: account.did, handle: 'nytimes.test' }
    expect((await net.post('com.atproto.admin.updateAccountHandle', { admin: true, input })).status).toBe(200)
  })

  test('a throw-away address is refused, in any case and below any label', async () => {
    for (const domain of ['mailinator.com', 'MAILINATOR.com', 'x.mailinator.com']) {
      const answer = await create(newHandle(), `someone@${domain}`)
      expect(answer.body).toEqual({
        error: 'InvalidRequest',
        message: 'This email address is not supported, please use a different email.',
      })
    }
    expect((await create(newHandle(), 'someone@mymailinator.com.example.com')).status).toBe(200)
  })

  test('a slur is no handle, however it is dressed up', async () => {
    const slur = Buffer.from('ZmFnZ290', 'base64').toString()
    for (const name of [slur, slur.replace('o', '0'), `${slur.slice(0, 3)}-${slur.slice(3)}s`]) {
      expect((await create(`${name}.test`)).body).toEqual({
        error: 'InvalidHandle',
        message: 'Inappropriate language in handle',
      })
    }
    const input = {
      repo: alice.did,
      collection: 'com.example.empty',
      rkey: slur,
      record: { $type: 'com.example.empty' },
    }
    const answer = await net.post('com.atproto.repo.createRecord', { token: alice.accessJwt, input })
    expect(answer.body).toEqual({ error: 'InvalidRequest', message: 'Unacceptable slur in record key' })
    // Names of people and places are none.
    for (const name of ['fagerstrom', 'scunthorpe', 'niger-times', 'raccoon', 'tycoons', 'chinkapin']) {
      expect((await create(`${name}.test`)).status).toBe(200)
    }
  })
})

describe('the well-known file of a handle', () => {
  test('is there by the host a front server forwards, and for a bare domain', async () => {
    const account = await net.account()
    const bare = await net.account()
    expect(await fileOf({ host: account.handle })).toEqual({ status: 200, body: account.did })
    expect(await fileOf({ host: 'pds.internal:2583', 'x-forwarded-host': account.handle })).toEqual({
      status: 200,
      body: account.did,
    })
    const input = { did: bare.did, handle: 'pds.example.com' }
    bareTxt = `did=${bare.did}`
    const changed = await net.post('com.atproto.admin.updateAccountHandle', { admin: true, input })
    expect(changed.status).toBe(200)
    expect(await fileOf({ host: 'pds.example.com' })).toEqual({ status: 200, body: bare.did })
    expect((await fileOf({ host: 'other.example.com' })).status).toBe(404)
  })
})

describe('preferences', () => {
  const put = (preferences: readonly object[], token = alice.accessJwt) =>
    net.post('app.bsky.actor.putPreferences', { token, input: { preferences } })
  const get = async (token = alice.accessJwt) =>
    (await net.get('app.bsky.actor.getPreferences', { token })).body.preferences as { $type: string }[]
  const adult = { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }
  const born = (birthDate: string) => ({ $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate })
  const declared = 'app.bsky.actor.defs#declaredAgePref'

  test('the declared age follows from the date of birth', async () => {
    const years = (age: number, days: number): string => {
      const date = new Date()
      date.setUTCFullYear(date.getUTCFullYear() - age)
      date.setUTCDate(date.getUTCDate() + days)
      return date.toISOString()
    }
    for (const [date, over13, over16, over18] of [
      [years(30, 0), true, true, true],
      [years(18, -1), true, true, true],
      [years(18, 2), true, true, false],
      [years(16, 2), true, false, false],
      [years(13, 2), false, false, false],
    ] as const) {
      expect((await put([adult, born(date)])).status).toBe(200)
      const found = (await get()).find(({ $type }) => $type === declared)
      expect(found).toEqual({
        $type: declared,
        isOverAge13: over13,
        isOverAge16: over16,
        isOverAge18: over18,
      })
    }
    // App passwords learn the age, not the day.
    for (const token of [plain, privileged]) {
      expect((await get(token)).map(({ $type }) => $type.split('#')[1])).toEqual([
        'adultContentPref',
        'declaredAgePref',
      ])
    }
  })

  test('what is computed is not stored, what an app password may not set is refused', async () => {
    expect((await put([{ $type: declared, isOverAge18: true }])).status).toBe(200)
    expect(await get()).toEqual([])
    for (const token of [plain, privileged]) {
      expect((await put([adult, born('2000-01-01T00:00:00.000Z')], token)).body).toEqual({
        error: 'InvalidRequest',
        message: 'Do not have authorization to set preferences: app.bsky.actor.defs#personalDetailsPref',
      })
    }
    await put([born('2000-01-01T00:00:00.000Z')])
    await put([adult], plain)
    expect((await get()).map(({ $type }) => $type.split('#')[1]).toSorted()).toEqual([
      'adultContentPref',
      'declaredAgePref',
      'personalDetailsPref',
    ])
  })

  test('others than those of app.bsky are refused, and so are too many', async () => {
    expect((await put([{ $type: 'com.example.pref' }])).body.message).toBe(
      'Some preferences are not in the app.bsky namespace',
    )
    expect((await put([{ $type: 'app.bskyish.pref' }])).body.message).toBe(
      'Some preferences are not in the app.bsky namespace',
    )
    expect((await put([{ enabled: true }])).body.error).toBe('InvalidRequest')
    const big = (size: number) => ({ $type: 'app.bsky.actor.defs#bskyAppStatePref', note: 'x'.repeat(size) })
    expect((await put([big(120_000)])).status).toBe(200)
    expect((await put([big(140_000), adult])).status).toBe(200)
    expect(failure(await put([big(160_000)]))).toBe('413 PayloadTooLarge')
  })

  test('another AppView named by the client gets the request itself', async () => {
    await using other = await startService(['bsky_appview'])
    const headers = { 'atproto-proxy': `${other.did}#bsky_appview` }
    other.answer = () => ({ body: { preferences: [adult] } })
    const got = await net.get('app.bsky.actor.getPreferences', { token: alice.accessJwt, headers })
    expect(got.body).toEqual({ preferences: [adult] })
    const input = { preferences: [adult, adult] }
    const sent = await net.post('app.bsky.actor.putPreferences', { token: alice.accessJwt, input, headers })
    expect(sent.status).toBe(200)
    expect(JSON.parse(other.seen.at(-1)!.body.toString())).toEqual(input)
    expect(other.seen.at(-1)!.token?.lxm).toBe('app.bsky.actor.putPreferences')
  })
})

test('the handle of an account that is taken down leads nowhere', async () => {
  const { account } = await takenDown()
  const { handle } = account
  expect(failure(await net.get('com.atproto.identity.resolveHandle', { params: { handle } }))).toBe(
    '400 HandleNotFound',
  )
  expect((await fileOf({ host: handle })).status).toBe(404)
})

test('the operator is told that an account is not there by name', async () => {
  const params = { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }
  const answer = await net.get('com.atproto.admin.getAccountInfo', { admin: true, params })
  expect(answer.body).toEqual({ error: 'NotFound', message: 'Account not found' })
})

describe('what an account may do that is taken down', () => {
  test('see that it is not active', async () => {
    const { token } = await takenDown()
    const answer = await net.get('com.atproto.server.checkAccountStatus', { token })
    expect([answer.status, answer.body.activated]).toEqual([200, false])
  })

  test('leave: deactivate, and have its identity signed away', async () => {
    const { token } = await takenDown()
    expect((await net.post('com.atproto.server.deactivateAccount', { token, input: {} })).status).toBe(200)
    const asked = await net.post('com.atproto.identity.requestPlcOperationSignature', { token })
    expect(asked.status).toBe(200)
    const signed = await net.post('com.atproto.identity.signPlcOperation', {
      token,
      input: { token: 'AAAAA-BBBBB' },
    })
    expect(failure(signed)).toBe('400 InvalidToken')
    expect((await net.get('app.bsky.actor.getPreferences', { token })).status).toBe(200)
  })

  test('and not more than that', async () => {
    const { account, token } = await takenDown()
    const input = { preferences: [] }
    for (const answer of [
      await net.post('app.bsky.actor.putPreferences', { token, input }),
      await net.post('com.atproto.server.activateAccount', { token }),
      await net.get('app.bsky.feed.getTimeline', { token }),
    ]) {
      expect(answer.body).toEqual({ error: 'InvalidToken', message: 'Bad token scope' })
    }
    // A session from before.
    const before = { token: account.accessJwt }
    expect(failure(await net.get('app.bsky.feed.getTimeline', before))).toBe('401 AccountTakedown')
  })
})
