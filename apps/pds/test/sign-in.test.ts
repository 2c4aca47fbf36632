// Signing in as the pages will: a password with what guards it, or a passkey alone.
import { beforeEach, describe, expect, test } from 'vitest'

import type { PasswordOutcome } from '../src/accounts/sign-in.ts'
import { createPasskey, text, type Odd } from './authenticator.ts'
import {
  ANNA,
  AT_HOME,
  BOB,
  codeOf,
  ELSEWHERE,
  MINUTE,
  PASSWORD,
  setScene,
  type Scene,
} from './factor-accounts.ts'

let scene: Scene
beforeEach(async () => {
  scene = await setScene()
})

type NeedsFactor = Extract<PasswordOutcome, { needs: 'factor' }>
const signIn = (password = PASSWORD, visitor = AT_HOME) =>
  scene.signIns.signIn('anna.test', password, visitor)
const begin = async (): Promise<NeedsFactor> => (await signIn()) as NeedsFactor
const answer = (ticket: string, given: { code: string } | { passkey: unknown }, visitor = AT_HOME) =>
  codeOf(scene.signIns.answer(ticket, given, visitor))
const lastAudit = () => {
  const { actor, did, error, detail } = scene.audit.at(-1)!
  return { actor, did, error, ...detail }
}

describe('a password', () => {
  test('lets in who has no factor, by any name', async () => {
    for (const name of ['anna.test', '@anna.test', 'Anna@Example.com', ANNA]) {
      const outcome = await scene.signIns.signIn(name, PASSWORD, AT_HOME)
      expect(outcome).toEqual({ needs: null, account: scene.account() })
    }
    expect(lastAudit()).toEqual({ actor: 'account', did: ANNA, error: null, kind: 'password' })
    expect(await scene.brake.isTrusted(ANNA, AT_HOME.address)).toBe(true)
  })

  test('that is wrong, or of nobody, is refused alike', async () => {
    expect(await codeOf(signIn('wrong'))).toBe('auth-required')
    expect(lastAudit()).toEqual({
      actor: 'stranger',
      did: ANNA,
      error: 'AuthenticationRequired',
      kind: 'password',
    })
    expect(await codeOf(scene.signIns.signIn('nobody.test', PASSWORD, AT_HOME))).toBe('auth-required')
    expect(lastAudit()).toEqual({ actor: 'stranger', did: null, error: 'AuthenticationRequired' })
    await scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { takedownRef: 'r' } }])
    expect(await codeOf(signIn('wrong'))).toBe('auth-required')
    expect(await codeOf(signIn())).toBe('account-takendown')
  })

  test('is tried thirty times in five minutes by one network, at one account', async () => {
    for (let n = 0; n < 30; n++) {
      expect(await codeOf(signIn('wrong'))).toBe('auth-required')
    }
    expect(await codeOf(signIn())).toBe('too-many-at-once')
    expect(await codeOf(scene.signIns.signIn(ANNA, PASSWORD, AT_HOME))).toBe('too-many-at-once')
    expect(await codeOf(signIn(PASSWORD, ELSEWHERE))).toBe('fine')
    expect(await codeOf(scene.signIns.signIn('bob.test', PASSWORD, AT_HOME))).toBe('fine')
    scene.clock.now += 5 * MINUTE
    expect(await codeOf(signIn())).toBe('fine')
  })

  test('of an app lets nobody in', async () => {
    const { createAppPasswords } = await import('../src/accounts/app-passwords.ts')
    const { password } = await createAppPasswords(scene.store).create(ANNA, 'phone', true)
    expect(await codeOf(signIn(password))).toBe('auth-required')
  })

  test('that needs a factor makes no network a known one, and is no sign-in yet', async () => {
    await scene.addApp()
    scene.audit.length = 0
    const outcome = await begin()
    expect(outcome).toMatchObject({ needs: 'factor', kinds: ['totp', 'recovery'], passkey: null })
    expect(outcome.ticket).toMatch(/^[\w-]{43}$/)
    expect(await scene.brake.isTrusted(ANNA, AT_HOME.address)).toBe(false)
    expect(scene.audit).toEqual([])
  })
})

describe('a factor beside it', () => {
  test('is a code of an app, which ends the ticket', async () => {
    const app = await scene.addApp()
    const { ticket } = await begin()
    expect(await scene.signIns.answer(ticket, { code: scene.code(app, 1) }, AT_HOME)).toMatchObject({
      did: ANNA,
    })
    expect(lastAudit()).toEqual({ actor: 'account', did: ANNA, error: null, kind: 'password, and totp' })
    expect(await scene.brake.isTrusted(ANNA, AT_HOME.address)).toBe(true)
    scene.clock.now += MINUTE
    expect(await answer(ticket, { code: scene.code(app) })).toBe('challenge-ended')
  })

  test('is answered five times, within five minutes, in the browser that began', async () => {
    const app = await scene.addApp()
    const { ticket } = await begin()
    const elsewhere = { ...AT_HOME, binding: ELSEWHERE.binding }
    expect(await answer(ticket, { code: scene.code(app, 1) }, elsewhere)).toBe('challenge-ended')
    for (let n = 0; n < 4; n++) {
      expect(await answer(ticket, { code: '000000' })).toBe('factor-invalid')
    }
    expect(lastAudit()).toMatchObject({ actor: 'stranger', did: ANNA, error: 'InvalidToken' })
    const fifth = await begin()
    expect(await answer(ticket, { code: scene.code(app, 1) })).toBe('fine')
    for (let n = 0; n < 5; n++) {
      expect(await answer(fifth.ticket, { code: '000000' })).toBe('factor-invalid')
    }
    scene.clock.now += MINUTE
    expect(await answer(fifth.ticket, { code: scene.code(app) })).toBe('challenge-ended')
    const late = await begin()
    scene.clock.now += 5 * MINUTE - 1
    expect(await answer(late.ticket, { code: '000000' })).toBe('factor-invalid')
    scene.clock.now += 1
    expect(await answer(late.ticket, { code: scene.code(app) })).toBe('challenge-ended')
  })

  test('is a recovery code, once', async () => {
    const [code] = (await scene.addApp()).recoveryCodes!
    expect(await answer((await begin()).ticket, { code: code! })).toBe('fine')
    expect(await answer((await begin()).ticket, { code: code! })).toBe('factor-invalid')
    expect((await scene.subjects()).slice(-1)).toEqual(['A recovery code was used'])
  })

  test('is a mailed code: at once where there is nothing else, or when it is asked for', async () => {
    await scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { emailAuthFactor: true } }])
    const first = await begin()
    expect(first.kinds).toEqual(['email', 'recovery'])
    expect(await scene.subjects()).toEqual(['Sign in'])
    expect(await answer(first.ticket, { code: scene.mailed() })).toBe('fine')
    await scene.addApp()
    await scene.posted()
    const before = scene.mails.length
    const { ticket, kinds } = await begin()
    expect([kinds, scene.mails.length]).toEqual([['totp', 'email', 'recovery'], before])
    expect(await codeOf(scene.signIns.mailCode(ticket, ELSEWHERE))).toBe('challenge-ended')
    await scene.signIns.mailCode(ticket, AT_HOME)
    expect(await answer(ticket, { code: scene.mailed() })).toBe('fine')
    await scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { emailAuthFactor: false } }])
    const late = await begin()
    scene.clock.now += 5 * MINUTE - 1
    expect(await codeOf(scene.signIns.mailCode(late.ticket, AT_HOME))).toBe('factor-invalid')
    scene.clock.now += 1
    expect(await codeOf(scene.signIns.mailCode(late.ticket, AT_HOME))).toBe('challenge-ended')
  })

  test('is a passkey of the account, for the challenge of this ticket', async () => {
    const passkey = await scene.addPasskey()
    const bobs = await scene.addPasskey(BOB)
    const { ticket, kinds, passkey: asked } = await begin()
    expect(kinds).toEqual(['passkey', 'recovery'])
    expect(asked!.allowCredentials.map(({ id }) => id)).toEqual([passkey.id])
    expect(await answer(ticket, { passkey: bobs.get(asked!) })).toBe('factor-invalid')
    expect(await answer(ticket, { passkey: createPasskey().get(asked!) })).toBe('factor-invalid')
    const other = (await begin()).passkey!
    expect(await answer(ticket, { passkey: passkey.get(other) })).toBe('factor-invalid')
    const good = passkey.get(asked!)
    expect(await answer(ticket, { passkey: good })).toBe('fine')
    expect(await answer(ticket, { passkey: good })).toBe('challenge-ended')
    expect(scene.store.factors.get(passkey.id)).toMatchObject({ lastUsedAt: expect.any(String) as string })
  })

  test('is none that was removed meanwhile, and no old password opens what a new one closed', async () => {
    const app = await scene.addApp()
    const { ticket } = await begin()
    await scene.factors.remove(ANNA, app.id, AT_HOME)
    expect(await answer(ticket, { code: scene.code(app, 1) })).toBe('challenge-ended')
    const again = await scene.addApp()
    const second = await begin()
    await scene.credentials.setPassword(ANNA, 'battery staple')
    expect(await answer(second.ticket, { code: scene.code(again, 1) })).toBe('challenge-ended')
    expect((await scene.subjects()).slice(-1)).toEqual(['Your password was changed'])
  })

  test('lets in no account that was taken down meanwhile', async () => {
    const app = await scene.addApp()
    const { ticket } = await begin()
    await scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { takedownRef: 'r' } }])
    expect(await answer(ticket, { code: scene.code(app, 1) })).toBe('account-takendown')
  })

  test('that is wrong counts as a guess, which slows the next ones', async () => {
    await scene.addApp()
    for (let n = 0; n < 50; n++) {
      expect(await answer((await begin()).ticket, { code: 'aaaa-aaaa-aaaa-aaaa' })).toBe('factor-invalid')
      // The bound of one network is another matter.
      if (n % 25 === 24) scene.clock.now += 5 * MINUTE
    }
    expect(scene.slept).toEqual([])
    await begin()
    expect(scene.slept).toEqual([0])
  })
})

describe('a passkey alone', () => {
  const beginPasskey = (visitor = AT_HOME) => scene.signIns.beginPasskey(visitor)
  const show = (ticket: string, response: unknown, visitor = AT_HOME) =>
    codeOf(scene.signIns.signInWithPasskey(ticket, response, visitor))

  test('signs its owner in', async () => {
    await scene.addPasskey(BOB)
    const passkey = await scene.addPasskey()
    const { ticket, options } = await beginPasskey()
    expect(options.allowCredentials).toEqual([])
    const account = await scene.signIns.signInWithPasskey(ticket, passkey.get(options), AT_HOME)
    expect(account.did).toBe(ANNA)
    expect(lastAudit()).toEqual({ actor: 'account', did: ANNA, error: null, kind: 'passkey' })
    expect(await scene.brake.isTrusted(ANNA, AT_HOME.address)).toBe(true)
  })

  test('shows itself once for what was begun, right or wrong', async () => {
    const passkey = await scene.addPasskey()
    const first = await beginPasskey()
    const good = passkey.get(first.options)
    expect(await show(first.ticket, good)).toBe('fine')
    expect(await show(first.ticket, good)).toBe('challenge-ended')
    const second = await beginPasskey()
    // A signature that somebody saw.
    expect(await show(second.ticket, good)).toBe('factor-invalid')
    expect(await show(second.ticket, passkey.get(second.options))).toBe('challenge-ended')
    const third = await beginPasskey()
    const outcomes = await Promise.all(
      Array.from({ length: 4 }, () => show(third.ticket, passkey.get(third.options))),
    )
    expect(outcomes.filter((outcome) => outcome === 'fine')).toHaveLength(1)
  })

  test('shows itself in the browser that began, within five minutes, and for a sign-in', async () => {
    const passkey = await scene.addPasskey()
    const { ticket, options } = await beginPasskey()
    expect(await show(ticket, passkey.get(options), ELSEWHERE)).toBe('challenge-ended')
    expect(await answer(ticket, { passkey: passkey.get(options) })).toBe('challenge-ended')
    scene.clock.now += 5 * MINUTE
    expect(await show(ticket, passkey.get(options))).toBe('challenge-ended')
    const { ticket: other, passkey: asked } = await begin()
    expect(await show(other, passkey.get(asked!))).toBe('challenge-ended')
  })

  test.each<readonly [string, Odd]>([
    ['for another origin', { origin: 'https://evil.example.com' }],
    ['for another relying party', { rpId: 'evil.example.com' }],
    ['for a challenge of somebody else', { challenge: text(new Uint8Array(32)) }],
    ['by somebody who did not show who they are', { flags: 0x01 }],
    ['without a name of its owner', { userHandle: null }],
  ])('%s is refused', async (_, odd) => {
    const passkey = await scene.addPasskey()
    const { ticket, options } = await beginPasskey()
    expect(await show(ticket, passkey.get(options, odd))).toBe('factor-invalid')
    expect(lastAudit()).toMatchObject({ actor: 'stranger', error: 'InvalidToken' })
  })

  test('that is unknown, or no answer at all, is refused', async () => {
    await scene.addPasskey()
    const { options } = await beginPasskey()
    for (const response of [createPasskey().get(options), null, {}, 'x'.repeat(100_000)]) {
      expect(await show((await beginPasskey()).ticket, response)).toBe('factor-invalid')
    }
    expect(lastAudit()).toEqual({ actor: 'stranger', did: null, error: 'InvalidToken' })
  })

  test('whose counter goes back is refused, and its owner is told', async () => {
    const passkey = await scene.addPasskey()
    const first = await beginPasskey()
    expect(await show(first.ticket, passkey.get(first.options, { counter: 9 }))).toBe('fine')
    for (const counter of [9, 8]) {
      const { ticket, options } = await beginPasskey()
      expect(await show(ticket, passkey.get(options, { counter }))).toBe('factor-invalid')
    }
    expect((await scene.subjects()).slice(-2)).toEqual([
      'A passkey may have been copied',
      'A passkey may have been copied',
    ])
    const last = await beginPasskey()
    expect(await show(last.ticket, passkey.get(last.options, { counter: 10 }))).toBe('fine')
  })

  test('of an account that was taken down, or of one that is gone, lets nobody in', async () => {
    const passkey = await scene.addPasskey()
    await scene.store.apply([{ type: 'updateAccount', did: ANNA, set: { takedownRef: 'r' } }])
    const first = await beginPasskey()
    expect(await show(first.ticket, passkey.get(first.options))).toBe('account-takendown')
    await scene.store.apply([{ type: 'removeAccount', did: ANNA }])
    const second = await beginPasskey()
    expect(await show(second.ticket, passkey.get(second.options))).toBe('factor-invalid')
  })

  test('is asked for sixty times in five minutes by one network', async () => {
    for (let n = 0; n < 60; n++) {
      expect(await codeOf(beginPasskey())).toBe('fine')
    }
    expect(await codeOf(beginPasskey())).toBe('too-many-at-once')
    expect(await codeOf(beginPasskey(ELSEWHERE))).toBe('fine')
    scene.clock.now += 5 * MINUTE
    expect(await codeOf(beginPasskey())).toBe('fine')
  })

  test('leaves nothing behind once it is over', async () => {
    const { ticket } = await beginPasskey()
    const count = () => scene.challenges.open(ticket, 'passkey-sign-in', AT_HOME)
    expect(await codeOf(count())).toBe('fine')
    await scene.challenges.collect()
    expect(await codeOf(count())).toBe('fine')
    scene.clock.now += 5 * MINUTE
    await scene.challenges.collect()
    const { createHash } = await import('node:crypto')
    expect(scene.store.factors.challenge(createHash('sha256').update(ticket).digest('hex'))).toBeNull()
  })
})
