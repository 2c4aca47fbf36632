// Second factors over real sockets: the published client signs in as people do, an independent library makes the codes of their
// apps, and a real browser makes and uses their passkeys.
import { AtpAgent, ComAtprotoServerCreateSession } from '@atproto/api'
import type { Pds } from '@avocet/pds'
import { hasChromium, launchChromium } from '@avocet/testing/chromium'
import { TOTP, URI } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startMailSink, type MailSink } from '../side-by-side/mail-sink.ts'
import { PASSWORD, startPds, type TestPds } from '../support/pds.ts'
import { addVirtualAuthenticator } from '../support/virtual-authenticator.ts'

const VISITOR = { address: '127.0.0.1', binding: 'the browser of the test' }

let mail: MailSink
let server: TestPds
let pds: Pds

beforeAll(async () => {
  mail = await startMailSink()
  server = await startPds({ emailSmtpUrl: mail.url })
  pds = server.pds
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await mail.close()
})

async function newAgent(name: string): Promise<{ agent: AtpAgent; email: string }> {
  return { agent: await server.newAccount(name), email: `${name}@example.com` }
}
const login = async (identifier: string, authFactorToken?: string): Promise<AtpAgent> => {
  const agent = new AtpAgent({ service: pds.url })
  await agent.login({
    identifier,
    password: PASSWORD,
    ...(authFactorToken === undefined ? {} : { authFactorToken }),
  })
  return agent
}
const accountOf = async (agent: AtpAgent) => (await pds.accounts.find(agent.assertDid))!

describe('@atproto/api', () => {
  test('turns codes by mail on, signs in with one, and turns them off', async () => {
    const { agent, email } = await newAgent('maura')
    await agent.com.atproto.server.requestEmailConfirmation()
    await agent.com.atproto.server.confirmEmail({ email, token: await mail.code(email) })
    await agent.com.atproto.server.updateEmail({ email, emailAuthFactor: true })
    await agent.resumeSession(agent.session!)
    expect(agent.session).toMatchObject({ emailConfirmed: true, emailAuthFactor: true })

    const asked = await login('maura.test', '').catch((error: unknown) => error)
    expect(asked).toBeInstanceOf(ComAtprotoServerCreateSession.AuthFactorTokenRequiredError)
    await expect(login('maura.test', 'AAAAA-AAAAA')).rejects.toThrow('Token is invalid')
    const code = await mail.code(email)
    const second = await login('maura.test', code)
    expect(second.session).toMatchObject({ did: agent.assertDid, emailAuthFactor: true })
    await expect(login('maura.test', code)).rejects.toMatchObject({ status: 400, error: 'InvalidToken' })

    await expect(
      agent.com.atproto.server.updateEmail({ email, emailAuthFactor: false }),
    ).rejects.toMatchObject({ error: 'TokenRequired' })
    await agent.com.atproto.server.requestEmailUpdate()
    const token = await mail.code(email)
    await agent.com.atproto.server.updateEmail({ email, emailAuthFactor: false, token })
    await login('maura.test')
  })

  test('signs in with codes of an app, and with recovery codes, each of them once', async () => {
    const { agent } = await newAgent('totp')
    const did = agent.assertDid
    const { ticket, uri } = await pds.factors.beginTotp(await accountOf(agent), VISITOR)
    const app = URI.parse(uri)
    expect(app).toBeInstanceOf(TOTP)
    expect(app).toMatchObject({ issuer: 'localhost', label: 'totp.test', digits: 6, algorithm: 'SHA1' })
    const at = (offset: number): string => (app as TOTP).generate({ timestamp: Date.now() + offset * 30_000 })
    const answer = { ticket, code: at(0), name: 'phone' }
    const { recoveryCodes } = await pds.factors.finishTotp((await accountOf(agent)).did, answer, VISITOR)

    await expect(login('totp.test')).rejects.toBeInstanceOf(
      ComAtprotoServerCreateSession.AuthFactorTokenRequiredError,
    )
    await expect(login('totp.test', at(9))).rejects.toThrow('Token is invalid')
    const code = at(1)
    await login('totp.test', code)
    await expect(login('totp.test', code)).rejects.toThrow('Token is invalid')
    await login('totp.test', recoveryCodes![0])
    await expect(login('totp.test', recoveryCodes![0])).rejects.toThrow('Token is invalid')
    // What was signed in before the app was added has to sign in anew; an app password does not.
    await expect(agent.resumeSession(agent.session!)).rejects.toMatchObject({ error: 'ExpiredToken' })
    const again = await login('totp.test', recoveryCodes![1])
    const { data } = await again.com.atproto.server.createAppPassword({ name: 'old client' })
    const plain = new AtpAgent({ service: pds.url })
    await plain.login({ identifier: 'totp.test', password: data.password })
    expect(plain.session).toMatchObject({ did })
  })
})

describe.skipIf(!hasChromium('a passkey'))('a browser', () => {
  test('makes a passkey, and signs in with it, alone and beside the password', async () => {
    const { agent } = await newAgent('passkey')
    const account = await accountOf(agent)
    await using browser = await launchChromium()
    const page = await browser.newPage()
    await page.goto(`http://localhost:${pds.port}/`)
    await addVirtualAuthenticator(page)
    // As text: the test's own transformation knows nothing of pages.
    const create = (options: unknown): Promise<unknown> =>
      page.evaluate(
        `navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(${JSON.stringify(options)}) }).then((made) => made.toJSON())`,
      )
    const get = (options: unknown): Promise<unknown> =>
      page.evaluate(
        `navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)}) }).then((made) => made.toJSON())`,
      )

    const begun = await pds.factors.beginPasskey(account, VISITOR)
    const response = await create(begun.options)
    const answer = { ticket: begun.ticket, response, name: 'this browser' }
    const { factor, recoveryCodes } = await pds.factors.finishPasskey(account.did, answer, VISITOR)
    expect([factor.kind, recoveryCodes?.length]).toEqual(['passkey', 10])

    const alone = await pds.signIns.beginPasskey(VISITOR)
    const shown = await get(alone.options)
    expect((await pds.signIns.signInWithPasskey(alone.ticket, shown, VISITOR)).did).toBe(account.did)
    const replayed = await pds.signIns.beginPasskey(VISITOR)
    await expect(pds.signIns.signInWithPasskey(replayed.ticket, shown, VISITOR)).rejects.toThrow(
      'Token is invalid',
    )

    const outcome = await pds.signIns.signIn('passkey.test', PASSWORD, VISITOR)
    if (outcome.needs !== 'factor') throw new Error('no factor was asked for')
    const beside = { passkey: await get(outcome.passkey) }
    expect((await pds.signIns.answer(outcome.ticket, beside, VISITOR)).did).toBe(account.did)
    // The same authenticator makes no second one for this account.
    const second = await pds.factors.beginPasskey(account, VISITOR)
    await expect(create(second.options)).rejects.toThrow('InvalidStateError')

    await expect(login('passkey.test')).rejects.toBeInstanceOf(
      ComAtprotoServerCreateSession.AuthFactorTokenRequiredError,
    )
    await pds.factors.remove(account.did, factor.id, VISITOR)
    await login('passkey.test')
  })
})
