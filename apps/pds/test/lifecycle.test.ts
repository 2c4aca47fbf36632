import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readFirehose } from './firehose.ts'
import { mailedCode } from './mail.ts'
import { failure, post, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork()
})
afterAll(() => net[Symbol.asyncDispose]())

const write = (account: TestAccount, text = 'x') =>
  net.post('com.atproto.repo.createRecord', {
    token: account.accessJwt,
    input: { repo: account.did, collection: 'app.bsky.feed.post', record: post(text) },
  })
const server = (name: string, account: TestAccount, input?: object) =>
  net.post(`com.atproto.server.${name}`, {
    token: account.accessJwt,
    ...(input === undefined ? {} : { input }),
  })
const sync = (name: string, did: string) => net.get(`com.atproto.sync.${name}`, { params: { did } })
const takedown = (subject: object, applied: boolean) =>
  net.post('com.atproto.admin.updateSubjectStatus', {
    admin: true,
    input: { subject, takedown: { applied, ref: 'r1' } },
  })
const repoRef = (did: string) => ({ $type: 'com.atproto.admin.defs#repoRef', did })

/** The event types of one account after a cursor. */
async function eventsOf(did: string, after: number): Promise<string[]> {
  const { events } = await readFirehose(net.pds.url, after, () => false, 400)
  return events
    .filter(({ body }) => (body.did ?? body.repo) === did)
    .map(({ type, body }) => (type === '#account' ? `#account ${body.status ?? 'active'}` : type))
}
const newest = async (): Promise<number> =>
  (await readFirehose(net.pds.url, 0, () => false, 400)).events.at(-1)?.body.seq ?? 0

const emailOf = ({ handle }: TestAccount): string => `${handle.split('.')[0]}@example.com`

describe('deactivation', () => {
  test('turns everything off and on again, and the stream tells', async () => {
    const account = await net.account()
    await write(account)
    const cursor = await newest()
    expect((await server('deactivateAccount', account, {})).status).toBe(200)
    expect(failure(await write(account))).toBe('401 AccountDeactivated')
    expect(failure(await sync('getRepo', account.did))).toBe('400 RepoDeactivated')
    expect((await sync('getRepoStatus', account.did)).body).toEqual({
      did: account.did,
      active: false,
      status: 'deactivated',
    })
    expect(failure(await net.get('com.atproto.repo.describeRepo', { params: { repo: account.did } }))).toBe(
      '400 RepoDeactivated',
    )
    const own = await net.get('com.atproto.sync.getRepo', {
      params: { did: account.did },
      token: account.accessJwt,
    })
    expect(own.status).toBe(200)
    const session = await net.get('com.atproto.server.getSession', { token: account.accessJwt })
    expect(session.body).toMatchObject({ active: false, status: 'deactivated' })
    expect((await server('deactivateAccount', account, {})).status).toBe(200)
    expect((await server('activateAccount', account)).status).toBe(200)
    expect((await write(account)).status).toBe(200)
    expect(await eventsOf(account.did, cursor)).toEqual([
      '#account deactivated',
      '#account active',
      '#identity',
      '#sync',
      '#commit',
    ])
  })
})

describe('takedown', () => {
  test('of an account ends its sessions and hides its repository', async () => {
    const account = await net.account()
    await write(account)
    const cursor = await newest()
    expect(failure(await net.post('com.atproto.admin.updateSubjectStatus', { input: {} }))).toBe(
      '401 AuthenticationRequired',
    )
    expect((await takedown(repoRef(account.did), true)).status).toBe(200)
    expect(failure(await sync('getRepo', account.did))).toBe('400 RepoTakendown')
    expect(failure(await write(account))).toBe('401 AccountTakedown')
    const identifier = account.handle
    const signIn = await net.post('com.atproto.server.createSession', {
      input: { identifier, password: 'correct horse' },
    })
    expect(failure(signIn)).toBe('401 AccountTakedown')
    const status = await net.get('com.atproto.admin.getSubjectStatus', {
      params: { did: account.did },
      admin: true,
    })
    expect(status.body).toMatchObject({
      takedown: { applied: true, ref: 'r1' },
      deactivated: { applied: false },
    })
    await takedown(repoRef(account.did), false)
    expect((await sync('getRepo', account.did)).status).toBe(200)
    expect(await eventsOf(account.did, cursor)).toEqual(['#account takendown', '#account active'])
  })

  test('of a record hides that record', async () => {
    const account = await net.account()
    const { uri, cid } = (await write(account)).body
    const subject = { $type: 'com.atproto.repo.strongRef', uri, cid }
    expect((await takedown(subject, true)).status).toBe(200)
    const params = { repo: account.did, collection: 'app.bsky.feed.post', rkey: uri.split('/').at(-1) }
    expect(failure(await net.get('com.atproto.repo.getRecord', { params }))).toBe('400 RecordNotFound')
    const status = await net.get('com.atproto.admin.getSubjectStatus', { params: { uri }, admin: true })
    expect(status.body).toEqual({ subject, takedown: { applied: true, ref: 'r1' } })
    await takedown(subject, false)
    expect((await net.get('com.atproto.repo.getRecord', { params })).status).toBe(200)
  })
})

describe('deletion', () => {
  test('needs the password and the mailed code, and leaves only the last event', async () => {
    const account = await net.account()
    await write(account)
    const asked = await server('requestAccountDelete', account)
    expect(asked.status).toBe(200)
    const token = await mailedCode(net, emailOf(account))
    const ask = (input: object) => net.post('com.atproto.server.deleteAccount', { input })
    const { did } = account
    expect(failure(await ask({ did, password: 'wrong', token }))).toBe('401 AuthenticationRequired')
    expect(failure(await ask({ did, password: 'correct horse', token: 'AAAAA-BBBBB' }))).toBe(
      '400 InvalidToken',
    )
    expect((await ask({ did, password: 'correct horse', token })).status).toBe(200)
    expect(failure(await sync('getRepo', did))).toBe('400 RepoNotFound')
    expect(await eventsOf(did, 0)).toEqual(['#account deleted'])
    expect((await net.account(account.handle)).did).not.toBe(did)
  })
})

describe('credentials', () => {
  test('a password is reset with a mailed code, once, and ends every session', async () => {
    const account = await net.account()
    const request = (email: string) =>
      net.post('com.atproto.server.requestPasswordReset', { input: { email } })
    expect((await request('nobody@example.com')).status).toBe(200)
    expect((await request(emailOf(account))).status).toBe(200)
    const token = await mailedCode(net, emailOf(account))
    const input = { token: token.toLowerCase(), password: 'a new one' }
    expect((await net.post('com.atproto.server.resetPassword', { input })).status).toBe(200)
    expect(failure(await net.post('com.atproto.server.resetPassword', { input }))).toBe('400 InvalidToken')
    const refresh = await net.post('com.atproto.server.refreshSession', { token: account.refreshJwt })
    expect(failure(refresh)).toBe('400 ExpiredToken')
    const signIn = (password: string) =>
      net.post('com.atproto.server.createSession', { input: { identifier: account.did, password } })
    expect((await signIn('correct horse')).status).toBe(401)
    expect((await signIn('a new one')).status).toBe(200)
  })

  test('an address is confirmed, and changed with a code once it is', async () => {
    const account = await net.account()
    const other = `other-${emailOf(account)}`
    await server('requestEmailConfirmation', account)
    const confirm = { email: emailOf(account), token: await mailedCode(net, emailOf(account)) }
    expect(failure(await server('confirmEmail', account, { ...confirm, email: other }))).toBe(
      '400 InvalidEmail',
    )
    expect((await server('confirmEmail', account, confirm)).status).toBe(200)
    expect((await server('requestEmailUpdate', account)).body).toEqual({ tokenRequired: true })
    expect(failure(await server('updateEmail', account, { email: other }))).toBe('400 TokenRequired')
    const token = await mailedCode(net, emailOf(account))
    expect((await server('updateEmail', account, { email: other, token })).status).toBe(200)
    const session = await net.get('com.atproto.server.getSession', { token: account.accessJwt })
    expect(session.body).toMatchObject({ email: other, emailConfirmed: false })
  })

  test('an app password signs in, cannot manage the account, and ends when revoked', async () => {
    const account = await net.account()
    const made = await server('createAppPassword', account, { name: 'phone' })
    expect(made.body.password).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/)
    expect(failure(await server('createAppPassword', account, { name: 'phone' }))).toBe('400 InvalidRequest')
    const session = await net.post('com.atproto.server.createSession', {
      input: { identifier: account.handle, password: made.body.password },
    })
    const limited = { ...account, ...session.body } as TestAccount
    expect((await write(limited)).status).toBe(200)
    expect(failure(await server('createAppPassword', limited, { name: 'second' }))).toBe('400 InvalidToken')
    expect(failure(await server('deactivateAccount', limited, {}))).toBe('400 InvalidToken')
    const seen = await net.get('com.atproto.server.getSession', { token: limited.accessJwt })
    expect(seen.body).not.toHaveProperty('email')
    const list = await net.get('com.atproto.server.listAppPasswords', { token: account.accessJwt })
    expect(list.body.passwords).toMatchObject([{ name: 'phone', privileged: false }])
    expect((await server('revokeAppPassword', account, { name: 'phone' })).status).toBe(200)
    const refresh = await net.post('com.atproto.server.refreshSession', { token: limited.refreshJwt })
    expect(failure(refresh)).toBe('400 ExpiredToken')
  })

  test('a handle changes here and at the directory', async () => {
    const account = await net.account()
    const handle = `new${account.handle}`
    const cursor = await newest()
    const change = (to: string) =>
      net.post('com.atproto.identity.updateHandle', { token: account.accessJwt, input: { handle: to } })
    expect((await change(handle)).status).toBe(200)
    expect(net.directory.log(account.did).at(-1)).toMatchObject({ alsoKnownAs: [`at://${handle}`] })
    expect((await net.get('com.atproto.identity.resolveHandle', { params: { handle } })).body.did).toBe(
      account.did,
    )
    expect(
      failure(await net.get('com.atproto.identity.resolveHandle', { params: { handle: account.handle } })),
    ).toBe('400 HandleNotFound')
    expect(await eventsOf(account.did, cursor)).toEqual(['#identity'])
    const other = await net.account()
    expect(failure(await change(other.handle))).toBe('400 HandleNotAvailable')
    expect(failure(await change('admin.test'))).toBe('400 HandleNotAvailable')
    const described = await net.get('com.atproto.repo.describeRepo', { params: { repo: account.did } })
    expect(described.body).toMatchObject({ handle, handleIsCorrect: true })
  })
})

test('preferences are private, and app passwords leave the personal ones alone', async () => {
  const account = await net.account()
  const put = (token: string, preferences: object[]) =>
    net.post('app.bsky.actor.putPreferences', { token, input: { preferences } })
  const personal = { $type: 'app.bsky.actor.defs#personalDetailsPref', birthDate: '1990-01-01T00:00:00.000Z' }
  const adult = { $type: 'app.bsky.actor.defs#adultContentPref', enabled: true }
  expect((await put(account.accessJwt, [personal, adult])).status).toBe(200)
  const { password } = (await server('createAppPassword', account, { name: 'x' })).body
  const app = (
    await net.post('com.atproto.server.createSession', { input: { identifier: account.did, password } })
  ).body
  const get = async (token: string) =>
    (await net.get('app.bsky.actor.getPreferences', { token })).body.preferences
  const age = {
    $type: 'app.bsky.actor.defs#declaredAgePref',
    isOverAge13: true,
    isOverAge16: true,
    isOverAge18: true,
  }
  expect(await get(app.accessJwt)).toEqual([adult, age])
  await put(app.accessJwt, [{ ...adult, enabled: false }])
  expect(await get(account.accessJwt)).toEqual([personal, { ...adult, enabled: false }, age])
  expect(failure(await put(account.accessJwt, [{ $type: 'com.example.pref' }]))).toBe('400 InvalidRequest')
})

test('invite codes', async () => {
  await using closed = await startNetwork({ config: { inviteRequired: true } })
  const apply = (handle: string, inviteCode?: string) =>
    closed.post('com.atproto.server.createAccount', {
      input: {
        handle,
        email: `${handle}@x.com`,
        password: 'secret word',
        ...(inviteCode === undefined ? {} : { inviteCode }),
      },
    })
  expect(failure(await apply('anna.test'))).toBe('400 InvalidInviteCode')
  expect(failure(await apply('anna.test', 'localhost-aaaaa-bbbbb'))).toBe('400 InvalidInviteCode')
  const made = await closed.post('com.atproto.server.createInviteCode', {
    admin: true,
    input: { useCount: 1 },
  })
  const { code } = made.body
  expect((await apply('anna.test', code)).status).toBe(200)
  expect(failure(await apply('bert.test', code))).toBe('400 InvalidInviteCode')
  const list = await closed.get('com.atproto.admin.getInviteCodes', { admin: true })
  expect(list.body.codes).toMatchObject([
    { code, available: 1, uses: [{ usedBy: expect.stringMatching(/^did:plc:/) }] },
  ])
  const { body } = await closed.post('com.atproto.server.createInviteCodes', {
    admin: true,
    input: { codeCount: 2, useCount: 5 },
  })
  const [first, second] = body.codes[0].codes
  await closed.post('com.atproto.admin.disableInviteCodes', { admin: true, input: { codes: [first] } })
  expect(failure(await apply('bert.test', first))).toBe('400 InvalidInviteCode')
  expect((await apply('bert.test', second)).status).toBe(200)
})
