import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { mailedCode } from './mail.ts'
import { sql } from '@avocet/testing/pds-rows'
import { failure, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork()
})
afterAll(() => net[Symbol.asyncDispose]())

const server = (name: string, account: TestAccount | null, input?: object): Promise<Answer> =>
  net.post(`com.atproto.server.${name}`, {
    ...(account === null ? {} : { token: account.accessJwt }),
    ...(input === undefined ? {} : { input }),
  })
const emailOf = ({ handle }: TestAccount): string => `${handle.split('.')[0]}@example.com`
const codeFor = async (name: string, account: TestAccount, input?: object): Promise<string> => {
  expect((await server(name, account, input)).status).toBe(200)
  return mailedCode(net, emailOf(account), SUBJECTS.get(name))
}
const SUBJECTS = new Map([['requestPasswordReset', 'Reset your password']])
const confirmed = async (account: TestAccount): Promise<unknown> =>
  (await net.get('com.atproto.server.getSession', { token: account.accessJwt })).body.emailConfirmed
const signIn = (account: TestAccount, password: string): Promise<Answer> =>
  server('createSession', null, { identifier: account.did, password })

describe('a mailed code belongs to the address it was mailed to', () => {
  test('a code for the old address does not confirm the new one', async () => {
    const account = await net.account()
    const code = await codeFor('requestEmailConfirmation', account)
    const victim = `president-${account.handle.split('.')[0]}@example.gov`
    expect((await server('updateEmail', account, { email: victim })).status).toBe(200)
    const confirm = await server('confirmEmail', account, { email: victim, token: code })
    expect(failure(confirm)).toBe('400 InvalidToken')
    expect(await confirmed(account)).toBe(false)
  })

  test.each([
    ['by its owner', false],
    ['by the operator', true],
  ])('a change of the address %s ends every code', async (_, byOperator) => {
    const account = await net.account()
    const reset = await codeFor('requestPasswordReset', account, { email: emailOf(account) })
    const deletion = await codeFor('requestAccountDelete', account)
    const email = `new-${emailOf(account)}`
    const change = byOperator
      ? await net.post('com.atproto.admin.updateAccountEmail', {
          admin: true,
          input: { account: account.did, email },
        })
      : await server('updateEmail', account, { email })
    expect(change.status).toBe(200)
    const taken = await server('resetPassword', null, { token: reset, password: 'stolen' })
    expect(failure(taken)).toBe('400 InvalidToken')
    const input = { did: account.did, password: 'correct horse', token: deletion }
    expect(failure(await server('deleteAccount', null, input))).toBe('400 InvalidToken')
    expect((await signIn(account, 'correct horse')).status).toBe(200)
  })

  test('a new password ends the code that would set another', async () => {
    const account = await net.account()
    const code = await codeFor('requestPasswordReset', account, { email: emailOf(account) })
    const input = { did: account.did, password: 'by the operator' }
    expect((await net.post('com.atproto.admin.updateAccountPassword', { admin: true, input })).status).toBe(
      200,
    )
    const reset = await server('resetPassword', null, { token: code, password: 'stolen' })
    expect(failure(reset)).toBe('400 InvalidToken')
    expect((await signIn(account, 'by the operator')).status).toBe(200)
  })
})

test('a stranger who asks for codes again and again does not take away the one that the owner was mailed', async () => {
  const account = await net.account()
  const email = emailOf(account)
  const token = await codeFor('requestPasswordReset', account, { email })
  for (let i = 0; i < 3; i++) {
    expect((await server('requestPasswordReset', null, { email })).status).toBe(200)
    await mailedCode(net, email)
  }
  expect((await server('resetPassword', null, { token, password: 'the owner chose it' })).status).toBe(200)
  expect((await signIn(account, 'the owner chose it')).status).toBe(200)
})

describe('a code is used up only by the call that succeeds with it', () => {
  test('resetPassword with a password that cannot be', async () => {
    const account = await net.account()
    const token = await codeFor('requestPasswordReset', account, { email: emailOf(account) })
    for (const password of ['', 'x'.repeat(257)]) {
      expect(failure(await server('resetPassword', null, { token, password }))).toBe('400 InvalidPassword')
    }
    expect((await server('resetPassword', null, { token, password: 'x'.repeat(256) })).status).toBe(200)
    expect(failure(await server('resetPassword', null, { token, password: 'again' }))).toBe(
      '400 InvalidToken',
    )
  })

  test('updateEmail to an address that is taken, or none', async () => {
    const [account, other] = [await net.account(), await net.account()]
    const token = await codeFor('requestEmailConfirmation', account)
    const email = emailOf(account)
    expect((await server('confirmEmail', account, { email, token })).status).toBe(200)
    expect((await server('requestEmailUpdate', account)).body).toEqual({ tokenRequired: true })
    const code = await mailedCode(net, email)
    const update = (to: string) => server('updateEmail', account, { email: to, token: code })
    expect(failure(await update(emailOf(other)))).toBe('400 InvalidRequest')
    expect(failure(await update('nonsense'))).toBe('400 InvalidRequest')
    expect((await update(`new-${email}`)).status).toBe(200)
    expect(await confirmed(account)).toBe(false)
  })

  test('signPlcOperation while the directory does not answer', async () => {
    const account = await net.account()
    const token = await plcCode(account)
    net.directory.broken = true
    const sign = () =>
      net.post('com.atproto.identity.signPlcOperation', { token: account.accessJwt, input: { token } })
    expect(failure(await sign())).toBe('502 UpstreamFailure')
    net.directory.broken = false
    expect((await sign()).status).toBe(200)
    expect(failure(await sign())).toBe('400 InvalidToken')
  })

  test('of two calls at once with one code, one succeeds', async () => {
    const account = await net.account()
    const token = await plcCode(account)
    const sign = () =>
      net.post('com.atproto.identity.signPlcOperation', { token: account.accessJwt, input: { token } })
    const answers = await Promise.all([sign(), sign(), sign()])
    expect(answers.map(failure).toSorted()).toEqual(['200 ', '400 InvalidToken', '400 InvalidToken'])
  })
})

test('an expired code does not look like an expired session, which clients refresh and send the call again', async () => {
  const account = await net.account()
  const codes = {
    plc: await plcCode(account),
    confirm: await codeFor('requestEmailConfirmation', account),
    deletion: await codeFor('requestAccountDelete', account),
    reset: await codeFor('requestPasswordReset', account, { email: emailOf(account) }),
  }
  sql(net, 'UPDATE email_token SET requested_at = requested_at - 900001 WHERE did = ?', account.did)
  const { did } = account
  const answers = [
    await net.post('com.atproto.identity.signPlcOperation', {
      token: account.accessJwt,
      input: { token: codes.plc },
    }),
    await server('confirmEmail', account, { email: emailOf(account), token: codes.confirm }),
    await server('deleteAccount', null, { did, password: 'correct horse', token: codes.deletion }),
    await server('resetPassword', null, { token: codes.reset, password: 'a new one' }),
  ]
  expect(answers.map(({ status, body }) => [status, body])).toEqual(
    answers.map(() => [400, { error: 'InvalidToken', message: 'Token is expired' }]),
  )
})

async function plcCode(account: TestAccount): Promise<string> {
  const asked = await net.post('com.atproto.identity.requestPlcOperationSignature', {
    token: account.accessJwt,
  })
  expect(asked.status).toBe(200)
  return mailedCode(net, emailOf(account))
}
