// Second factors over HTTP: createSession, codes by mail that a client turns on and off, the operator who helps out.
import { createHash } from 'node:crypto'

import { sql } from '@avocet/testing/pds-rows'
import type { Did } from '@avocet/syntax'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createProgram } from '../src/commands/program.ts'
import { addApp } from './authenticator-app.ts'
import { mailedCode, mailTo } from './mail.ts'
import {
  ADMIN_PASSWORD,
  failure,
  startNetwork,
  type Answer,
  type TestAccount,
  type TestNetwork,
} from './network.ts'

let net: TestNetwork
beforeAll(async () => {
  net = await startNetwork()
})
afterAll(() => net[Symbol.asyncDispose]())

const emailOf = ({ handle }: TestAccount): string => `${handle.split('.')[0]}@example.com`
const server = (name: string, account: TestAccount | null, input: object = {}): Promise<Answer> =>
  net.post(`com.atproto.server.${name}`, {
    ...(account === null ? {} : { token: account.accessJwt }),
    ...(Object.keys(input).length === 0 ? {} : { input }),
  })
const signIn = (account: TestAccount, authFactorToken?: string, password = 'correct horse') =>
  server('createSession', null, {
    identifier: account.handle,
    password,
    ...(authFactorToken === undefined ? {} : { authFactorToken }),
  })
const getSession = async (account: { accessJwt: string }): Promise<Record<string, unknown>> =>
  (await net.get('com.atproto.server.getSession', { token: account.accessJwt })).body
const confirm = async (account: TestAccount): Promise<void> => {
  await server('requestEmailConfirmation', account)
  const token = await mailedCode(net, emailOf(account), 'Confirm your email')
  expect((await server('confirmEmail', account, { email: emailOf(account), token })).status).toBe(200)
}
/** What is turned on or off, with the present address, as clients do. */
const turn = (account: TestAccount, emailAuthFactor: boolean, token?: string): Promise<Answer> =>
  server('updateEmail', account, {
    email: emailOf(account),
    emailAuthFactor,
    ...(token === undefined ? {} : { token }),
  })
const withCodes = async (): Promise<TestAccount> => {
  const account = await net.account()
  await confirm(account)
  expect((await turn(account, true)).status).toBe(200)
  return account
}
/** Whether the owner was told, by name. */
const isTold = async (account: TestAccount, subject: string): Promise<boolean> =>
  (await mailTo(net, emailOf(account), subject)).includes(`Hello ${account.handle},`)

describe('codes by mail', () => {
  test('are turned on for a confirmed address, by the session that goes on', async () => {
    const account = await net.account()
    expect(await getSession(account)).toMatchObject({ emailConfirmed: false, emailAuthFactor: false })
    expect(failure(await turn(account, true))).toBe('400 InvalidRequest')
    await confirm(account)
    expect((await turn(account, true)).status).toBe(200)
    expect(await getSession(account)).toMatchObject({ emailConfirmed: true, emailAuthFactor: true })
    // Once more changes nothing.
    expect((await turn(account, true)).status).toBe(200)
    const refreshed = await net.post('com.atproto.server.refreshSession', { token: account.refreshJwt })
    expect(refreshed.body).toMatchObject({ emailConfirmed: true, emailAuthFactor: true })
    expect(await isTold(account, 'Sign-in codes are on')).toBe(true)
    const [entry] = sql(
      net,
      `SELECT detail FROM audit WHERE did = ? AND action = 'e-mail address changed' ORDER BY id DESC LIMIT 1`,
      account.did,
    )
    expect(JSON.parse(entry!['detail'] as string)).toMatchObject({ signInCodes: true })
  })

  test('are asked for by createSession in the words of clients', async () => {
    const account = await withCodes()
    const asked = await signIn(account)
    expect([failure(asked), asked.body.message]).toEqual([
      '401 AuthFactorTokenRequired',
      'A sign in code has been sent to your email address',
    ])
    expect(failure(await signIn(account, ''))).toBe('401 AuthFactorTokenRequired')
    const wrong = await signIn(account, 'AAAAA-AAAAA')
    expect([failure(wrong), wrong.body.message]).toEqual(['400 InvalidToken', 'Token is invalid'])
    expect(failure(await signIn(account, 'x'.repeat(10_000)))).toBe('400 InvalidToken')
    expect(failure(await signIn(account, undefined, 'wrong'))).toBe('401 AuthenticationRequired')
    const code = await mailedCode(net, emailOf(account), 'Sign in')
    expect(failure(await signIn(account, code, 'wrong'))).toBe('401 AuthenticationRequired')
    const session = await signIn(account, code)
    expect([session.status, session.body.emailAuthFactor]).toEqual([200, true])
    expect(failure(await signIn(account, code))).toBe('400 InvalidToken')
  })

  test('are nothing that app passwords need, nor see', async () => {
    const account = await withCodes()
    const made = await server('createAppPassword', account, { name: 'phone' })
    const session = await signIn(account, undefined, made.body.password as string)
    expect([session.status, session.body.emailAuthFactor]).toEqual([200, false])
    expect(await getSession(session.body as { accessJwt: string })).toMatchObject({ emailAuthFactor: false })
    const turned = await net.post('com.atproto.server.updateEmail', {
      token: session.body.accessJwt as string,
      input: { email: emailOf(account), emailAuthFactor: false },
    })
    expect(failure(turned)).toBe('400 InvalidToken')
  })

  test('are turned off with a code that is mailed for it', async () => {
    const account = await withCodes()
    expect(failure(await turn(account, false))).toBe('400 TokenRequired')
    expect(failure(await turn(account, false, 'AAAAA-AAAAA'))).toBe('400 InvalidToken')
    expect(await getSession(account)).toMatchObject({ emailAuthFactor: true })
    expect((await server('requestEmailUpdate', account)).body).toEqual({ tokenRequired: true })
    const token = await mailedCode(net, emailOf(account), 'Change your email address')
    expect((await turn(account, false, token)).status).toBe(200)
    expect(await getSession(account)).toMatchObject({ emailConfirmed: true, emailAuthFactor: false })
    expect((await signIn(account)).status).toBe(200)
    expect(await isTold(account, 'Sign-in codes are off')).toBe(true)
    // Off already: nothing to do, and so no code.
    expect((await turn(account, false)).status).toBe(200)
  })

  test('are off with a new address, of which the former one is told', async () => {
    const account = await withCodes()
    const email = `new-${emailOf(account)}`
    const change = (input: object) => server('updateEmail', account, { email, ...input })
    expect(failure(await change({}))).toBe('400 TokenRequired')
    await server('requestEmailUpdate', account)
    const token = await mailedCode(net, emailOf(account), 'Change your email address')
    // Nobody has shown yet to read mail there.
    expect(failure(await change({ token, emailAuthFactor: true }))).toBe('400 InvalidRequest')
    expect((await change({ token, emailAuthFactor: false })).status).toBe(200)
    expect(await getSession(account)).toMatchObject({ email, emailConfirmed: false, emailAuthFactor: false })
    expect(await isTold(account, 'Your email address was changed')).toBe(true)
    expect((await signIn(account)).status).toBe(200)
  })

  test('are off when the operator sets an address', async () => {
    const account = await withCodes()
    const input = { account: account.did, email: `operators-${emailOf(account)}` }
    expect((await net.post('com.atproto.admin.updateAccountEmail', { admin: true, input })).status).toBe(200)
    expect(await getSession(account)).toMatchObject({ emailConfirmed: false, emailAuthFactor: false })
  })
})

describe('an app', () => {
  test('guards createSession, and its codes and recovery codes open it once each', async () => {
    const account = await net.account()
    const app = await addApp(net.pds, account.did)
    const asked = await signIn(account)
    expect([failure(asked), asked.body.message]).toEqual([
      '401 AuthFactorTokenRequired',
      'A code of your authenticator app, or a recovery code, is required',
    ])
    expect(failure(await signIn(account, app.code(5)))).toBe('400 InvalidToken')
    const code = app.code(1)
    const session = await signIn(account, `${code.slice(0, 3)} ${code.slice(3)}`)
    expect([session.status, session.body.emailAuthFactor]).toEqual([200, false])
    expect(failure(await signIn(account, code))).toBe('400 InvalidToken')
    expect((await signIn(account, app.recoveryCodes[0])).status).toBe(200)
    expect(failure(await signIn(account, app.recoveryCodes[0]))).toBe('400 InvalidToken')
    expect(await isTold(account, 'A recovery code was used')).toBe(true)
  })

  test('outlives a restart, and has no secret in the database', async () => {
    const account = await net.account()
    const app = await addApp(net.pds, account.did)
    await net.restart()
    expect((await signIn(account, app.code(1))).status).toBe(200)
    const [row] = sql(net, 'SELECT hash FROM recovery_code WHERE did = ? ORDER BY hash', account.did)
    const hashes = app.recoveryCodes.map((code) =>
      createHash('sha256').update(code.replaceAll('-', '')).digest('hex'),
    )
    expect(row!['hash']).toBe(hashes.toSorted()[0])
  })

  test('is asked for after a password was reset by mail, too', async () => {
    const account = await net.account()
    const app = await addApp(net.pds, account.did)
    await server('requestPasswordReset', null, { email: emailOf(account) })
    const token = await mailedCode(net, emailOf(account), 'Reset your password')
    expect((await server('resetPassword', null, { token, password: 'battery staple' })).status).toBe(200)
    expect(failure(await signIn(account, undefined, 'battery staple'))).toBe('401 AuthFactorTokenRequired')
    expect((await signIn(account, app.code(1), 'battery staple')).status).toBe(200)
    expect(await isTold(account, 'Your password was changed')).toBe(true)
  })
})

describe('a password alone', () => {
  test('makes no network a known one where an account is deleted', async () => {
    const limited = await startNetwork({ config: { rateLimitsEnabled: true } })
    try {
      const account = await limited.account()
      const attempt = (name: string, input: object, from: string): Promise<Answer> =>
        limited.post(`com.atproto.server.${name}`, { input, headers: { 'x-forwarded-for': from } })
      const deletion = { did: account.did, password: 'correct horse', token: 'AAAAA-AAAAA' }
      expect(failure(await attempt('deleteAccount', deletion, '203.0.113.5'))).toBe('400 InvalidToken')
      // Guesses from everywhere: strangers wait in line, and whoever is known does not.
      const guess = (from: string) =>
        attempt('createSession', { identifier: account.did, password: 'wrong' }, from)
      for (let n = 0; n < 50; n++) {
        expect(failure(await guess(`192.0.2.${n}`))).toBe('401 AuthenticationRequired')
      }
      expect(failure(await guess('192.0.2.60'))).toBe('401 AuthenticationRequired')
      const started = performance.now()
      expect(failure(await guess('203.0.113.5'))).toBe('401 AuthenticationRequired')
      expect(performance.now() - started).toBeGreaterThan(1000)
    } finally {
      await limited[Symbol.asyncDispose]()
    }
  }, 30_000)
})

describe('the operator', () => {
  const command = async (...args: string[]): Promise<string[]> => {
    const lines: string[] = []
    await createProgram({
      env: { PDS_ADMIN_PASSWORD: ADMIN_PASSWORD },
      print: (line) => void lines.push(line),
      serve: () => Promise.resolve(),
    }).parseAsync([...args, '--port', String(net.pds.port)], { from: 'user' })
    return lines
  }
  const page = (init?: RequestInit & { query?: string }): Promise<Response> =>
    fetch(`${net.pds.url}/factors${init?.query ?? ''}`, {
      ...init,
      headers: {
        authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`,
        ...(init?.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })

  test('lists factors and removes those that their owner lost, and that is in the audit log', async () => {
    const account = await withCodes()
    const app = await addApp(net.pds, account.did)
    const listed = (await (await page({ query: `?account=${account.handle}` })).json()) as Record<
      string,
      unknown
    >
    expect(listed).toMatchObject({ did: account.did, email: true, recoveryCodes: 10 })
    expect(JSON.stringify(listed)).not.toContain('secret')
    const post = async (body: object): Promise<string> => {
      const answer = await page({ method: 'POST', body: JSON.stringify(body) })
      return `${answer.status} ${JSON.stringify(await answer.json())}`
    }
    expect(await post({ account: account.did, remove: 'none' })).toMatch('400 {"error":"NotFound"')
    expect(await post({ account: account.did })).toMatch('400 {"error":"InvalidRequest"')
    expect(await post({ account: account.did, remove: 'x'.repeat(1365) })).toMatch(
      '400 {"error":"InvalidRequest"',
    )
    expect(await post({ account: 'nobody.test', remove: 'all' })).toMatch('400 {"error":"AccountNotFound"')
    expect(await post({ account: account.did, remove: app.id })).toBe(
      '200 {"removed":["the authenticator app \\"phone\\""]}',
    )
    expect(await net.pds.factors.list(account.did as Did)).toMatchObject({ factors: [], email: true })
    expect(await isTold(account, 'A way to sign in was removed')).toBe(true)
    const audit = await fetch(`${net.pds.url}/audit?account=${account.did}&limit=2`, {
      headers: { authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}` },
    })
    expect(((await audit.json()) as { entries: object[] }).entries).toMatchObject([
      { action: 'factor removed', actor: 'operator', error: null, detail: { which: app.id } },
      { action: 'factor removed', actor: 'operator', error: 'NotFound', detail: { which: 'none' } },
    ])
    expect((await fetch(`${net.pds.url}/factors?account=${account.did}`)).status).toBe(401)
  })

  test('does so by the command', async () => {
    const account = await withCodes()
    const app = await addApp(net.pds, account.did)
    expect(await command('account', 'factors', account.handle)).toEqual([
      expect.stringMatching(new RegExp(`^${app.id}\ttotp\tphone\tadded \\S+\tused never$`)) as string,
      'email\tcodes by mail',
      'recovery-codes\t10 left',
    ])
    expect(await command('account', 'factors', account.did, '--remove', 'all')).toEqual([
      'removed the authenticator app "phone"',
      'removed codes by mail',
      'removed recovery codes',
    ])
    expect(await command('account', 'factors', account.did)).toEqual(['no second factor'])
    expect((await signIn(account)).status).toBe(200)
    await expect(command('account', 'factors', 'nobody.test')).rejects.toThrow('AccountNotFound')
  })
})
