import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { readFirehose } from './firehose.ts'
import { failure, newHandle, startNetwork, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeEach(
  async () => void (net = await startNetwork({ config: { serviceDid: 'did:web:handles.example.com' } })),
)
afterEach(() => net[Symbol.asyncDispose]())

const change = ({ accessJwt }: TestAccount, handle: string): ReturnType<TestNetwork['post']> =>
  net.post('com.atproto.identity.updateHandle', { token: accessJwt, input: { handle } })
const here = async ({ accessJwt }: TestAccount): Promise<string> =>
  (await net.get('com.atproto.server.getSession', { token: accessJwt })).body.handle
const told = ({ did }: TestAccount): string =>
  (net.directory.log(did).at(-1) as { alsoKnownAs?: string[] }).alsoKnownAs![0]!.slice('at://'.length)
const announced = async ({ did }: TestAccount): Promise<string[]> => {
  const { events } = await readFirehose(net.pds.url, 0, () => false, 200)
  return events
    .filter(({ type, body }) => type === '#identity' && body.did === did)
    .map(({ body }) => body.handle)
}

/** Asks for a handle; the directory takes it, and its answer is lost. */
async function changeHalf(account: TestAccount, handle: string): Promise<void> {
  net.directory.answerLost = true
  expect(failure(await change(account, handle))).toBe('502 UpstreamFailure')
  net.directory.answerLost = false
  expect([await here(account), told(account)]).toEqual([account.handle, handle])
}

test('a change that was cut off once the directory had it is ended by the next start, and announced', async () => {
  const [account, next] = [await net.account(), newHandle()]
  await changeHalf(account, next)
  await net.restart()
  await vi.waitFor(async () => expect(await here(account)).toBe(next), 5000)
  expect(await announced(account)).toEqual([account.handle, next])
  await net.restart()
  expect(await announced(account)).toEqual([account.handle, next])
})

test('several at once come one after the other: the last is what the directory says, too', async () => {
  const account = await net.account()
  const handles = [newHandle(), newHandle(), newHandle()]
  const answers = await Promise.all(handles.map((handle) => change(account, handle)))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(await here(account)).toBe(told(account))
  expect(net.directory.log(account.did)).toHaveLength(4)
})

test('one that the directory never had is forgotten', async () => {
  const [account, next] = [await net.account(), newHandle()]
  net.directory.broken = true
  expect(failure(await change(account, next))).toBe('502 UpstreamFailure')
  net.directory.broken = false
  await net.restart()
  expect((await change(account, account.handle)).status).toBe(200)
  expect([await here(account), told(account)]).toEqual([account.handle, account.handle])
  expect(net.directory.log(account.did)).toHaveLength(1)
  expect((await change(account, next)).status).toBe(200)
  expect([await here(account), told(account)]).toEqual([next, next])
})

test('a wish that follows begins where the directory is', async () => {
  const [account, next] = [await net.account(), newHandle()]
  await changeHalf(account, next)
  expect((await change(account, account.handle)).status).toBe(200)
  expect([await here(account), told(account)]).toEqual([account.handle, account.handle])
  expect(await announced(account)).toEqual([account.handle, next, account.handle])
})

test('a handle that somebody else has by then is given back in the directory', async () => {
  const [account, next] = [await net.account(), newHandle()]
  await changeHalf(account, next)
  const other = await net.account(next)
  await net.restart()
  await vi.waitFor(() => expect(told(account)).toBe(account.handle), 5000)
  expect([await here(account), await here(other), told(other)]).toEqual([account.handle, next, next])
})
