import { createKeypair } from '@avocet/crypto'
import { tidFromMicros } from '@avocet/syntax'
import { afterEach, expect, test } from 'vitest'

import { createProgram } from '../src/commands/program.ts'
import { checkCommit, readFirehose, signingKeyOf, type Received } from './firehose.ts'
import {
  ADMIN_PASSWORD,
  failure,
  newHandle,
  post,
  startNetwork,
  type TestAccount,
  type TestNetwork,
} from './network.ts'
import { sql } from '@avocet/testing/pds-rows'

// The port is another after a restart: tokens are made out to this.
const CONFIG = { inviteRequired: false, serviceDid: 'did:web:keys.example.com' }
let net: TestNetwork
afterEach(() => net[Symbol.asyncDispose]())

async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = []
  const program = createProgram({
    env: { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD },
    print: (line) => void lines.push(line),
    serve: () => Promise.resolve(),
  })
  await program.parseAsync(['rotate-keys', ...args, '--port', String(net.pds.port)], { from: 'user' })
  return lines
}

const create = async ({ did, accessJwt: token }: TestAccount): Promise<string> =>
  failure(
    await net.post('com.atproto.repo.createRecord', {
      token,
      input: { repo: did, collection: 'app.bsky.feed.post', record: post('a') },
    }),
  )
const keyOf = (did: string): string => (net.directory.log(did).at(-1) as any).verificationMethods.atproto
const eventsOf = async (did: string): Promise<Received[]> =>
  (await readFirehose(net.pds.url, 0, () => false, 300)).events.filter(
    ({ body }) => (body.did ?? body.repo) === did,
  )

/** The account works with the key that the directory names: a commit made now verifies, and follows the one before. */
async function expectWorking(account: TestAccount): Promise<void> {
  expect(await create(account)).toBe('200 ')
  const events = await eventsOf(account.did)
  const [before, last] = events.slice(-2)
  checkCommit(last!.body, signingKeyOf(net.directory.log(account.did)))
  expect(last!.body.since).toBe(before!.body.rev)
}

test('a new signing key: directory, repository, firehose; sessions go on', async () => {
  net = await startNetwork({ config: CONFIG })
  const account = await net.account()
  await create(account)
  const old = keyOf(account.did)
  expect(await run(account.handle, '--dry-run')).toEqual([`${account.did} would get a new signing key`])
  expect([keyOf(account.did), net.directory.log(account.did).length]).toEqual([old, 1])
  const [line] = await run(account.handle)
  expect(line).toBe(`${account.did} has a new signing key ${keyOf(account.did)}`)
  expect(keyOf(account.did)).not.toBe(old)
  const events = await eventsOf(account.did)
  expect(events.slice(-2).map(({ type }) => type)).toEqual(['#identity', '#sync'])
  await expectWorking(account)
  await net.restart()
  await expectWorking(account)
})

test('a directory that refuses changes nothing; the key made for it is used the next time', async () => {
  net = await startNetwork({ config: CONFIG })
  const account = await net.account()
  const old = keyOf(account.did)
  net.directory.broken = true
  await expect(run(account.did)).rejects.toThrow(/^UpstreamFailure: /)
  net.directory.broken = false
  expect(keyOf(account.did)).toBe(old)
  await create(account)
  checkCommit((await eventsOf(account.did)).at(-1)!.body, signingKeyOf(net.directory.log(account.did)))
  await run(account.did)
  await create(account)
  await expectWorking(account)
})

test('cut off after the directory knows the key: the next start ends it with that key', async () => {
  net = await startNetwork({ config: CONFIG })
  const account = await net.account()
  const old = keyOf(account.did)
  net.directory.answerLost = true
  await expect(run(account.did)).rejects.toThrow(/^UpstreamFailure: /)
  net.directory.answerLost = false
  const told = keyOf(account.did)
  expect(told).not.toBe(old)
  await net.restart()
  // The account was made with one, and its new key comes with another.
  const isEnded = (events: readonly Received[]): boolean =>
    events.filter(({ type, body }) => type === '#sync' && body.did === account.did).length === 2
  await readFirehose(net.pds.url, 0, isEnded, 20_000)
  expect([keyOf(account.did), net.directory.log(account.did).length]).toEqual([told, 2])
  await create(account)
  await expectWorking(account)
})

test('all accounts, and again: those done are left out; one that cannot be is named', async () => {
  net = await startNetwork({ config: CONFIG })
  const accounts = [await net.account(), await net.account()]
  expect(await run('--all')).toHaveLength(2)
  const keys = accounts.map(({ did }) => keyOf(did))
  const again = await run('--all')
  expect(again.every((line) => line.includes('has a new signing key since '))).toBe(true)
  expect(accounts.map(({ did }) => keyOf(did))).toEqual(keys)
  net.directory.broken = true
  const third = await net.account().catch(() => null)
  expect(third).toBeNull()
  await expect(run()).rejects.toThrow('give an account, or --all')
})

test("the server's rotation key: the new one in the place of the previous one, signed by that", async () => {
  const keys = [createKeypair('k256'), createKeypair('k256')]
  const [before, after] = keys.map((key) => Buffer.from(key.exportPrivateKey()).toString('hex'))
  net = await startNetwork({ config: { ...CONFIG, plcRotationKeyHex: before! } })
  const account = await net.account()
  const second = await startNetwork({
    directory: net.directory,
    folder: net.folder,
    before: () => net.pds.close(),
    config: {
      ...CONFIG,
      plcRotationKeyHex: after!,
      previousPlcRotationKeyHex: before!,
    },
  })
  net.pds = second.pds
  const listed = (): string[] => (net.directory.log(account.did).at(-1) as any).rotationKeys
  expect(listed()).toEqual([keys[0]!.didKey])
  // Until it is done, the previous key signs.
  await run(account.did)
  await run(account.did, '--rotation-key', '--dry-run')
  expect(listed()).toEqual([keys[0]!.didKey])
  await run('--all', '--rotation-key')
  expect(listed()).toEqual([keys[1]!.didKey])
  expect((await run('--all', '--rotation-key'))[0]).toContain('lists the key already')
  // From now on the new key signs.
  await run(account.did)
  expect(net.directory.log(account.did)).toHaveLength(4)
})

test('publish-identity mends a directory that has another handle, and adds nothing to one that has it', async () => {
  net = await startNetwork({ config: CONFIG })
  const account = await net.account()
  const handle = newHandle()
  await net.pds.close()
  sql(net, 'UPDATE account SET handle = ? WHERE did = ?', handle, account.did)
  await net.start()
  const publish = async (): Promise<void> => {
    const env = { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD }
    const program = createProgram({ env, print: () => {}, serve: () => Promise.resolve() })
    const args = ['account', 'publish-identity', handle, '--port', String(net.pds.port)]
    await program.parseAsync(args, { from: 'user' })
  }
  await publish()
  await publish()
  const log = net.directory.log(account.did)
  expect([log.length, (log.at(-1) as any).alsoKnownAs]).toEqual([2, [`at://${handle}`]])
})

test('a repository that cannot follow: the directory is not told', async () => {
  net = await startNetwork({ config: CONFIG })
  const account = await net.account()
  const old = keyOf(account.did)
  // As after a clock that ran a year ahead.
  const ahead = tidFromMicros((Date.now() + 365 * 24 * 60 * 60 * 1000) * 1000, 1)
  sql(net, 'UPDATE repo SET rev = ? WHERE did = ?', ahead, account.did)
  await net.restart()
  for (const args of [[account.did], [account.did, '--dry-run']]) {
    await expect(run(...args)).rejects.toThrow(/^RepoNeedsRepair: /)
  }
  expect([keyOf(account.did), net.directory.log(account.did).length]).toEqual([old, 1])
})

test.each(['deactivated', 'taken down'])(
  'the repository of an account that is %s gets the key, and is not announced',
  async (how) => {
    net = await startNetwork({ config: CONFIG })
    const account = await net.account()
    await create(account)
    const hide = async (hidden: boolean): Promise<unknown> =>
      how === 'deactivated'
        ? net.post(`com.atproto.server.${hidden ? 'de' : ''}activateAccount`, {
            token: account.accessJwt,
            ...(hidden ? { input: {} } : {}),
          })
        : net.post('com.atproto.admin.updateSubjectStatus', {
            admin: true,
            input: {
              subject: { $type: 'com.atproto.admin.defs#repoRef', did: account.did },
              takedown: { applied: hidden },
            },
          })
    await hide(true)
    await run(account.did)
    expect((await eventsOf(account.did)).slice(-2).map(({ type }) => type)).toEqual(['#account', '#identity'])
    await hide(false)
    expect(await create(account)).toBe('200 ')
    checkCommit((await eventsOf(account.did)).at(-1)!.body, signingKeyOf(net.directory.log(account.did)))
  },
)

test('a key that somebody else put into the directory stays there', async () => {
  net = await startNetwork({ config: CONFIG })
  const account = await net.account()
  sql(
    net,
    'UPDATE account SET signing_key = ? WHERE did = ?',
    createKeypair('k256').exportPrivateKey(),
    account.did,
  )
  await net.restart()
  const before = keyOf(account.did)
  await expect(run(account.did)).rejects.toThrow(
    'InvalidRequest: The directory has a key that this server does not know',
  )
  expect([keyOf(account.did), net.directory.log(account.did).length]).toEqual([before, 1])
})
