// Bounds, pages and states of single methods.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readFirehose } from './firehose.ts'
import { mailedCode } from './mail.ts'
import { failure, post, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'
import { sql } from '@avocet/testing/pds-rows'

let net: TestNetwork
let alice: TestAccount
beforeAll(async () => {
  net = await startNetwork()
  alice = await net.account()
})
afterAll(() => net[Symbol.asyncDispose]())

const emailOf = ({ handle }: TestAccount): string => `${handle.split('.')[0]}@example.com`
const repo = (name: string, account: TestAccount, input: object): Promise<Answer> =>
  net.post(`com.atproto.repo.${name}`, { token: account.accessJwt, input: { repo: account.did, ...input } })
const takedown = (did: string, applied = true): Promise<Answer> =>
  net.post('com.atproto.admin.updateSubjectStatus', {
    admin: true,
    input: { subject: { $type: 'com.atproto.admin.defs#repoRef', did }, takedown: { applied } },
  })

describe('bounds', () => {
  test('applyWrites takes 200 writes, not one more', async () => {
    const write = (count: number): Promise<Answer> =>
      repo('applyWrites', alice, {
        validate: false,
        writes: Array.from({ length: count }, (_, n) => ({
          $type: 'com.atproto.repo.applyWrites#create',
          collection: 'com.example.bound',
          rkey: `r${count}-${n}`,
          value: {},
        })),
      })
    expect(failure(await write(200))).toBe('200 ')
    const refused = await write(201)
    expect([refused.status, refused.body]).toEqual([
      400,
      // Refused before any of them is looked at.
      { error: 'InvalidRequest', message: 'Too many writes. Max: 200' },
    ])
  })

  test('createInviteCodes makes 1000 codes in all, not one more', async () => {
    const make = async (codeCount: number, accounts: number): Promise<string> =>
      failure(
        await net.post('com.atproto.server.createInviteCodes', {
          admin: true,
          input: {
            codeCount,
            useCount: 1,
            forAccounts: Array.from({ length: accounts }, (_, n) => `did:web:a${n}.example.com`),
          },
        }),
      )
    expect([await make(500, 2), await make(501, 2), await make(1, 1001)]).toEqual([
      '200 ',
      '400 InvalidRequest',
      '400 InvalidRequest',
    ])
  })
})

describe('pages', () => {
  test('of invite codes end where there are no more, and name those that hold them', async () => {
    await using own = await startNetwork({ inProcess: true })
    const account = await own.account()
    const make = async (): Promise<string> =>
      (
        await own.post('com.atproto.server.createInviteCode', {
          admin: true,
          input: { useCount: 1, forAccount: account.did },
        })
      ).body.code as string
    const codes = [await make(), await make(), await make()]
    const page = async (
      cursor?: string,
      limit = 2,
    ): Promise<{ codes: { code: string }[]; cursor?: string }> =>
      (
        await own.get('com.atproto.admin.getInviteCodes', {
          admin: true,
          params: { limit, ...(cursor === undefined ? {} : { cursor }) },
        })
      ).body
    const first = await page()
    const second = await page(first.cursor)
    expect([...first.codes, ...second.codes].map(({ code }) => code).toSorted()).toEqual(codes.toSorted())
    expect([typeof first.cursor, second.cursor]).toEqual(['string', undefined])
    const held = async (): Promise<string[]> =>
      (
        await own.get('com.atproto.server.getAccountInviteCodes', { token: account.accessJwt })
      ).body.codes.map(({ code }: { code: string }) => code)
    expect((await held()).toSorted()).toEqual(codes.toSorted())
    await own.post('com.atproto.admin.disableInviteCodes', { admin: true, input: { codes: [codes[0]] } })
    expect((await held()).toSorted()).toEqual(codes.slice(1).toSorted())
  })

  test('of repositories go past an account that has none, and tell the status of each', async () => {
    await using own = await startNetwork({ inProcess: true })
    const accounts = [await own.account(), await own.account(), await own.account()]
    const dids = accounts.map(({ did }) => did).toSorted()
    // Its repository is under a name that no account has, which shifts the pages of the two against each other.
    sql(own, "UPDATE repo SET did = did || 'x' WHERE did = ?", dids[0]!)
    const list = async (limit = 2): Promise<string[]> => {
      const found: string[] = []
      for (let cursor = ''; ;) {
        const { body } = await own.get('com.atproto.sync.listRepos', {
          params: { limit, ...(cursor === '' ? {} : { cursor }) },
        })
        for (const { did, active, status } of body.repos) found.push(`${did} ${active} ${status ?? ''}`)
        if (body.cursor === undefined) return found
        cursor = body.cursor
      }
    }
    for (const limit of [1, 2, 3])
      expect(await list(limit)).toEqual(dids.slice(1).map((did) => `${did} true `))
    const input = { subject: { $type: 'com.atproto.admin.defs#repoRef', did: dids[1] } }
    await own.post('com.atproto.admin.updateSubjectStatus', {
      admin: true,
      input: { ...input, takedown: { applied: true } },
    })
    expect(await list()).toEqual([`${dids[1]} false takendown`, `${dids[2]} true `])
  })

  test('of repositories with a collection leave out those that are hidden', async () => {
    const accounts = [await net.account(), await net.account(), await net.account()]
    for (const account of accounts) {
      const input = { collection: 'com.example.listed', record: {}, validate: false }
      expect((await repo('createRecord', account, input)).status).toBe(200)
    }
    const list = async (): Promise<string[]> =>
      (
        await net.get('com.atproto.sync.listReposByCollection', {
          params: { collection: 'com.example.listed' },
        })
      ).body.repos.map(({ did }: { did: string }) => did)
    const [down, off, on] = accounts as [TestAccount, TestAccount, TestAccount]
    expect((await list()).toSorted()).toEqual(accounts.map(({ did }) => did).toSorted())
    await takedown(down.did)
    await net.post('com.atproto.server.deactivateAccount', { token: off.accessJwt, input: {} })
    expect(await list()).toEqual([on.did])
    await takedown(down.did, false)
    expect((await list()).toSorted()).toEqual([down.did, on.did].toSorted())
  })
})

describe('links', () => {
  const subject = (n: number): object => ({
    uri: `at://did:plc:zzzzzzzzzzzzzzzzzzzzzzzz/app.bsky.feed.post/${n}`,
    cid: 'bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq',
  })
  const like = (n: number): object => ({
    $type: 'app.bsky.feed.like',
    subject: subject(n),
    createdAt: '2026-01-01T00:00:00.000Z',
  })
  const collection = 'app.bsky.feed.like'
  const keys = async (account: TestAccount): Promise<string[]> =>
    (
      await net.get('com.atproto.repo.listRecords', { params: { repo: account.did, collection } })
    ).body.records.map(({ uri }: { uri: string }) => uri.split('/').at(-1))

  test('a like that was taken back can be given again', async () => {
    const account = await net.account()
    for (let n = 0; n < 3; n++) {
      const made = await repo('createRecord', account, { collection, record: like(1) })
      expect(failure(made)).toBe('200 ')
      const rkey = made.body.uri.split('/').at(-1)
      expect(failure(await repo('deleteRecord', account, { collection, rkey }))).toBe('200 ')
    }
    expect(await keys(account)).toEqual([])
  })

  test('a like that points elsewhere now is not what it was', async () => {
    const account = await net.account()
    const first = (await repo('createRecord', account, { collection, record: like(1) })).body.uri
      .split('/')
      .at(-1)
    expect(failure(await repo('putRecord', account, { collection, rkey: first, record: like(2) }))).toBe(
      '200 ',
    )
    const second = (await repo('createRecord', account, { collection, record: like(1) })).body.uri
      .split('/')
      .at(-1)
    expect(new Set(await keys(account))).toEqual(new Set([first, second]))
    const third = (await repo('createRecord', account, { collection, record: like(2) })).body.uri
      .split('/')
      .at(-1)
    expect(new Set(await keys(account))).toEqual(new Set([second, third]))
  })
})

test('a handle is right only if the document says it', async () => {
  const account = await net.account()
  const isRight = async (): Promise<boolean> =>
    (await net.get('com.atproto.repo.describeRepo', { params: { repo: account.did } })).body.handleIsCorrect
  expect(await isRight()).toBe(true)
  sql(net, "UPDATE account SET handle = 'other' || handle WHERE did = ?", account.did)
  await net.restart()
  expect(await isRight()).toBe(false)
  alice = { ...alice, accessJwt: (await signIn(alice)).body.accessJwt }
})

const signIn = ({ did }: TestAccount): Promise<Answer> =>
  net.post('com.atproto.server.createSession', { input: { identifier: did, password: 'correct horse' } })

test('an address is confirmed in whatever case it is written', async () => {
  const account = await net.account()
  await net.post('com.atproto.server.requestEmailConfirmation', { token: account.accessJwt })
  const token = await mailedCode(net, emailOf(account))
  const email = ` ${emailOf(account).toUpperCase()} `.trim()
  const confirmed = await net.post('com.atproto.server.confirmEmail', {
    token: account.accessJwt,
    input: { email, token },
  })
  expect(failure(confirmed)).toBe('200 ')
})

test('the longest password is taken, a longer one is not', async () => {
  const apply = async (password: string, n: number): Promise<string> =>
    failure(
      await net.post('com.atproto.server.createAccount', {
        input: { handle: `long${n}.test`, email: `long${n}@example.com`, password },
      }),
    )
  expect(await apply('x'.repeat(257), 1)).toBe('400 InvalidPassword')
  expect(await apply('x'.repeat(256), 1)).toBe('200 ')
  expect(await apply('', 2)).toBe('400 InvalidPassword')
  const input = { identifier: 'long1.test', password: 'x'.repeat(256) }
  expect(failure(await net.post('com.atproto.server.createSession', { input }))).toBe('200 ')
})

describe('guesses at a password', () => {
  test('by the door of deletion stand in the same line as at sign-in', async () => {
    await using limited = await startNetwork({ config: { rateLimitsEnabled: true } })
    const account = await limited.account()
    const own = (await limited.post('com.atproto.server.createSession', {
      headers: { 'x-forwarded-for': '198.51.100.1' },
      input: { identifier: account.did, password: 'correct horse' },
    })) as Answer
    expect(own.status).toBe(200)
    let asked = 0
    const guess = async (name: string): Promise<number> => {
      const began = performance.now()
      const input =
        name === 'deleteAccount'
          ? { did: account.did, password: 'wrong', token: 'x' }
          : { identifier: account.did, password: 'wrong' }
      const headers = { 'x-forwarded-for': `203.0.113.${++asked % 250}` }
      expect(failure(await limited.post(`com.atproto.server.${name}`, { headers, input }))).toBe(
        '401 AuthenticationRequired',
      )
      return performance.now() - began
    }
    await Promise.all(Array.from({ length: 50 }, () => guess('deleteAccount')))
    await guess('createSession')
    // The fifty-second waits for the one before.
    expect(await guess('deleteAccount')).toBeGreaterThan(1000)
    // Who refreshes a session from there is no guesser, nor who signed in from there.
    const refresh = await limited.post('com.atproto.server.refreshSession', {
      token: own.body.refreshJwt,
      headers: { 'x-forwarded-for': '192.0.2.9' },
    })
    expect(refresh.status).toBe(200)
    for (const address of ['192.0.2.9', '198.51.100.1']) {
      const began = performance.now()
      const answer = await limited.post('com.atproto.server.createSession', {
        headers: { 'x-forwarded-for': address },
        input: { identifier: account.did, password: 'correct horse' },
      })
      expect([answer.status, performance.now() - began < 1500]).toEqual([200, true])
    }
  }, 30_000)
})

test('the longest handle and posts of it are served', async () => {
  const account = await net.account(`${'h'.repeat(18)}.test`)
  const made = await repo('createRecord', account, { collection: 'app.bsky.feed.post', record: post('x') })
  expect(failure(made)).toBe('200 ')
})

test('early references to blobs are found beside a field of any name', async () => {
  const account = await net.account()
  const legacy = { cid: 'bafkreie5737gdxlw5i64vzichcalba3z2v5n6icifvx5xytvske7mr3hpm', mimeType: 'image/png' }
  for (const record of [
    { picture: legacy },
    { asCID: 1, picture: legacy },
    { a: { asCID: null, b: [legacy] } },
  ]) {
    const made = await repo('createRecord', account, { collection: 'com.example.early', record })
    expect([failure(made), made.body.message]).toEqual([
      '400 InvalidRequest',
      'Legacy blob references are not allowed',
    ])
  }
})

test('an account that is taken down is turned on without its repository being announced', async () => {
  const account = await net.account()
  await net.post('com.atproto.server.deactivateAccount', { token: account.accessJwt, input: {} })
  await takedown(account.did)
  const turnedOn = await net.post('com.atproto.admin.updateSubjectStatus', {
    admin: true,
    input: {
      subject: { $type: 'com.atproto.admin.defs#repoRef', did: account.did },
      deactivated: { applied: false },
    },
  })
  expect(failure(turnedOn)).toBe('200 ')
  const { events } = await readFirehose(net.pds.url, 0, () => false, 400)
  const own = events.filter(({ body }) => (body.did ?? body.repo) === account.did)
  expect(own.slice(-3).map(({ type, body }) => `${type} ${body.status ?? ''}`)).toEqual([
    '#account takendown',
    '#account takendown',
    '#identity ',
  ])
})
